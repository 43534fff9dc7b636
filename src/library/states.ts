/**
 * The user states of an instance, whichever store they are in: an embedded one is used as it is, one across the
 * network through near-store.ts, and a reader beside a writer folds its own, since two processes never write one file.
 */
import { type Clock, type Ms, type Offset, UpnextError, type UserId } from "../core/index.ts";
import type { FileLog } from "../events/index.ts";
import type { FollowedStore } from "../pipeline/index.ts";
import type { Snapshots } from "../snapshots/index.ts";
import {
  fillFromBase,
  nearStore,
  openStateStore,
  type StateLimits,
  type StatePlace,
  type StateStore,
  type UserState,
} from "../state/index.ts";

/** Who may do what to a directory: one writer; replicas serve beside it, readers look and train. */
export type Role = "writer" | "replica" | "reader";

export interface States extends FollowedStore {
  readonly name: string;
  readonly limits: StateLimits;
  /** What keeps a store that is elsewhere from answering, and how many events it lacks. */
  health(): { readonly problem: string | null; readonly behind: number };
  /** Reads so far by how they ended, and what went wrong on the way; empty for a store in this process. */
  reads(): Readonly<Record<string, number>>;
  /** Whether the store has every event before `offset` within `ms`; false where it does not answer. */
  settled(offset: Offset, ms: Ms): Promise<boolean>;
  /** The states of all users, each with at least every event before `from`; for snapshots. */
  each(from: Offset): AsyncIterable<UserState>;
  close(): Promise<void>;
}

export interface StatesOptions {
  readonly place: StatePlace;
  readonly limits: StateLimits;
  readonly role: Role;
  readonly log: FileLog;
  readonly snapshots: Snapshots;
  readonly clock: Clock;
}

/** A store that has less than what the log still holds is filled from the base, the snapshot with all states. */
export async function openStates({
  place,
  limits,
  role,
  log,
  snapshots,
  clock,
}: StatesOptions): Promise<States> {
  const remote = place.store !== "memory" && place.store !== "lmdb";
  const own = remote || role === "writer" ? place : ({ store: "memory" } as const);
  const store = await openStateStore(own, { limits, clock, log: log.id });
  try {
    // A replica may look at the store before it looks at the newest of the log.
    if (store.applied > log.end && role === "writer") throw ofAnotherLog(store, log);
    if (remote) return remoteStates(store, role, log, snapshots, clock);
    if (store.applied < log.first) await fill(store, log, snapshots);
    return embeddedStates(store);
  } catch (cause) {
    await store.close();
    throw cause;
  }
}

function embeddedStates(store: StateStore): States {
  return {
    name: store.name,
    limits: store.limits,
    get applied() {
      return store.applied;
    },
    read: (user) => store.read(user),
    apply: (batch) => store.apply(batch),
    health: () => ({ problem: null, behind: 0 }),
    reads: () => ({}),
    settled: async (offset) => store.applied >= offset,
    each: () => statesOf(store),
    close: () => store.close(),
  };
}

function remoteStates(
  store: StateStore,
  role: Role,
  log: FileLog,
  snapshots: Snapshots,
  clock: Clock,
): States {
  const near = nearStore(store, {
    log,
    clock,
    writes: role === "writer",
    base: async () => {
      const base = await snapshots.base({ from: log.first });
      return base && { offset: base.offset, states: base.states() };
    },
  });
  return {
    name: store.name,
    limits: store.limits,
    get applied() {
      return near.applied;
    },
    read: (user) => near.read(user),
    apply: (batch) => near.apply(batch),
    health: () => near.health(),
    reads() {
      const { answered, fromCopies, rejected, timeouts, failures } = near.counters;
      return { answered, copy: fromCopies, rejected, timeout: timeouts, failure: failures };
    },
    settled: (offset, ms) =>
      near.flushed(offset, ms).then(
        () => true,
        () => false,
      ),
    async *each(from) {
      await near.flushed(from);
      yield* statesOf(store);
    },
    close: () => near.close(),
  };
}

async function* statesOf(store: StateStore): AsyncIterable<UserState> {
  for await (const user of store.users()) yield store.read(user as UserId);
}

async function fill(store: StateStore, log: FileLog, snapshots: Snapshots): Promise<void> {
  const base = await snapshots.base({ from: log.first });
  if (base === undefined) {
    throw new UpnextError(
      "snapshot_corrupt",
      `${log.directory}: expected a snapshot with the user states of what came before event ${log.first}, where the log begins, and found none that is whole. Restore the directory from a backup: upnext restore PATH`,
    );
  }
  await fillFromBase(store, { offset: base.offset, states: base.states() });
}

function ofAnotherLog(store: StateStore, log: FileLog): UpnextError {
  return new UpnextError(
    "store_unavailable",
    `state: expected at most the ${log.end} events of the log to be applied, got ${store.applied}: the states belong to another log. ${store.remote ? "Use another prefix or table, or empty it: upnext state clear" : "Delete the folder state/, it is rebuilt from the log at the next start"}.`,
  );
}
