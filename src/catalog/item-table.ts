/** Items by row: ids, facts, and the facts' columns. Rows are given in the order of first mention and never again. */
import type { ItemId, ItemRow } from "../core/index.ts";
import type { ItemFacts } from "../events/index.ts";
import type { ItemColumns } from "./catalog.ts";
import { CategoryLists, type CopiedLists } from "./category-lists.ts";
import { capacityFor, FIRST_CAPACITY, type NumberColumn, widened } from "./columns.ts";
import { Dictionary } from "./dictionary.ts";
import type { PackedTexts } from "./packed-texts.ts";
import { RowJournal } from "./row-changes.ts";

/** What of a table its columns do not say, as it was at a moment. */
export interface CopiedItems {
  readonly size: number;
  readonly factsVersion: number;
  /** (size) or more: rows that came later are at the end. */
  readonly ids: readonly ItemId[];
  /** (size) facts as JSON, empty where there are none. */
  readonly factsText: (row: number) => string;
  readonly lists: CopiedLists;
  readonly categoryNames: readonly string[];
  readonly creatorNames: readonly string[];
}

/** What makes a table out of columns that are filled in already. */
export interface RestoredItems {
  readonly factsVersion: number;
  /** (size) */
  readonly ids: readonly ItemId[];
  /** (size) as of CopiedItems. */
  readonly facts: PackedTexts;
  readonly categories: Int32Array<ArrayBuffer>;
  readonly categoryNames: readonly string[];
  readonly creatorNames: readonly string[];
}

export class ItemTable implements ItemColumns {
  size = 0;
  changes = new RowJournal();
  live = new Uint8Array(FIRST_CAPACITY);
  creator = new Int32Array(FIRST_CAPACITY);
  duration = new Float32Array(FIRST_CAPACITY);
  publishedAt = new Float64Array(FIRST_CAPACITY);
  firstSeen = new Float64Array(FIRST_CAPACITY);
  bornAt = new Float64Array(FIRST_CAPACITY);
  categoryCodes = new Dictionary();
  creatorCodes = new Dictionary();
  private readonly lists = new CategoryLists();
  private readonly ids: ItemId[] = [];
  private readonly rows = new Map<ItemId, ItemRow>();
  /** Facts that were upserted here or asked for; of the other rows, `packed` knows. */
  private readonly facts: (ItemFacts | undefined)[] = [];
  /** Facts of the rows that came from an image: most are never asked for, and reading them all takes seconds. */
  private packed: PackedTexts | undefined;

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
    return this.facts[row] ?? this.unpack(row);
  }

  hasFacts(row: number): boolean {
    return this.facts[row] !== undefined || (this.packed?.has(row) ?? false);
  }

  private unpack(row: number): ItemFacts | undefined {
    if (this.packed === undefined || !this.packed.has(row)) return undefined;
    // What an image holds was an item's facts when it was written, and has passed its checksum.
    const facts = JSON.parse(this.packed.at(row)) as ItemFacts;
    this.facts[row] = facts;
    return facts;
  }

  /** The item's row; a new, live one where the item is mentioned for the first time. */
  mention(item: ItemId, time: number): ItemRow {
    const known = this.rows.get(item);
    if (known !== undefined) {
      if (time < this.firstSeen[known]!) this.see(known, time);
      return known;
    }
    const row = this.size as ItemRow;
    if (row === this.capacity) this.widen(row + 1);
    this.rows.set(item, row);
    this.ids.push(item);
    this.facts.push(undefined);
    this.live[row] = 1;
    this.duration[row] = Number.NaN;
    this.publishedAt[row] = Number.NaN;
    this.see(row, time);
    this.size++;
    return row;
  }

  private see(row: number, time: number): void {
    this.firstSeen[row] = time;
    if (Number.isNaN(this.publishedAt[row]!)) this.bornAt[row] = time;
    this.changes.add(row);
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
    this.changes.add(row);
  }

  /** The item may not be recommended any more; its row, facts and statistics stay. */
  remove(row: number): void {
    this.live[row] = 0;
    this.changes.add(row);
  }

  /** (capacity) each; the order is that of an image. */
  columns(): readonly NumberColumn[] {
    const { live, creator, duration, publishedAt, firstSeen, bornAt, lists } = this;
    return [live, creator, duration, publishedAt, firstSeen, bornAt, lists.counts];
  }

  copy(): CopiedItems {
    const { size, changes, ids, packed } = this;
    const facts = this.facts.slice();
    const textOf = (row: number) => (packed?.has(row) ? packed.at(row) : "");
    return {
      size,
      factsVersion: changes.version,
      ids,
      factsText: (row) => (facts[row] === undefined ? textOf(row) : JSON.stringify(facts[row])),
      lists: this.lists.copy(size),
      categoryNames: this.categoryCodes.names.slice(),
      creatorNames: this.creatorCodes.names.slice(),
    };
  }

  /** Makes the rows of an empty table whose columns are filled in. Throws RangeError where they do not fit them. */
  restore(items: RestoredItems): void {
    const { ids, facts } = items;
    if (facts.count !== ids.length) throw new RangeError(`expected ${ids.length} facts, got ${facts.count}`);
    for (const id of ids) this.rows.set(id, (this.ids.push(id) - 1) as ItemRow);
    if (this.rows.size !== ids.length) throw new RangeError(`expected ${ids.length} ids, some come twice`);
    this.size = ids.length;
    this.changes = new RowJournal(items.factsVersion);
    this.facts.length = ids.length;
    this.packed = facts;
    this.lists.fill(items.categories, this.size);
    this.categoryCodes = new Dictionary(items.categoryNames);
    this.creatorCodes = new Dictionary(items.creatorNames);
  }

  /** Makes room for `size` items. */
  widen(size: number): void {
    const capacity = capacityFor(size, this.capacity);
    if (capacity === this.capacity) return;
    this.live = widened(this.live, capacity);
    this.creator = widened(this.creator, capacity);
    this.duration = widened(this.duration, capacity);
    this.publishedAt = widened(this.publishedAt, capacity);
    this.firstSeen = widened(this.firstSeen, capacity);
    this.bornAt = widened(this.bornAt, capacity);
    this.lists.widen(capacity);
  }
}
