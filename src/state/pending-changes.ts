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
  /** Users and touches that nobody has taken. */
  size = 0;
  private gathered = new Map<UserId, UserChange>();
  /** What was gathered when the sweep under way began, and is not taken yet. */
  private sweep = new Map<UserId, UserChange>();
  private taken = new Map<UserId, UserChange>();

  /** Users of the sweep under way that were not taken yet. */
  get left(): number {
    return this.sweep.size;
  }

  /** Takes over `changes`. */
  add(changes: ReadonlyMap<UserId, UserChange>): void {
    for (const [user, change] of changes) {
      this.size += change.touches.length;
      const before = this.gathered.get(user);
      if (before !== undefined) {
        mergeInto(before, change);
        continue;
      }
      this.gathered.set(user, change);
      this.size++;
    }
  }

  /** `stored` with all that is pending of its user. Returns `stored` itself where that changes nothing. */
  mergedInto(stored: UserState, limits: StateLimits): UserState {
    if (this.size === 0 && this.taken.size === 0) return stored;
    let state = stored;
    for (const changes of [this.taken, this.sweep, this.gathered]) {
      const change = changes.get(stored.user);
      if (change !== undefined) state = changeState(state, change, limits);
    }
    return state;
  }

  /** Begins a sweep over all that is gathered; the one before must have nothing left. */
  begin(): void {
    this.sweep = this.gathered;
    this.gathered = new Map();
  }

  /**
   * The next users of the sweep, each with what was gathered of them since it began: a value is written once for all of
   * it. For whoever writes it, who then says `written` or `unwritten`.
   */
  take(most = Number.POSITIVE_INFINITY): ReadonlyMap<UserId, UserChange> {
    this.taken = new Map();
    for (const [user, change] of this.sweep) {
      if (this.taken.size === most) break;
      this.sweep.delete(user);
      this.size -= 1 + change.touches.length;
      const since = this.gathered.get(user);
      if (since !== undefined) {
        this.gathered.delete(user);
        this.size -= 1 + since.touches.length;
        mergeInto(change, since);
      }
      this.taken.set(user, change);
    }
    return this.taken;
  }

  written(): void {
    this.taken = new Map();
  }

  unwritten(): void {
    for (const [user, change] of this.taken) {
      this.sweep.set(user, change);
      this.size += 1 + change.touches.length;
    }
    this.taken = new Map();
  }

  clear(): void {
    this.gathered = new Map();
    this.sweep = new Map();
    this.taken = new Map();
    this.size = 0;
  }
}

function mergeInto(change: UserChange, more: UserChange): void {
  for (const touch of more.touches) change.touches.push(touch);
  if (more.erasedAt > change.erasedAt) change.erasedAt = more.erasedAt;
}
