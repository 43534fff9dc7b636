/** What a batch of the log means for user state, grouped by user so that a store reads and writes each user once. */
import { type EpochMs, type Offset, UpnextError, type UserId } from "../core/index.ts";
import type { LoggedEvent } from "../events/index.ts";
import { eraseBefore, mergeTouches, touchOf } from "./merge-touches.ts";
import type { UserTouches } from "./state-store.ts";
import type { StateLimits, Touch, UserState } from "./user-state.ts";

/** Erasure and touches commute, so the order of a user's events within the batch need not be kept. */
export interface UserChange {
  touches: Touch[];
  /** -Infinity where the batch has no erasure of this user. */
  erasedAt: EpochMs;
}

export interface BatchChanges {
  readonly users: ReadonlyMap<UserId, UserChange>;
  /** What `applied` is after the batch. */
  readonly applied: Offset;
}

/**
 * Changes of the events at and after `applied`; earlier ones are in the store already. Throws `internal` where the
 * batch leaves out an offset: whoever skips events would make `applied` a lie, and the state wrong for ever.
 */
export function changesOf(batch: readonly LoggedEvent[], applied: Offset): BatchChanges {
  const users = new Map<UserId, UserChange>();
  let next: number = applied;
  for (const { offset, event } of batch) {
    if (offset < next) continue;
    if (offset > next) {
      throw new UpnextError(
        "internal",
        `state store: apply expected the event at offset ${next} and got offset ${offset}; hand in every event of the log, in order, from \`applied\` on`,
      );
    }
    next++;
    if (event.kind === "interaction") {
      changeOf(users, event.user).touches.push(touchOf(event));
    } else if (event.kind === "erasure") {
      const change = changeOf(users, event.user);
      if (event.time > change.erasedAt) change.erasedAt = event.time;
    }
  }
  return { users, applied: next as Offset };
}

/** The touches of each user, where a batch may name a user more than once. */
export function groupTouches(batch: readonly UserTouches[]): ReadonlyMap<UserId, UserChange> {
  const users = new Map<UserId, UserChange>();
  for (const { user, touches } of batch) {
    const change = changeOf(users, user);
    for (const touch of touches) change.touches.push(touch);
  }
  return users;
}

/** Takes the changes of a later batch into those of the ones before. */
export function addChanges(all: Map<UserId, UserChange>, more: ReadonlyMap<UserId, UserChange>): void {
  for (const [user, { touches, erasedAt }] of more) {
    const change = changeOf(all, user);
    for (const touch of touches) change.touches.push(touch);
    if (erasedAt > change.erasedAt) change.erasedAt = erasedAt;
  }
}

/** `state` after `change`. Returns `state` itself where nothing changes. */
export function changeState(state: UserState, change: UserChange, limits: StateLimits): UserState {
  return mergeTouches(eraseBefore(state, change.erasedAt), change.touches, limits);
}

function changeOf(users: Map<UserId, UserChange>, user: UserId): UserChange {
  let change = users.get(user);
  if (change === undefined) {
    change = { touches: [], erasedAt: -Infinity as EpochMs };
    users.set(user, change);
  }
  return change;
}
