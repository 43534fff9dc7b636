/**
 * User states in LMDB: one file on this machine, one value a user, a read is one get.
 *
 * `apply` is write-behind. A value is written as a whole and a commit costs a sync of all pages it touched, so writing
 * each batch would cost more than all the rest of ingest, and its syncs would hold up those of the log. Changes wait in
 * memory (pending-changes.ts), where reads see them. Sweeps go over the users that have any: a slice of them every
 * SLICE_AFTER, each user with all that has come since, so that under load a value is written once for many events. The
 * last slice of a sweep takes `applied`, as it was when the sweep began. LMDB's own thread writes.
 *
 * `write` and `erase` read, merge and write within one write transaction and wait for the sync, since nobody else may
 * know what they were told. LMDB has one writer at a time over all processes, so two of them that write to one user
 * at once cannot lose each other's touches. One process alone applies a log: the one that writes it.
 *
 * What a crash can do. A value is written with all that its user did until then, and `applied` with the last slice of a
 * sweep: so the file is behind what was answered, `applied` is never ahead of the states, some of them are ahead of it,
 * and the log is read from there again, which changes nothing in those. After a power cut LMDB stands at some earlier
 * transaction as a whole.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import {
  type Clock,
  type EpochMs,
  type Offset,
  systemClock,
  UpnextError,
  type UserId,
} from "../core/index.ts";
import type { LoggedEvent } from "../events/index.ts";
import { changeState, changesOf, groupTouches, type UserChange } from "./fold-batch.ts";
import { checkFacts, commitError, type Database, messageOf, unreadable } from "./lmdb-facts.ts";
import { problemOf } from "./lmdb-file.ts";
import { APPLIED_KEY, FIRST_USER_KEY, keyAfter, keyOf, LOG_KEY, userOf } from "./lmdb-keys.ts";
import { mergeTouches, withoutExpired } from "./merge-touches.ts";
import { PendingChanges } from "./pending-changes.ts";
import { appendTouches, decodeState, encodeState } from "./state-codec.ts";
import type { LmdbPlace } from "./state-place.ts";
import type { StateStore, StateStoreOptions, UserTouches } from "./state-store.ts";
import { DEFAULT_LIMITS, emptyState, type StateLimits, type UserState } from "./user-state.ts";

/**
 * Milliseconds from one slice of a sweep to the next, and slices of a sweep: it takes four seconds and what writing
 * takes, and twice as much of the log is read again after a crash. Shorter sweeps write more, and the log's syncs wait
 * for it.
 */
const SLICE_AFTER = 50;
const SLICES = 80;
/** Users of a slice at least: a small sweep is over at once. */
const SLICE = 128;
/** Of a slice where everything is to be written now. Above 100,000 puts lmdb-js makes the whole process wait. */
const WHOLE = 16_384;
/** Users and touches unwritten at which `apply` waits for the disk: some 100 MB. */
const MAX_PENDING = 2 ** 19;
/** From half of that on, each `apply` takes up to so many milliseconds more: many short waits, not a long one. Guess. */
const SLOWEST = 20;
/** Values computed before others have their turn: about a millisecond's worth. */
const TURN = 256;
/** Keys read at once by `users`, so that a slow consumer holds no read transaction open. */
const USERS_PAGE = 1000;

/**
 * Opens or creates. Rejects with `store_unavailable` where the folder holds something else, lower limits, or the
 * states of another log.
 */
export async function openLmdbStore(
  { path }: Pick<LmdbPlace, "path">,
  options: StateStoreOptions,
): Promise<StateStore> {
  const { limits = DEFAULT_LIMITS, clock = systemClock, log } = options;
  const problem = await problemOf(path).catch(messageOf);
  if (problem !== undefined) throw unreadable(path, problem);
  const { open } = await import("lmdb");
  let db: Database;
  try {
    db = open<Buffer, Buffer>({
      path,
      noSubdir: false,
      encoding: "binary",
      keyEncoding: "binary",
      // With it, lmdb-js makes a promise that nobody can catch for each turn of the event loop with writes in it, and one
      // that failed would end the process.
      eventTurnBatching: false,
    });
  } catch (cause) {
    throw unreadable(path, "LMDB cannot open it", cause);
  }
  try {
    checkFacts(db, path, limits, log);
  } catch (error) {
    await db.close();
    throw error instanceof UpnextError ? error : unreadable(path, "its contents are damaged", error);
  }
  return new LmdbStore(db, path, limits, clock, log);
}

class LmdbStore implements StateStore {
  readonly name = "lmdb";
  readonly remote = false;
  readonly limits: StateLimits;
  private readonly clock: Clock;
  private readonly db: Database;
  private readonly path: string;
  private readonly log: string | undefined;
  private readonly pending = new PendingChanges();
  /** Every event before it is in the file or pending. */
  private taken = 0;
  /** What `applied` was when the sweep under way began, and when the last one did that was written to its end. */
  private begun = 0;
  private swept = 0;
  /** Users of a slice of the sweep under way. */
  private slice = SLICE;
  private sliceTimer: NodeJS.Timeout | undefined;
  /** What `write` and `erase` were given and no transaction has taken. */
  private readonly given = new PendingChanges();
  private nextWrite: Promise<void> | undefined;
  /** What changes the file, one after the other. */
  private turn: Promise<unknown> = Promise.resolve();
  /** Why the last flush failed; the next `apply` tries again. */
  private failed: UpnextError | undefined;
  private closing: Promise<void> | undefined;

  constructor(db: Database, path: string, limits: StateLimits, clock: Clock, log: string | undefined) {
    this.log = log;
    this.clock = clock;
    this.db = db;
    this.path = path;
    this.limits = limits;
  }

  get applied(): Offset {
    if (this.closing === undefined) this.taken = Math.max(this.taken, this.storedApplied());
    return this.taken as Offset;
  }

  async read(user: UserId): Promise<UserState> {
    this.mustBeOpen();
    const { limits } = this;
    const bytes = this.fetched(keyOf(user));
    let state = bytes === undefined ? emptyState(user) : this.decoded(user, bytes);
    if (state.touches.length > limits.touches || state.vetoes.length > limits.vetoes) {
      state = mergeTouches(state, [], limits); // cuts what higher limits have left
    }
    state = this.pending.mergedInto(state, limits);
    return limits.maxAge === undefined ? state : withoutExpired(state, limits, this.clock.now());
  }

  async readApplied(): Promise<Offset> {
    this.mustBeOpen();
    this.db.resetReadTxn(); // lmdb-js goes on reading of one moment for a while
    return this.applied;
  }

  async write(batch: readonly UserTouches[]): Promise<void> {
    await this.change(groupTouches(batch));
  }

  async erase(user: UserId, time: EpochMs): Promise<void> {
    await this.change(new Map([[user, { touches: [], erasedAt: time }]]));
  }

  async apply(batch: readonly LoggedEvent[]): Promise<void> {
    this.mustBeOpen();
    const { users, applied } = changesOf(batch, this.applied);
    this.pending.add(users);
    this.taken = applied;
    // After a failure every call tries, so that it is told, and the follower stops, until the disk is mended.
    const fullness = this.pending.size / MAX_PENDING;
    if (this.failed !== undefined || fullness >= 1) await this.flush();
    else this.sweepSoon();
    if (fullness > 0.5) await sleep(SLOWEST * (2 * Math.min(fullness, 1) - 1));
  }

  async *users(): AsyncIterable<UserId> {
    this.mustBeOpen();
    await this.flush();
    let start = FIRST_USER_KEY;
    while (true) {
      this.mustBeOpen();
      const keys = this.keysFrom(start);
      for (const key of keys) yield userOf(key);
      if (keys.length < USERS_PAGE) return;
      start = keyAfter(keys[keys.length - 1]!);
    }
  }

  async clear(): Promise<void> {
    this.mustBeOpen();
    await this.inTurn(async () => {
      // In one transaction; what says of which form the file is stays.
      await this.db.transaction(() => {
        for (const key of [...this.db.getKeys({ start: FIRST_USER_KEY })]) this.db.remove(Buffer.from(key));
        this.db.remove(APPLIED_KEY);
        if (this.log === undefined) this.db.remove(LOG_KEY);
      });
      this.pending.clear();
      this.taken = this.begun = this.swept = 0;
      await this.db.flushed;
    });
  }

  async skipTo(offset: Offset): Promise<void> {
    this.mustBeOpen();
    await this.flush();
    await this.inTurn(async () => {
      await this.db.transaction(() => {
        if (offset > this.storedApplied()) this.db.put(APPLIED_KEY, doubleBytes(offset));
      });
      await this.db.flushed;
    });
  }

  close(): Promise<void> {
    this.closing ??= this.finish();
    return this.closing;
  }

  private async finish(): Promise<void> {
    this.taken = this.applied; // the last time that the file can be asked
    try {
      await this.flush();
      await this.db.flushed;
    } finally {
      clearTimeout(this.sliceTimer);
      await this.db.close();
    }
  }

  /** Commits changes, together with those of other callers that wait; resolves when they are durable. */
  private async change(users: ReadonlyMap<UserId, UserChange>): Promise<void> {
    this.mustBeOpen();
    this.given.add(users);
    this.nextWrite ??= this.inTurn(async () => {
      this.nextWrite = undefined;
      this.given.begin();
      const given = this.given.take();
      try {
        await this.db.transaction(() => {
          // A callback that throws does not undo what it has put: first compute everything, then put.
          const puts: [Buffer, Buffer][] = [];
          for (const [user, change] of given) this.addPut(puts, user, change);
          for (const [key, value] of puts) this.db.put(key, value);
        });
      } catch (error) {
        throw await this.unwritten(error);
      }
    });
    await this.nextWrite;
    await this.db.flushed;
  }

  /** Sees to it that what is pending gets written, in its time. */
  private sweepSoon(): void {
    this.sliceTimer ??= setTimeout(() => {
      const next = () => {
        this.sliceTimer = undefined;
        if (this.failed === undefined && this.swept < this.taken) this.sweepSoon();
      };
      this.writeSlice().then(next, next);
    }, SLICE_AFTER);
  }

  /** Commits what is pending now; resolves when the file has it. */
  private async flush(): Promise<void> {
    const { taken } = this;
    do await this.writeSlice(WHOLE);
    while (this.swept < taken);
  }

  /** Commits the next users of the sweep, and `applied` with the last of them. */
  private writeSlice(most?: number): Promise<void> {
    return this.inTurn(async () => {
      const { pending } = this;
      if (pending.left === 0) {
        this.begun = this.taken;
        pending.begin();
        this.slice = Math.max(SLICE, Math.ceil(pending.left / SLICES));
      }
      const users = pending.take(most ?? this.slice);
      try {
        const puts: [Buffer, Buffer][] = [];
        let left = TURN;
        for (const [user, change] of users) {
          this.addPut(puts, user, change);
          if (--left > 0) continue;
          left = TURN;
          await nextTurn();
        }
        const whole = pending.left === 0;
        if (whole && this.begun > this.storedApplied()) puts.push([APPLIED_KEY, doubleBytes(this.begun)]);
        if (puts.length > 0) {
          await this.db.batch(() => {
            for (const [key, value] of puts) this.db.put(key, value);
          });
        }
        pending.written();
        if (whole) this.swept = this.begun;
        this.failed = undefined;
      } catch (error) {
        pending.unwritten();
        this.failed = await this.unwritten(error);
        throw this.failed;
      }
    });
  }

  /** Runs `work` when all before it has ended, however it ended. */
  private inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => {});
    return done;
  }

  private async unwritten(error: unknown): Promise<UpnextError> {
    if (error instanceof UpnextError) return error;
    const cause = await commitError(error);
    // After a commit that failed, lmdb-js waits for its flush for ever; one that has nothing to write ends that.
    await this.db.transaction(() => {}).catch(() => {});
    return new UpnextError(
      "store_unavailable",
      `LMDB state store in ${this.path}: the change was not written (${messageOf(cause)}); see to free space and permissions, and if that is not it, delete the folder: the state is rebuilt from the log at the next start`,
      { cause },
    );
  }

  private addPut(puts: [Buffer, Buffer][], user: UserId, change: UserChange): void {
    const key = keyOf(user);
    const value = this.changed(user, key, change);
    if (value !== undefined) puts.push([key, value]);
  }

  /** The user's new value, or undefined where nothing changes. */
  private changed(user: UserId, key: Buffer, change: UserChange): Buffer | undefined {
    const bytes = this.stored(key);
    if (bytes !== undefined && change.touches.length > 0 && change.erasedAt === -Infinity) {
      const longer = appendTouches(bytes, change.touches, this.limits);
      if (longer !== undefined) return longer;
    }
    const before = bytes === undefined ? emptyState(user) : this.decoded(user, bytes);
    const after = changeState(before, change, this.limits);
    return after === before ? undefined : encodeState(after);
  }

  /** The value of `key`, valid until the next get. */
  private stored(key: Buffer): Buffer | undefined {
    const bytes = this.fetched(key);
    return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /**
   * The value of `key`, valid until the next get, as lmdb-js hands it out: one large buffer with a `length` that is not
   * its own, which half of Buffer's methods do not believe. decodeState does without these, and so without a view.
   */
  private fetched(key: Buffer): Buffer | undefined {
    try {
      return this.db.getBinaryFast(key);
    } catch (cause) {
      throw unreadable(this.path, "its file cannot be read", cause);
    }
  }

  private decoded(user: UserId, bytes: Buffer): UserState {
    try {
      return decodeState(user, bytes);
    } catch (cause) {
      throw unreadable(this.path, "a state cannot be read", cause);
    }
  }

  /** The next page of users' keys. */
  private keysFrom(start: Buffer): readonly Buffer[] {
    try {
      return [...this.db.getKeys({ start, limit: USERS_PAGE })].map((key) => Buffer.from(key));
    } catch (cause) {
      throw unreadable(this.path, "its users cannot be listed", cause);
    }
  }

  private storedApplied(): number {
    return this.stored(APPLIED_KEY)?.readDoubleLE(0) ?? 0;
  }

  private mustBeOpen(): void {
    if (this.closing !== undefined) {
      throw new UpnextError(
        "store_unavailable",
        `LMDB state store in ${this.path}: it was closed; open it again`,
      );
    }
  }
}

function doubleBytes(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleLE(value, 0);
  return bytes;
}
