/**
 * The catalog in memory: one fold of the log over the item table, the counters and the user table.
 *
 * Facts and removals of items hold in the order of the log, whatever their times say. Impressions count for items that
 * are known by then and never make a row, so that a sender who logs slates of foreign items cannot fill the catalog.
 * An erasure takes the user's facts. It does not take the user's share out of the item statistics: these are sums over
 * all users in which no one can be told apart, and taking one out would need the history that was to be forgotten.
 */
import { type ItemId, type ItemRow, type Offset, UpnextError, type UserId } from "../core/index.ts";
import type {
  Anonymous,
  Interaction,
  ItemFacts,
  ItemUpsert,
  LoggedEvent,
  StoredEvent,
  UserFacts,
} from "../events/index.ts";
import type { Catalog, CatalogImage, ItemColumns, ItemStatistics } from "./catalog.ts";
import { type CatalogParts, imageOf, partsOf } from "./catalog-image.ts";
import { ItemCounters } from "./item-counters.ts";
import { ItemTable } from "./item-table.ts";
import { Moment } from "./moment.ts";
import { UserTable } from "./user-table.ts";

/** An empty catalog that waits for the event at offset 0. */
export function createCatalog(): Catalog {
  return new MemoryCatalog({
    table: new ItemTable(),
    counters: new ItemCounters(),
    users: new UserTable(),
    applied: 0 as Offset,
    erasedThrough: 0 as Offset,
  });
}

/** The catalog that an image is of. Throws RangeError where the chunks are no image that this version wrote. */
export async function restoreCatalog(chunks: AsyncIterable<Buffer>): Promise<Catalog> {
  return new MemoryCatalog(await partsOf(chunks));
}

class MemoryCatalog implements Catalog {
  readonly name = "catalog";
  readonly moment = new Moment();
  private next: number;
  private nextAfterErasure: number;
  private readonly table: ItemTable;
  private readonly counters: ItemCounters;
  private readonly users: UserTable;

  constructor({ table, counters, users, applied, erasedThrough }: CatalogParts) {
    this.table = table;
    this.counters = counters;
    this.users = users;
    this.next = applied;
    this.nextAfterErasure = erasedThrough;
  }

  get size(): number {
    return this.table.size;
  }

  get applied(): Offset {
    return this.next as Offset;
  }

  get items(): ItemColumns {
    return this.table;
  }

  get statistics(): ItemStatistics {
    return this.counters;
  }

  get categoryNames(): readonly string[] {
    return this.table.categoryCodes.names;
  }

  get creatorNames(): readonly string[] {
    return this.table.creatorCodes.names;
  }

  get erasures(): ReadonlyMap<UserId, number> {
    return this.users.erasures;
  }

  get erasedThrough(): Offset {
    return this.nextAfterErasure as Offset;
  }

  rowOf(item: ItemId): ItemRow | undefined {
    return this.table.rowOf(item);
  }

  idOf(row: number): ItemId {
    return this.table.idOf(row);
  }

  factsOf(row: number): ItemFacts | undefined {
    return this.table.factsOf(row);
  }

  hasFacts(row: number): boolean {
    return this.table.hasFacts(row);
  }

  userFacts(user: UserId): UserFacts | undefined {
    return this.users.facts.get(user)?.facts;
  }

  image(): CatalogImage {
    const { table, counters, users, applied, erasedThrough } = this;
    return imageOf({ table, counters, users, applied, erasedThrough });
  }

  factsTime(user: UserId): number | undefined {
    return this.users.facts.get(user)?.time;
  }

  apply(batch: readonly LoggedEvent[]): void {
    for (const { offset, event } of batch) {
      if (offset < this.next) continue;
      if (offset > this.next) {
        throw new UpnextError(
          "internal",
          `catalog: apply expected the event at offset ${this.next} and got offset ${offset}; hand in every event of the log, in order, from \`applied\` on`,
        );
      }
      this.applyEvent(event);
      this.next++;
    }
  }

  private applyEvent(event: StoredEvent): void {
    switch (event.kind) {
      case "interaction":
        this.interact(event.item, event, event.request !== undefined);
        break;
      case "impression":
        for (const { item } of event.slots) this.show(item, event.time);
        break;
      case "anonymous":
        this.count(event);
        break;
      case "item":
        this.upsert(event);
        break;
      case "item-removal":
        this.remove(event.item);
        break;
      case "user":
        this.users.upsert(event.user, event.facts, event.time);
        break;
      case "erasure":
        this.users.erase(event.user, event.time);
        this.nextAfterErasure = this.next + 1;
        break;
    }
  }

  private interact(item: ItemId, did: Pick<Interaction, "type" | "time" | "value">, answered: boolean): void {
    const { type, time, value = Number.NaN } = did;
    this.counters.count(this.mention(item, time), type, time, value, answered, this.table);
  }

  private show(item: ItemId, time: number): void {
    const row = this.table.rowOf(item);
    if (row !== undefined) this.counters.show(row, time, this.table);
  }

  /** What was counted of the item counts for those that it belongs to now. */
  private upsert({ item, time, facts }: ItemUpsert): void {
    const row = this.mention(item, time);
    this.counters.regroup(row, -1, this.table);
    this.table.upsert(row, facts);
    this.counters.regroup(row, 1, this.table);
  }

  /** To item statistics it is the same event with and without its user. */
  private count({ items, type, time, value, answered }: Anonymous): void {
    for (const item of items) {
      if (type === undefined) this.show(item, time);
      else this.interact(item, { type, time, ...(value !== undefined && { value }) }, answered === true);
    }
  }

  private remove(item: ItemId): void {
    const row = this.table.rowOf(item);
    if (row !== undefined) this.table.remove(row);
  }

  private mention(item: ItemId, time: number): ItemRow {
    const capacity = this.table.capacity;
    const row = this.table.mention(item, time);
    if (this.table.capacity !== capacity) this.counters.widen(this.table.capacity);
    return row;
  }
}
