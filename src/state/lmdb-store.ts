/**
 * User states in LMDB: one file on this machine, one value a user, a read is one get.
 *
 * A change reads, merges and writes within one write transaction. LMDB has one writer at a time over all processes, so
 * two of them that change one user at once cannot lose each other's touches.
 *
 * What a crash can do. A transaction is visible once committed and durable some milliseconds later, after the flush.
 * `write` and `erase` wait for the flush, since nobody else may know what they were told. `apply` does not: its events
 * are durable in the log, and `applied` is in the same transaction as their effects. After a crash LMDB stands at some
 * earlier transaction as a whole, so states and `applied` are of one moment, and the log is read from there again.
 * `applied` may fall behind what was answered but is never ahead of the states.
 */
import type { RootDatabase } from "lmdb";
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
import { problemOf } from "./lmdb-file.ts";
import { APPLIED_KEY, FIRST_USER_KEY, FORMAT_KEY, keyAfter, keyOf, LOG_KEY, userOf } from "./lmdb-keys.ts";
import { mergeTouches, withoutExpired } from "./merge-touches.ts";
import { appendTouches, decodeState, encodeState } from "./state-codec.ts";
import type { LmdbPlace } from "./state-place.ts";
import type { StateStore, StateStoreOptions, UserTouches } from "./state-store.ts";
import { DEFAULT_LIMITS, emptyState, type StateLimits, type UserState } from "./user-state.ts";

type Database = RootDatabase<Buffer, Buffer>;

/** Version of the layout of the whole file; a state has its own. */
const FORMAT = "upnext-state/1";
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
    db = open<Buffer, Buffer>({ path, noSubdir: false, encoding: "binary", keyEncoding: "binary" });
  } catch (cause) {
    throw unreadable(path, "LMDB cannot open it", cause);
  }
  try {
    checkFormat(db, path, limits);
    if (log !== undefined) checkLog(db, path, log);
  } catch (error) {
    await db.close();
    throw error instanceof UpnextError ? error : unreadable(path, "its contents are damaged", error);
  }
  return new LmdbStore(db, path, limits, clock);
}

class LmdbStore implements StateStore {
  readonly name = "lmdb";
  readonly remote = false;
  readonly limits: StateLimits;
  private readonly clock: Clock;
  private readonly db: Database;
  private readonly path: string;
  private closing: Promise<void> | undefined;
  private lastApplied = 0;

  constructor(db: Database, path: string, limits: StateLimits, clock: Clock) {
    this.clock = clock;
    this.db = db;
    this.path = path;
    this.limits = limits;
  }

  /** Read from the file each time, so that it also tells what another process has applied. */
  get applied(): Offset {
    if (this.closing === undefined) this.lastApplied = this.storedApplied();
    return this.lastApplied as Offset;
  }

  async read(user: UserId): Promise<UserState> {
    this.mustBeOpen();
    const bytes = this.stored(keyOf(user));
    if (bytes === undefined) return emptyState(user);
    const state = mergeTouches(this.decoded(user, bytes), [], this.limits); // cuts what higher limits have left
    return withoutExpired(state, this.limits, this.clock.now());
  }

  async readApplied(): Promise<Offset> {
    this.mustBeOpen();
    return this.storedApplied() as Offset;
  }

  async write(batch: readonly UserTouches[]): Promise<void> {
    await this.change(() => ({ users: groupTouches(batch) }));
    await this.db.flushed;
  }

  async erase(user: UserId, time: EpochMs): Promise<void> {
    await this.change(() => ({ users: new Map([[user, { touches: [], erasedAt: time }]]) }));
    await this.db.flushed;
  }

  async apply(batch: readonly LoggedEvent[]): Promise<void> {
    await this.change(() => changesOf(batch, this.storedApplied() as Offset));
  }

  async *users(): AsyncIterable<UserId> {
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
    // In one transaction; what says whose and of which form the file is stays.
    await this.db.transaction(() => {
      for (const key of [...this.db.getKeys({ start: FIRST_USER_KEY })]) this.db.remove(Buffer.from(key));
      this.db.remove(APPLIED_KEY);
    });
    await this.db.flushed;
  }

  async skipTo(offset: Offset): Promise<void> {
    this.mustBeOpen();
    await this.db.transaction(() => {
      if (offset > this.storedApplied()) this.db.put(APPLIED_KEY, doubleBytes(offset));
    });
    await this.db.flushed;
  }

  close(): Promise<void> {
    this.closing ??= this.finish();
    return this.closing;
  }

  private async finish(): Promise<void> {
    try {
      await this.db.flushed;
      this.lastApplied = this.storedApplied();
    } finally {
      await this.db.close();
    }
  }

  /** Commits the changes and, where given, `applied`; resolves when they are visible. */
  private async change(
    changes: () => { readonly users: ReadonlyMap<UserId, UserChange>; readonly applied?: Offset },
  ): Promise<void> {
    this.mustBeOpen();
    try {
      await this.db.transaction(() => {
        // A callback that throws does not undo what it has put: first compute everything, then put, `applied` last.
        // So if a put fails, what is there of the batch is taken once more later, which changes nothing.
        const { users, applied } = changes();
        const puts: [Buffer, Buffer][] = [];
        for (const [user, change] of users) {
          const key = keyOf(user);
          const value = this.changed(user, key, change);
          if (value !== undefined) puts.push([key, value]);
        }
        for (const [key, value] of puts) this.db.put(key, value);
        if (applied !== undefined && applied !== this.storedApplied()) {
          this.db.put(APPLIED_KEY, doubleBytes(applied));
        }
      });
    } catch (error) {
      throw await this.unwritten(error);
    }
  }

  private async unwritten(error: unknown): Promise<UpnextError> {
    if (error instanceof UpnextError) return error;
    const cause = await commitError(error);
    return new UpnextError(
      "store_unavailable",
      `LMDB state store in ${this.path}: the change was not written (${messageOf(cause)}); see to free space and permissions, and if that is not it, delete the folder: the state is rebuilt from the log at the next start`,
      { cause },
    );
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

  /**
   * The value of `key`, valid until the next get. lmdb-js hands out one large buffer with a `length` that is not its
   * own, which half of Buffer's methods do not believe; a view of that length is an ordinary buffer.
   */
  private stored(key: Buffer): Buffer | undefined {
    try {
      const bytes = this.db.getBinaryFast(key);
      return bytes === undefined ? undefined : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
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

/**
 * Sees to it that the file is of this version, and that it was never filled with lower limits than those wanted now:
 * what they cut off is missing from it. Lower limits than before are taken and remembered.
 */
function checkFormat(db: Database, path: string, limits: StateLimits): void {
  const bytes = db.getBinary(FORMAT_KEY);
  if (bytes === undefined) {
    if (db.getKeysCount({ start: Buffer.from([0]), limit: 1 }) > 0) {
      throw unreadable(path, "it is the LMDB file of another program");
    }
  } else {
    const [format, touches, vetoes] = Buffer.from(bytes).toString().split(" ");
    if (format !== FORMAT) throw unreadable(path, `expected the format ${FORMAT}, came ${format}`);
    if (limits.touches > Number(touches) || limits.vetoes > Number(vetoes)) {
      throw unreadable(
        path,
        `it keeps ${touches} touches and ${vetoes} vetoes a user and now ${limits.touches} and ${limits.vetoes} are wanted`,
      );
    }
  }
  const wanted = Buffer.from(`${FORMAT} ${limits.touches} ${limits.vetoes}`);
  if (bytes === undefined || !wanted.equals(bytes)) db.putSync(FORMAT_KEY, wanted);
}

/** Remembers whose fold the states are, and refuses those of another log. */
function checkLog(db: Database, path: string, log: string): void {
  const known = db.getBinary(LOG_KEY);
  if (known === undefined) db.putSync(LOG_KEY, Buffer.from(log));
  else if (Buffer.from(known).toString() !== log)
    throw unreadable(path, "it holds the states of another log");
}

/** The store cannot be used as it is. All of it is a fold of the log, so the cure is always the same. */
function unreadable(path: string, what: string, cause?: unknown): UpnextError {
  const reason = cause === undefined ? what : `${what} (${messageOf(cause)})`;
  return new UpnextError(
    "store_unavailable",
    `LMDB state store in ${path}: ${reason}; delete the folder, and the state is rebuilt from the log at the next start`,
    { cause },
  );
}

/** lmdb-js tells why a commit failed by a second promise that rejects, which nobody else listens to. */
async function commitError(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !("commitError" in error)) return error;
  try {
    await error.commitError;
    return error;
  } catch (cause) {
    return cause;
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function doubleBytes(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleLE(value, 0);
  return bytes;
}
