/** A store of user states. All implementations have the semantics of user-state.ts; one contract suite runs over them. */
import type { Clock, EpochMs, Offset, UserId } from "../core/index.ts";
import type { Fold, LoggedEvent } from "../events/index.ts";
import type { StateLimits, Touch, UserState } from "./user-state.ts";

export interface UserTouches {
  readonly user: UserId;
  readonly touches: readonly Touch[];
}

/** What every store is opened with, wherever it keeps its data. */
export interface StateStoreOptions {
  readonly limits?: StateLimits;
  /** Decides what `limits.maxAge` has expired. */
  readonly clock?: Clock;
  /**
   * The id of the log whose fold the states are. A store remembers the first one it is opened with, and rejects with
   * `store_unavailable` where it holds the states of another. Without it, whatever is there is taken.
   */
  readonly log?: string;
}

export interface StateStore extends Fold {
  readonly name: string;
  readonly limits: StateLimits;
  /** Whether a call crosses a network. Requests use such a store through near-store.ts alone. */
  readonly remote: boolean;
  /**
   * The state of `user`; an empty one where nothing is known. Touches at or before `clock.now() - limits.maxAge` are
   * not in it. Rejects with `store_unavailable`, and with `store_lost` where the store has come back without what it
   * held: an empty state would be a wrong answer then.
   */
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
  /** Every event before it is in the states, as far as this process knows: at any time and after any crash. */
  readonly applied: Offset;
  /** The same, asked of the store: what other processes have applied is in it. Rejects as `read` does. */
  readApplied(): Promise<Offset>;
  /** Every user of whom anything is held, a remembered erasure included; for migration, comparison and `doctor`. */
  users(): AsyncIterable<UserId>;
  /**
   * Forgets everything, `applied` and what was lost included: the store is as new, and belongs to the log that it was
   * opened with; opened without one, to the next that it is opened with.
   */
  clear(): Promise<void>;
  /**
   * Says that the states are those at `offset`, after they were written one by one: a store that was cleared and not
   * brought here has `applied` 0, and is filled again from the beginning. Never goes back.
   */
  skipTo(offset: Offset): Promise<void>;
  /** Waits for what is under way. Afterwards every other call rejects with `store_unavailable`. May be called twice. */
  close(): Promise<void>;
}
