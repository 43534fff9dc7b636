/** Logs, their folds and what these say, for the tests of snapshots. */
import { type Catalog, catalogDigest, createCatalog } from "../../src/catalog/index.ts";
import { type EpochMs, ManualClock, type Offset, Random, type UserId } from "../../src/core/index.ts";
import type { InteractionType, LoggedEvent, StoredEvent } from "../../src/events/index.ts";
import type { Snapshot, SnapshotParts } from "../../src/snapshots/index.ts";
import {
  memoryStore,
  type StateLimits,
  type StateStore,
  stateDigest,
  type UserState,
} from "../../src/state/index.ts";

export const LIMITS = { touches: 6, vetoes: 3 };
export const CLOCK = new ManualClock(1_800_000_000_000 as EpochMs);
const USERS = Array.from({ length: 12 }, (_, u) => `u${u}` as UserId);

/** A log with all that catalog and states fold: late events, vetoes, facts of users, erasures, some anonymous ones. */
export function mixedLog(count: number, seed = "mixed"): LoggedEvent[] {
  const random = new Random(seed);
  const events: StoredEvent[] = [];
  for (let i = 0; i < count; i++) {
    const user = random.pick(USERS);
    const base = {
      id: `e${i}`,
      time: 1_700_000_000_000 + 1000 * i - (random.int(5) === 0 ? random.int(90_000) : 0),
    };
    const item = `v${random.int(40)}`;
    const kind = random.int(30);
    let more: object = {
      kind: "interaction",
      user,
      item,
      type: random.pick<InteractionType>(["watch", "like", "hide"]),
    };
    if (kind === 0) more = { kind: "erasure", user, time: base.time - random.int(9000) };
    else if (kind === 1) more = { kind: "user", user, facts: { n: random.int(9) } };
    else if (kind === 2) more = { kind: "item-removal", item };
    else if (kind === 3) more = { kind: "anonymous", items: [item], type: "watch" };
    else if (kind < 8)
      more = { kind: "item", item, facts: { title: `T${i}`, creator: "ada", categories: [`c${i % 5}`] } };
    events.push({ ...base, ...more } as StoredEvent);
  }
  return events.map((event, offset) => ({ offset: offset as Offset, event }));
}

/** Catalog and states of the events. */
export async function foldsOf(
  events: readonly LoggedEvent[],
  limits: StateLimits = LIMITS,
): Promise<{ catalog: Catalog; store: StateStore }> {
  const catalog = createCatalog();
  const store = memoryStore({ limits, clock: CLOCK });
  catalog.apply(events);
  await store.apply(events);
  return { catalog, store };
}

/** Everything that both folds say, as one text. */
export async function digestOf({ catalog, store }: { catalog: Catalog; store: StateStore }): Promise<string> {
  const erasures = [...catalog.erasures].sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([
    catalogDigest(catalog, USERS),
    catalog.applied,
    catalog.erasedThrough,
    erasures,
    await stateDigest(store),
  ]);
}

export async function* statesOf(store: StateStore): AsyncGenerator<UserState> {
  for await (const user of store.users()) yield await store.read(user);
}

/** What makes a base of the folds as they are. */
export const baseOf = ({ catalog, store }: { catalog: Catalog; store: StateStore }): SnapshotParts => ({
  catalog,
  states: { each: () => statesOf(store), through: () => store.applied },
});

/** The folds that go on from a base with the events behind it. */
export async function resumed(base: Snapshot, events: readonly LoggedEvent[]) {
  const catalog = await base.catalog();
  const store = memoryStore({ limits: LIMITS, clock: CLOCK });
  for await (const state of base.states()) {
    await store.write([{ user: state.user, touches: [...state.touches, ...state.vetoes] }]);
    if (state.erasedAt > -Infinity) await store.erase(state.user, state.erasedAt);
  }
  await store.skipTo(base.offset);
  const rest = events.slice(base.offset);
  catalog.apply(rest);
  await store.apply(rest);
  return { catalog, store };
}
