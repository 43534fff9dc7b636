/**
 * Follows the log: applies every durable event to state and catalog, in order, and reads states that fit the catalog.
 * Both may begin at different places (a snapshot's, a file's): each skips what it has.
 *
 * An event is applied to the state first and to the catalog, whose `applied` requests record, right after. While a
 * batch is on its way, reads of the users in it wait; a read that a batch overtook is stale and is made again. So what
 * a request sees is always one prefix of the log. One that computes in several goes holds that moment meanwhile.
 */
import type { Catalog } from "../catalog/index.ts";
import type { Offset, Progress, UserId } from "../core/index.ts";
import type { EventLog, LoggedEvent } from "../events/index.ts";
import type { StateStore, UserState } from "../state/index.ts";

export interface StateRead {
  readonly state: UserState;
  /** Whether an event of the user has begun to be applied since the state was read. */
  stale(): boolean;
  /** Says that `stale` will not be asked again: until then the follower keeps track. */
  release(): void;
}

/** What the follower needs of a store. */
export type FollowedStore = Pick<StateStore, "read" | "apply" | "applied">;

export class Follower {
  private readonly log: EventLog;
  private readonly catalog: Catalog;
  private readonly store: FollowedStore;
  private readonly onApplied: (users: ReadonlySet<UserId>, gone: ReadonlySet<UserId>) => void;
  private running: Promise<void> | undefined;
  /** Users of the batch that is being applied. */
  private applying: ReadonlySet<UserId> = new Set();
  private batch: Promise<void> | undefined;
  /** The reads that were not released yet, by user: an applied batch marks them. */
  private readonly reads = new Map<UserId, Set<{ stale: boolean }>>();

  /** @param onApplied told of users whose events were applied, and of those among them who were forgotten */
  constructor(
    log: EventLog,
    catalog: Catalog,
    store: FollowedStore,
    onApplied: (users: ReadonlySet<UserId>, gone: ReadonlySet<UserId>) => void = () => {},
  ) {
    this.onApplied = onApplied;
    this.log = log;
    this.catalog = catalog;
    this.store = store;
  }

  /** Resolves once every event before `offset` is applied. Rejects where a store fails; a later call tries again. */
  async reached(offset: Offset, progress?: Progress): Promise<void> {
    while (this.applied < offset) {
      this.running ??= this.run(progress).finally(() => {
        this.running = undefined;
      });
      await this.running;
    }
  }

  /** Every event before it is applied to both. */
  get applied(): Offset {
    return Math.min(this.catalog.applied, this.store.applied) as Offset;
  }

  /** The state of `user`, as of what the catalog has applied at any moment at which it does not say that it is stale. */
  async read(user: UserId): Promise<StateRead> {
    while (this.applying.has(user)) await this.batch;
    const mark = { stale: false };
    const marks = this.reads.get(user) ?? new Set();
    this.reads.set(user, marks.add(mark));
    const release = () => {
      marks.delete(mark);
      if (marks.size === 0 && this.reads.get(user) === marks) this.reads.delete(user);
    };
    try {
      const state = await this.store.read(user);
      return { state, stale: () => mark.stale || this.applying.has(user), release };
    } catch (cause) {
      release();
      throw cause;
    }
  }

  /** The state alone, for a look at it. */
  async state(user: UserId): Promise<UserState> {
    const { state, release } = await this.read(user);
    release();
    return state;
  }

  private async run(progress?: Progress): Promise<void> {
    for await (const batch of this.log.read(this.applied)) {
      this.begin(batch);
      this.batch = this.apply(batch);
      await this.batch;
      progress?.update(this.applied);
    }
  }

  private async apply(batch: readonly LoggedEvent[]): Promise<void> {
    try {
      await this.store.apply(batch);
      while (this.catalog.moment.held) await this.catalog.moment.released();
      this.catalog.apply(batch);
    } finally {
      const users = this.applying;
      this.applying = new Set();
      const gone = new Set<UserId>();
      for (const { event } of batch) if (event.kind === "erasure") gone.add(event.user);
      this.onApplied(users, gone);
    }
  }

  private begin(batch: readonly LoggedEvent[]): void {
    const users = new Set<UserId>();
    for (const { event } of batch) {
      if (event.kind !== "interaction" && event.kind !== "erasure" && event.kind !== "user") continue;
      users.add(event.user);
    }
    this.applying = users;
    if (this.reads.size === 0) return;
    for (const user of users) for (const mark of this.reads.get(user) ?? []) mark.stale = true;
  }
}
