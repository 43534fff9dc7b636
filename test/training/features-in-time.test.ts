/** A row of features sees what came before it and nothing else, and training makes the row that serving made. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { type Catalog, withStatistics } from "../../src/catalog/index.ts";
import { type EpochMs, type EventId, ManualClock } from "../../src/core/index.ts";
import type { Event } from "../../src/events/index.ts";
import {
  type FeatureSchema,
  type Features,
  featureSet,
  sourceSchema,
  visitsOf,
} from "../../src/features/index.ts";
import { buildMask } from "../../src/policy/index.ts";
import {
  candidatesOf,
  contextOf,
  type LoadedSource,
  loadSources,
  type Query,
  retrieveAll,
  sourcesNamed,
  touchesOf,
} from "../../src/retrieval/index.ts";
import { DEFAULT_LIMITS, memoryStore } from "../../src/state/index.ts";
import { readHistory } from "../../src/training/history.ts";
import { everything, Replay } from "../../src/training/replay.ts";
import { anyLog } from "./any-log.ts";
import { at, catalogOf, HOUR_MS, itemId, logged, logOf, START, userId } from "./logs.ts";

const USERS = ["a", "b", "c"];
const PLACE = { surface: "home", device: "phone" };
const SOURCES = sourcesNamed(["popular", "trending", "fresh"]);
const schema: FeatureSchema = {
  ...sourceSchema(SOURCES),
  surfaces: ["home", "elsewhere"],
  devices: ["phone"],
  facts: [
    { key: "age", kind: "number" },
    { key: "country", kind: "category", values: ["NO"] },
  ],
};
const set = featureSet(schema);

/** What is known from the beginning: of users, and of the items whose facts the log of the test does not change. */
const beginning: readonly Event[] = [
  ...USERS.map(
    (user, n): Event => ({
      kind: "user",
      id: `facts-${user}` as EventId,
      user: userId(user),
      time: at(START - HOUR_MS),
      facts: { age: 20 + n, country: n === 0 ? "NO" : "DE" },
    }),
  ),
  ...["p", "q", "r", "s", "t"].map(
    (item, n): Event => ({
      kind: "item",
      id: `facts-${item}` as EventId,
      item: itemId(item),
      time: at(START - HOUR_MS),
      facts: { creator: `c${n % 2}`, categories: [`k${n % 3}`, "all"], duration: [10, 60, 600][n % 3]! },
    }),
  ),
];

function featuresOf(
  query: Query,
  catalog: Catalog,
  sources: readonly LoadedSource[],
  count: number,
): Features {
  const rows = Int32Array.from({ length: count }, (_, row) => row);
  const candidates = candidatesOf(retrieveAll(sources, query, 3), rows);
  return set.compute({ query, catalog, candidates, visits: visitsOf(query.history, catalog) });
}

/** Not the facts of items, which training takes as they are at the end, nor blocks, which do not hide there what they hide. */
function isCompared(event: Event): boolean {
  if (event.kind === "interaction") return event.type !== "block";
  return event.kind === "impression";
}

it("is, to the bit, the row of a live system that has folded what came before, whatever came later", async () => {
  await fc.assert(
    fc.asyncProperty(
      anyLog({ erasures: false, ordered: true }),
      fc.integer({ min: 0, max: 13 }),
      fc.constantFrom(...USERS),
      async (drawn, hour, user) => {
        const events = [...beginning, ...drawn.filter(isCompared)];
        const now = (START + hour * HOUR_MS) as EpochMs;
        const before = events.filter(({ time }) => time < now);

        const live = catalogOf(before);
        const store = memoryStore({ limits: DEFAULT_LIMITS, clock: new ManualClock(now) });
        await store.apply(logged(before));
        const state = await store.read(userId(user));
        const { touches, history: all } = touchesOf(state, live, now, PLACE.surface);
        const { allowed } = buildMask(live, state, {}, now);
        const context = contextOf(live, userId(user), now, PLACE);
        const liveQuery = { ...touches, allowed, encodings: {}, context, history: all };
        const served = featuresOf(liveQuery, live, await loadSources(SOURCES, {}, live), live.size);

        const history = await readHistory(await logOf(events));
        const u = history.users.indexOf(userId(user));
        if (u < 0) return;
        const replay = new Replay(history, everything(history));
        const catalog = withStatistics(history.catalog, replay.statistics);
        const sources = await loadSources(SOURCES, {}, catalog);
        replay.advance(now);
        let end = history.offsets[u]!;
        while (end < history.offsets[u + 1]! && history.times[end]! < now) end++;
        const ask = async (asked: Omit<Query, "encodings">) =>
          featuresOf({ ...asked, encodings: {} }, catalog, sources, live.size);
        const trained = await replay.asOf(u, end, now, ask, PLACE);

        const wrong = (a: Float32Array, b: Float32Array) =>
          a.findIndex((value, f) => !Object.is(value, b[f]));
        const f = wrong(trained.request, served.request);
        expect(f < 0 ? "none" : set.requestNames[f]).toBe("none");
        const c = wrong(trained.candidates, served.candidates);
        expect(c < 0 ? "none" : set.candidateNames[c % set.candidateNames.length]).toBe("none");
      },
    ),
    { numRuns: 200 },
  );
});
