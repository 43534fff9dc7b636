/** Worlds full of oddities for the features: items without facts or with absurd ones, events far away in time. */
import { createCatalog } from "../../src/catalog/index.ts";
import {
  DAY,
  type EpochMs,
  type EventId,
  Random,
  type RequestId,
  type UserId,
} from "../../src/core/index.ts";
import {
  type Event,
  INTERACTION_TYPE_NAMES,
  type ItemFacts,
  type Place,
  type UserFacts,
} from "../../src/events/index.ts";
import {
  type FeatureContext,
  type FeatureSet,
  featureSet,
  fitFeatureSchema,
  visitsOf,
} from "../../src/features/index.ts";
import {
  blend,
  type Candidates,
  type Columns,
  type Contribution,
  candidatesOf,
  contextOf,
  encodeAll,
  loadSources,
  retrieveAll,
  sourcesNamed,
  touchesOf,
} from "../../src/retrieval/index.ts";
import { emptyState, type Touch } from "../../src/state/index.ts";
import { extend, fitted, itemOf, NOW, sequencesOf } from "../retrieval/checkerboard.ts";

const USERS = 12;

/** A query with candidates, and the same for chosen rows. */
export interface World {
  readonly set: FeatureSet;
  readonly context: FeatureContext;
  readonly contributions: readonly Contribution[];
  candidatesOf(rows: Int32Array): Candidates;
}

/** A moment around NOW, sometimes a day, sometimes a hundred years away, before or after. */
function anyTime(random: Random): number {
  const scale = random.pick([1000, DAY, 400 * DAY, 36_500 * DAY]);
  return NOW + Math.round((2 * random.next() - 1.5) * scale);
}

function anyFacts(random: Random): ItemFacts {
  return {
    ...(random.next() < 0.7 && { creator: `c${random.int(3)}` }),
    ...(random.next() < 0.7 && {
      categories: Array.from({ length: random.int(4) }, () => `k${random.int(5)}`),
    }),
    ...(random.next() < 0.7 && { duration: random.pick([0, 0.5, 60, 7200, 1e30, 1e300]) }),
    ...(random.next() < 0.7 && { publishedAt: anyTime(random) as EpochMs }),
  };
}

function anyPlace(random: Random): Place {
  return {
    ...(random.next() < 0.7 && { surface: random.pick(["home", "tab", "elsewhere", "__proto__"]) }),
    ...(random.next() < 0.7 && { device: random.pick(["phone", "toaster"]) }),
  };
}

function anyUserFacts(random: Random): UserFacts {
  return {
    ...(random.next() < 0.7 && { age: random.int(200) }),
    ...(random.next() < 0.7 && { worth: random.pick([-1e300, -3, 0, 0.5, 1e300]) }),
    ...(random.next() < 0.7 && { country: random.pick(["NO", "DE", "toString"]) }),
    ...(random.next() < 0.7 && { paying: random.pick([true, false]) }),
    ...(random.next() < 0.3 && { constructor: "odd" }),
  };
}

/** A catalog of some items, some of them with facts, interactions and impressions, and a user with any touches. */
export async function anyWorld(seed: number): Promise<World> {
  const random = new Random(`features/${seed}`);
  const catalog = createCatalog();
  const size = 1 + random.int(40);
  const rows = Array.from({ length: size }, (_, row) => row);
  const interactions = Array.from({ length: random.int(300) }, (_, i) => ({
    kind: "interaction" as const,
    id: `e${i}` as EventId,
    user: `u${random.int(USERS)}` as UserId,
    item: itemOf(random.int(size)),
    type: random.pick(INTERACTION_TYPE_NAMES),
    ...(random.next() < 0.5 && { value: random.next() }),
    time: anyTime(random) as EpochMs,
  }));
  const events: Event[] = [
    ...rows.map((row) => ({
      kind: "item" as const,
      id: `i${row}` as EventId,
      item: itemOf(row),
      facts: random.next() < 0.8 ? anyFacts(random) : {},
      time: anyTime(random) as EpochMs,
    })),
    ...Array.from({ length: USERS }, (_, u) => ({
      kind: "user" as const,
      id: `f${u}` as EventId,
      user: `u${u}` as UserId,
      facts: anyUserFacts(random),
      time: (NOW - random.int(3) * DAY) as EpochMs,
    })),
    ...interactions,
    ...rows.map((row) => ({
      kind: "impression" as const,
      id: `s${row}` as EventId,
      user: "u0" as UserId,
      request: `r${row}` as RequestId,
      slots: Array.from({ length: random.int(3) }, (_, position) => ({
        item: itemOf(random.int(size)),
        position,
      })),
      time: anyTime(random) as EpochMs,
    })),
  ];
  extend(catalog, events);

  const taken: number[][] = Array.from({ length: USERS }, () => []);
  for (const { user, item } of interactions) taken[Number(user.slice(1))]!.push(Number(item.slice(1)));
  const sequences = sequencesOf(taken, size);
  const fits: Record<string, Columns> = {};
  // A source with a network takes seconds to fit: in one world out of ten.
  const kinds = sourcesNamed().filter(({ name }) => seed % 10 === 0 || name !== "sequence");
  for (const source of kinds) {
    if (source.fit !== undefined) fits[source.name] = await fitted(source, sequences, catalog, seed);
  }
  const sources = await loadSources(kinds, fits, catalog);

  const touches = Array.from(
    { length: random.pick([0, 1, 5, 80]) },
    (_, i): Touch => ({
      id: `t${i}` as EventId,
      item: itemOf(random.int(size + 3)),
      type: random.pick(INTERACTION_TYPE_NAMES),
      value: random.next() < 0.5 ? Number.NaN : random.next(),
      time: anyTime(random) as EpochMs,
    }),
  ).sort((a, b) => b.time - a.time);
  const allowed = Uint8Array.from({ length: size }, () => (random.next() < 0.8 ? 1 : 0));
  const { touches: asked, history } = touchesOf({ ...emptyState("u" as UserId), touches }, catalog, NOW);
  const context = contextOf(catalog, "u0" as UserId, NOW, random.next() < 0.7 ? anyPlace(random) : {});
  const encodings = await encodeAll(sources, asked);
  const query = { ...asked, allowed, encodings, context, history };
  const contributions = retrieveAll(sources, query, 30).map((contribution) =>
    random.next() < 0.1 ? { ...contribution, retrieved: null } : contribution,
  );
  const candidates = blend(contributions, 30);
  return {
    set: featureSet(
      fitFeatureSchema({
        sources: kinds,
        catalog,
        users: Array.from({ length: USERS }, (_, u) => `u${u}` as UserId),
        surfaces: ["home", "tab", undefined, "tab"],
        devices: ["phone"],
      }),
    ),
    context: { query, catalog, candidates, visits: visitsOf(history, catalog) },
    contributions,
    candidatesOf: (chosen) => candidatesOf(contributions, chosen),
  };
}
