/** A store of user states. All implementations have the semantics of user-state.ts; one contract suite runs over them. */
import type { EpochMs, Offset, UserId } from "../core/index.ts";
import type { Fold, LoggedEvent } from "../events/index.ts";
import type { StateLimits, Touch, UserState } from "./user-state.ts";

export interface UserTouches {
  readonly user: UserId;
  readonly touches: readonly Touch[];
}

/** Where a store keeps its data, for those that keep it in files, and how much of each user it keeps. */
export interface StateStoreOptions {
  /** A folder of this store alone; made where it does not exist. */
  readonly path: string;
  readonly limits?: StateLimits;
}

export interface StateStore extends Fold {
  readonly name: string;
  readonly limits: StateLimits;
  /** The state of `user`; an empty one where nothing is known. Rejects with `store_unavailable`. */
  read(user: UserId): Promise<UserState>;
  /** Merges touches into the states of their users. Durable (where the store is) when it resolves. */
  write(batch: readonly UserTouches[]): Promise<void>;
  /** Makes everything of `user` at or before `time` not have happened. */
  erase(user: UserId, time: EpochMs): Promise<void>;
  /**
   * Takes the interactions and erasures of the batch and remembers that everything before its end is applied. Skips
   * events before `applied`; rejects with `internal` where an offset is left out. Visible when it resolves, and durable
   * some time later: the log is durable already, and what a crash takes is replayed from `applied`.
   */
  apply(batch: readonly LoggedEvent[]): Promise<void>;
  /** Where the log has to be read from: every event before it is in the states, at any time and after any crash. */
  readonly applied: Offset;
  /** Every user of whom anything is held, a remembered erasure included; for migration, comparison and `doctor`. */
  users(): AsyncIterable<UserId>;
  /** Waits for what is under way. Afterwards every other call rejects with `store_unavailable`. May be called twice. */
  close(): Promise<void>;
}
