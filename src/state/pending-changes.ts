/**
 * Changes that were applied and are not in the store's file yet, by user.
 *
 * A change only adds to a state, in any order and any number of times (merge-touches.ts). So what is being written may
 * be merged into what was read before, during and after the commit alike, and what could not be written goes back
 * among the newer changes.
 */
import type { UserId } from "../core/index.ts";
import type { UserChange } from "./fold-batch.ts";
import { changeState } from "./fold-batch.ts";
import type { StateLimits, UserState } from "./user-state.ts";

export class PendingChanges {
  /** Users and touches that nobody has taken; a user counts once in each `add`. */
  size = 0;
  private gathered = new Map<UserId, UserChange>();
  private taken: ReadonlyMap<UserId, UserChange> = new Map();

  /** Takes over `changes`. */
  add(changes: ReadonlyMap<UserId, UserChange>): void {
    for (const [user, change] of changes) {
      this.size += 1 + change.touches.length;
      const before = this.gathered.get(user);
      if (before === undefined) this.gathered.set(user, change);
      else {
        for (const touch of change.touches) before.touches.push(touch);
        if (change.erasedAt > before.erasedAt) before.erasedAt = change.erasedAt;
      }
    }
  }

  /** `stored` with all that is pending of its user. Returns `stored` itself where that changes nothing. */
  mergedInto(stored: UserState, limits: StateLimits): UserState {
    if (this.size === 0 && this.taken.size === 0) return stored;
    let state = stored;
    for (const changes of [this.taken, this.gathered]) {
      const change = changes.get(stored.user);
      if (change !== undefined) state = changeState(state, change, limits);
    }
    return state;
  }

  /** Everything gathered, for whoever writes it, who then says `written` or `unwritten`. */
  take(): ReadonlyMap<UserId, UserChange> {
    this.taken = this.gathered;
    this.gathered = new Map();
    this.size = 0;
    return this.taken;
  }

  written(): void {
    this.taken = new Map();
  }

  unwritten(): void {
    this.add(this.taken);
    this.taken = new Map();
  }

  clear(): void {
    this.gathered = new Map();
    this.size = 0;
    this.taken = new Map();
  }
}
