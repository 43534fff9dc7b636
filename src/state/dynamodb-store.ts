/**
 * User states in one DynamoDB table: a partition a user, a row a touch (dynamodb-rows.ts), in the order of a state.
 *
 * A read is one consistent Query from the end of the partition. A write is one conditional request a row: a touch is
 * put where it is new or greater than the one of its name, an erasure and `applied` only go up. Each row alone ends as
 * a maximum, whatever came first, so writers need neither order nor locks, and a batch that broke off is repeated.
 * `applied` moves after all rows of its batch, so it is never ahead of the states.
 *
 * What no state has any more is in the table for a while: rows below the newest N, rows that arrived after the erasure
 * that covers them, expired rows. No reader is shown them, and whoever sees some deletes them. Who sees them? A read,
 * and one write in `SWEEP_EVERY`, which then looks through the whole partition of its user. Which one is in the touch's
 * id, so nothing has to be remembered. That costs a write 1/32 of an eventually consistent Query of all rows (0.2 read
 * units for 512 rows of 100 bytes, next to the write unit of the row), and leaves some 32 rows too many. Each row that
 * has fallen out costs one write unit more when it is deleted; those that expire are deleted by the table for nothing.
 */
import {
  type Clock,
  type EpochMs,
  type Offset,
  systemClock,
  UpnextError,
  type UserId,
} from "../core/index.ts";
import type { LoggedEvent } from "../events/index.ts";
import { lost, unusable } from "./dynamodb-client.ts";
import {
  bytesOf,
  erasureKey,
  KIND,
  keysUntil,
  kindOf,
  numberBytes,
  numberOf,
  partitionOf,
  type Row,
  timeOf,
  touchOfRow,
  touchRow,
  userOf,
} from "./dynamodb-rows.ts";
import {
  checkStoreRow,
  moveApplied,
  readStoreRow,
  renewStoreRow,
  type StoreRow,
} from "./dynamodb-store-row.ts";
import { type DynamoDbTable, inParallel, openTable } from "./dynamodb-table.ts";
import { changeState, changesOf, groupTouches, type UserChange } from "./fold-batch.ts";
import { withoutExpired } from "./merge-touches.ts";
import type { DynamoDbPlace } from "./state-place.ts";
import type { StateStore, StateStoreOptions, UserTouches } from "./state-store.ts";
import { DEFAULT_LIMITS, emptyState, type StateLimits, type Touch, type UserState } from "./user-state.ts";

/** Guess: the docstring above says what it costs and leaves. */
const SWEEP_EVERY = 32;
/** Rows a read asks for beyond those of a full state, so that what sweeping has left does not make it a second Query. */
const SPARE_ROWS = 2 * SWEEP_EVERY;
/** Users whose surplus rows are deleted at once after reads; that of others waits for their next read. */
const MAX_SWEEPS = 4;
/** A user without rows may be one whose table was made again; so often it is worth asking. */
const LOST_CHECK_MS = 1_000;

/** Of two touches of one name the greater stays: by item, then by type and value, which `w` has in this order. */
const IF_GREATER = "attribute_not_exists(k) OR i < :i OR (i = :i AND w < :w)";

/**
 * Opens a table that `setupDynamoDb` has made. Rejects with `store_unavailable` where there is none, and where it holds
 * something else, lower limits, or the states of another log.
 */
export async function openDynamoDbStore(
  place: DynamoDbPlace,
  options: StateStoreOptions,
): Promise<StateStore> {
  const { limits = DEFAULT_LIMITS, clock = systemClock, log } = options;
  const table = await openTable(place);
  try {
    const applied = await checkStoreRow(table, limits, log);
    return new DynamoDbStore(table, limits, clock, log, applied);
  } catch (error) {
    table.close();
    throw error;
  }
}

class DynamoDbStore implements StateStore {
  readonly name = "dynamodb";
  readonly remote = true;
  readonly limits: StateLimits;
  private readonly table: DynamoDbTable;
  private readonly clock: Clock;
  private readonly log: string | undefined;
  private lastApplied: number;
  /** When the store's own row was last seen, by the monotonic clock. */
  private seen: number;
  /** Calls that move `applied` go one after the other. */
  private moving: Promise<unknown> = Promise.resolve();
  private readonly underWay = new Set<Promise<unknown>>();
  private readonly sweeps = new Set<Promise<void>>();
  /** How often the store was cleared: what was surplus before need not be so afterwards. */
  private clearings = 0;
  private closing: Promise<void> | undefined;

  constructor(
    table: DynamoDbTable,
    limits: StateLimits,
    clock: Clock,
    log: string | undefined,
    applied: number,
  ) {
    this.table = table;
    this.limits = limits;
    this.clock = clock;
    this.log = log;
    this.lastApplied = applied;
    this.seen = clock.monotonic();
  }

  get applied(): Offset {
    return this.lastApplied as Offset;
  }

  read(user: UserId): Promise<UserState> {
    return this.during(async () => {
      const { clearings } = this;
      try {
        const { state, surplus } = await this.collect(user, partitionOf(user), false);
        if (surplus.length > 0 && clearings === this.clearings) this.sweepLater(surplus);
        if (isNothing(state)) await this.mustNotBeLost();
        return state;
      } catch (error) {
        this.seen = -Infinity; // while the table is made again, reads fail
        throw error;
      }
    });
  }

  readApplied(): Promise<Offset> {
    return this.during(async () => {
      const stored = (await this.storeRow()).applied;
      if (stored > this.lastApplied) this.lastApplied = stored;
      return stored as Offset;
    });
  }

  write(batch: readonly UserTouches[]): Promise<void> {
    return this.during(() => this.change(groupTouches(batch)));
  }

  erase(user: UserId, time: EpochMs): Promise<void> {
    return this.during(() => this.eraseUntil(user, time));
  }

  apply(batch: readonly LoggedEvent[]): Promise<void> {
    return this.move(async () => {
      const from = this.lastApplied;
      const { users, applied } = changesOf(batch, from as Offset);
      await this.change(users);
      if (applied > from) await this.advance(from, applied);
    });
  }

  async *users(): AsyncIterable<UserId> {
    let start: Row | undefined;
    let last: UserId | undefined;
    do {
      const page = await this.during(() => this.table.scan(start));
      for (const row of page.rows) {
        const user = userOf(bytesOf(row, "u"));
        if (user === undefined || user === last) continue;
        last = user;
        yield user;
      }
      start = page.next;
    } while (start !== undefined);
  }

  clear(): Promise<void> {
    return this.move(async () => {
      this.clearings++;
      await Promise.all(this.sweeps);
      // First `applied`, so that a table which is emptied in part does not pass for a whole one.
      await renewStoreRow(this.table, this.limits, this.log);
      this.lastApplied = 0;
      let start: Row | undefined;
      do {
        const page = await this.table.scan(start);
        await this.table.delete(page.rows.filter((row) => userOf(bytesOf(row, "u")) !== undefined));
        start = page.next;
      } while (start !== undefined);
      this.seen = this.clock.monotonic();
    });
  }

  skipTo(offset: Offset): Promise<void> {
    return this.move(() => this.advance(0, offset));
  }

  close(): Promise<void> {
    this.closing ??= this.finish();
    return this.closing;
  }

  private async finish(): Promise<void> {
    while (this.underWay.size > 0) await Promise.allSettled(this.underWay);
    this.table.close();
  }

  private async change(users: ReadonlyMap<UserId, UserChange>): Promise<void> {
    const rows: Row[] = [];
    const erasures: [UserId, EpochMs][] = [];
    const swept: UserId[] = [];
    for (const [user, change] of users) {
      // What the batch alone pushes out, erases or finds expired need not be written.
      const fresh = changeState(emptyState(user), change, this.limits);
      const { touches, vetoes } = withoutExpired(fresh, this.limits, this.clock.now());
      const partition = partitionOf(user);
      for (const list of [touches, vetoes]) {
        for (const touch of list) rows.push(touchRow(partition, touch, this.limits));
      }
      if (change.erasedAt > -Infinity) erasures.push([user, change.erasedAt]);
      if (touches.some(isTurn) || vetoes.some(isTurn)) swept.push(user);
    }
    await inParallel(rows, async (row) => {
      await this.table.put(row, { text: IF_GREATER, values: { ":i": row["i"]!, ":w": row["w"]! } });
    });
    await inParallel(erasures, ([user, time]) => this.eraseUntil(user, time));
    await inParallel(swept, async (user) => {
      const { surplus } = await this.collect(user, partitionOf(user), true);
      await this.table.delete(surplus);
    });
  }

  /** Remembers the erasure first: from then on nothing that it covers is given out, also if deleting breaks off. */
  private async eraseUntil(user: UserId, time: EpochMs): Promise<void> {
    const partition = partitionOf(user);
    const update = { text: "SET e = :e", values: { ":e": { B: numberBytes(time) } } };
    await this.table.update(erasureKey(partition), update, "attribute_not_exists(e) OR e < :e");
    for (const kind of [KIND.veto, KIND.touch]) {
      const between = keysUntil(kind, time);
      let start: Row | undefined;
      do {
        const page = await this.table.query({ partition, between, start, consistent: true, patient: true });
        await this.table.delete(page.rows.map((row) => ({ u: { B: partition }, k: row["k"]! })));
        start = page.next;
      } while (start !== undefined);
    }
  }

  /**
   * The state of a user and the keys of rows that are no part of it. A sweep goes through all rows and may see the
   * partition as it was a moment ago: what had fallen out then is out now. A read ends when the state is whole.
   */
  private async collect(user: UserId, partition: Uint8Array, sweep: boolean): Promise<Collected> {
    const { limits } = this;
    const oldest = limits.maxAge === undefined ? -Infinity : this.clock.now() - limits.maxAge;
    const found = new Collected(user, limits, oldest);
    let start: Row | undefined;
    do {
      const page = await this.table.query({
        partition,
        start,
        consistent: !sweep,
        patient: sweep,
        ...(sweep ? {} : { limit: 1 + limits.vetoes + limits.touches + SPARE_ROWS }),
      });
      try {
        for (const row of page.rows) found.add(partition, row);
      } catch (cause) {
        throw unusable(this.table.name, "a row cannot be read", cause);
      }
      start = page.next;
    } while (start !== undefined && (sweep || !found.whole));
    return found;
  }

  /** Nobody waits for it, and what fails is seen again by the next read. */
  private sweepLater(surplus: readonly Row[]): void {
    if (this.sweeps.size === MAX_SWEEPS) return;
    const sweep = this.during(() => this.table.delete(surplus))
      .catch(() => undefined)
      .finally(() => this.sweeps.delete(sweep));
    this.sweeps.add(sweep);
  }

  /** Moves `applied` up to `to`, from `from` or what others have made of it since. */
  private async advance(from: number, to: number): Promise<void> {
    let stored = to;
    if (!(await moveApplied(this.table, from, to))) {
      stored = (await this.storeRow()).applied;
      if (stored < from) {
        this.lastApplied = stored;
        throw lost(this.table.name, `it stands at event ${stored} and had come to ${from}`);
      }
    }
    if (stored > this.lastApplied) this.lastApplied = stored;
  }

  private async mustNotBeLost(): Promise<void> {
    if (this.clock.monotonic() - this.seen >= LOST_CHECK_MS) await this.storeRow();
  }

  private async storeRow(): Promise<StoreRow> {
    const row = await readStoreRow(this.table);
    if (row === undefined) throw lost(this.table.name, "its own row is missing");
    this.seen = this.clock.monotonic();
    return row;
  }

  /** Runs a call that moves `applied`, after those before it. */
  private move(run: () => Promise<void>): Promise<void> {
    return this.during(() => {
      const done = this.moving.then(run);
      this.moving = done.catch(() => undefined);
      return done;
    });
  }

  /** Runs a call that `close` waits for. */
  private async during<T>(run: () => Promise<T>): Promise<T> {
    if (this.closing !== undefined) {
      throw new UpnextError(
        "store_unavailable",
        `DynamoDB state store in table ${this.table.name}: it was closed; open it again`,
      );
    }
    const call = run();
    this.underWay.add(call);
    try {
      return await call;
    } finally {
      this.underWay.delete(call);
    }
  }
}

/** Takes the rows of a partition from its end: the erasure, then vetoes and touches, newest first. */
class Collected {
  /** Keys of rows that are no part of the state. */
  readonly surplus: Row[] = [];
  /** Whether no further row can be part of the state. */
  whole = false;
  private readonly user: UserId;
  private readonly limits: StateLimits;
  /** Touches at or before it do not exist. */
  private floor: number;
  private erasedAt = -Infinity as EpochMs;
  private readonly touches: Touch[] = [];
  private readonly vetoes: Touch[] = [];

  constructor(user: UserId, limits: StateLimits, oldest: number) {
    this.user = user;
    this.limits = limits;
    this.floor = oldest;
  }

  get state(): UserState {
    const { user, touches, vetoes, erasedAt } = this;
    return { user, touches, vetoes, erasedAt };
  }

  /** Throws RangeError for a row of another form. */
  add(partition: Uint8Array, row: Row): void {
    const kind = kindOf(row);
    if (kind === KIND.erasure) {
      this.erasedAt = numberOf(row, "e") as EpochMs; // eraseUntil had it
      this.floor = Math.max(this.floor, this.erasedAt);
      return;
    }
    const [list, limit] =
      kind === KIND.veto ? [this.vetoes, this.limits.vetoes] : [this.touches, this.limits.touches];
    const kept = list.length < limit && timeOf(row) > this.floor;
    if (kept) list.push(touchOfRow(row));
    else this.surplus.push({ u: { B: partition }, k: row["k"]! });
    if (kind === KIND.touch && (!kept || list.length === limit)) this.whole = true;
  }
}

/** Whether the write of this touch sweeps the partition: one in SWEEP_EVERY, by FNV-1a of the id, mixed once more. */
function isTurn({ id }: Touch): boolean {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) % SWEEP_EVERY === 0;
}

function isNothing({ touches, vetoes, erasedAt }: UserState): boolean {
  return touches.length === 0 && vetoes.length === 0 && erasedAt === -Infinity;
}
