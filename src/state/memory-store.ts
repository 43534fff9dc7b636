/** User states in a map: for tests, for replay in training, and for a log small enough to fold again at every start. */
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
import { withoutExpired } from "./merge-touches.ts";
import type { StateStore, StateStoreOptions, UserTouches } from "./state-store.ts";
import { DEFAULT_LIMITS, emptyState, type StateLimits, type UserState } from "./user-state.ts";

export function memoryStore({ limits, clock }: StateStoreOptions = {}): StateStore {
  return new MemoryStore(limits ?? DEFAULT_LIMITS, clock ?? systemClock);
}

class MemoryStore implements StateStore {
  readonly name = "memory";
  readonly remote = false;
  readonly limits: StateLimits;
  private readonly clock: Clock;
  private states = new Map<UserId, UserState>();
  private next = 0;
  private closed = false;

  constructor(limits: StateLimits, clock: Clock) {
    this.limits = limits;
    this.clock = clock;
  }

  get applied(): Offset {
    return this.next as Offset;
  }

  async read(user: UserId): Promise<UserState> {
    this.mustBeOpen();
    return withoutExpired(this.states.get(user) ?? emptyState(user), this.limits, this.clock.now());
  }

  async readApplied(): Promise<Offset> {
    this.mustBeOpen();
    return this.applied;
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

  async clear(): Promise<void> {
    this.mustBeOpen();
    this.states = new Map();
    this.next = 0;
  }

  async skipTo(offset: Offset): Promise<void> {
    this.mustBeOpen();
    this.next = Math.max(this.next, offset);
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
