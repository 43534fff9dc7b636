/** User states in a map: for tests, for replay in training, and for a log small enough to fold again at every start. */
import { type EpochMs, type Offset, UpnextError, type UserId } from "../core/index.ts";
import type { LoggedEvent } from "../events/index.ts";
import { changeState, changesOf, groupTouches, type UserChange } from "./fold-batch.ts";
import type { StateStore, UserTouches } from "./state-store.ts";
import { DEFAULT_LIMITS, emptyState, type StateLimits, type UserState } from "./user-state.ts";

export function memoryStore(options: { readonly limits?: StateLimits } = {}): StateStore {
  return new MemoryStore(options.limits ?? DEFAULT_LIMITS);
}

class MemoryStore implements StateStore {
  readonly name = "memory";
  readonly limits: StateLimits;
  private states = new Map<UserId, UserState>();
  private next = 0;
  private closed = false;

  constructor(limits: StateLimits) {
    this.limits = limits;
  }

  get applied(): Offset {
    return this.next as Offset;
  }

  async read(user: UserId): Promise<UserState> {
    this.mustBeOpen();
    return this.states.get(user) ?? emptyState(user);
  }

  async write(batch: readonly UserTouches[]): Promise<void> {
    this.mustBeOpen();
    for (const [user, change] of groupTouches(batch)) this.change(user, change);
  }

  async erase(user: UserId, time: EpochMs): Promise<void> {
    this.mustBeOpen();
    this.change(user, { touches: [], erasedAt: time });
  }

  async apply(batch: readonly LoggedEvent[]): Promise<void> {
    this.mustBeOpen();
    const changes = changesOf(batch, this.applied);
    for (const [user, change] of changes.users) this.change(user, change);
    this.next = changes.applied;
  }

  async *users(): AsyncIterable<UserId> {
    this.mustBeOpen();
    yield* [...this.states.keys()];
  }

  async close(): Promise<void> {
    this.closed = true;
    this.states = new Map();
  }

  private change(user: UserId, change: UserChange): void {
    const before = this.states.get(user) ?? emptyState(user);
    const after = changeState(before, change, this.limits);
    if (after !== before) this.states.set(user, after);
  }

  private mustBeOpen(): void {
    if (this.closed) {
      throw new UpnextError(
        "store_unavailable",
        "memory state store: it was closed; open a new one and replay the log into it",
      );
    }
  }
}
