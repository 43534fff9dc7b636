/** Items by row: ids, facts, and the facts' columns. Rows are given in the order of first mention and never again. */
import type { ItemId, ItemRow } from "../core/index.ts";
import type { ItemFacts } from "../events/index.ts";
import type { ItemColumns } from "./catalog.ts";
import { CategoryLists } from "./category-lists.ts";
import { FIRST_CAPACITY, widened } from "./columns.ts";
import { Dictionary } from "./dictionary.ts";

export class ItemTable implements ItemColumns {
  size = 0;
  factsVersion = 0;
  live = new Uint8Array(FIRST_CAPACITY);
  creator = new Int32Array(FIRST_CAPACITY);
  duration = new Float32Array(FIRST_CAPACITY);
  publishedAt = new Float64Array(FIRST_CAPACITY);
  firstSeen = new Float64Array(FIRST_CAPACITY);
  bornAt = new Float64Array(FIRST_CAPACITY);
  readonly categoryCodes = new Dictionary();
  readonly creatorCodes = new Dictionary();
  private readonly lists = new CategoryLists();
  private readonly ids: ItemId[] = [];
  private readonly rows = new Map<ItemId, ItemRow>();
  private readonly facts: (ItemFacts | undefined)[] = [];

  get capacity(): number {
    return this.live.length;
  }

  get categoryOffsets(): Int32Array {
    return this.lists.offsets;
  }

  get categoryCounts(): Int32Array {
    return this.lists.counts;
  }

  get categories(): Int32Array {
    return this.lists.codes;
  }

  rowOf(item: ItemId): ItemRow | undefined {
    return this.rows.get(item);
  }

  idOf(row: number): ItemId {
    return this.ids[row]!;
  }

  factsOf(row: number): ItemFacts | undefined {
    return this.facts[row];
  }

  /** The item's row; a new, live one where the item is mentioned for the first time. */
  mention(item: ItemId, time: number): ItemRow {
    const known = this.rows.get(item);
    if (known !== undefined) {
      if (time < this.firstSeen[known]!) this.see(known, time);
      return known;
    }
    const row = this.size as ItemRow;
    if (row === this.capacity) this.widen(this.capacity * 2);
    this.rows.set(item, row);
    this.ids.push(item);
    this.facts.push(undefined);
    this.live[row] = 1;
    this.duration[row] = Number.NaN;
    this.publishedAt[row] = Number.NaN;
    this.see(row, time);
    this.size++;
    this.factsVersion++;
    return row;
  }

  private see(row: number, time: number): void {
    this.firstSeen[row] = time;
    if (Number.isNaN(this.publishedAt[row]!)) this.bornAt[row] = time;
  }

  /** Replaces all facts of the item; a removed item is live again. */
  upsert(row: number, facts: ItemFacts): void {
    const categories = new Set((facts.categories ?? []).map((name) => this.categoryCodes.codeOf(name)));
    categories.delete(0);
    this.facts[row] = facts;
    this.live[row] = 1;
    this.creator[row] = this.creatorCodes.codeOf(facts.creator ?? "");
    this.duration[row] = facts.duration ?? Number.NaN;
    this.publishedAt[row] = facts.publishedAt ?? Number.NaN;
    this.bornAt[row] = facts.publishedAt ?? this.firstSeen[row]!;
    this.lists.set(row, [...categories], this.size);
    this.factsVersion++;
  }

  /** The item may not be recommended any more; its row, facts and statistics stay. */
  remove(row: number): void {
    this.live[row] = 0;
  }

  private widen(capacity: number): void {
    this.live = widened(this.live, capacity);
    this.creator = widened(this.creator, capacity);
    this.duration = widened(this.duration, capacity);
    this.publishedAt = widened(this.publishedAt, capacity);
    this.firstSeen = widened(this.firstSeen, capacity);
    this.bornAt = widened(this.bornAt, capacity);
    this.lists.widen(capacity);
  }
}
