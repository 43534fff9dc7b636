/** A store of user states. All implementations have the semantics of user-state.ts; one contract suite runs over them. */
import type { EpochMs, Offset, UserId } from "../core/index.ts";
import type { Fold, LoggedEvent } from "../events/index.ts";
import type { StateLimits, Touch, UserState } from "./user-state.ts";

export interface UserTouches {
  readonly user: UserId;
  readonly touches: readonly Touch[];
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
  /** Takes the interactions and erasures of the batch, then remembers that everything before its end is applied. */
  apply(batch: readonly LoggedEvent[]): Promise<void>;
  /** Where the log has to be read from after a restart: every event before it has been applied and is durable. */
  readonly applied: Offset;
  /** Every user with a state, for migration, comparison and `doctor`. */
  users(): AsyncIterable<UserId>;
  close(): Promise<void>;
}
