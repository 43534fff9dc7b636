/** Kept encodings: whatever happens in between, nobody is answered with what was made of another state. */
import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { createCatalog } from "../../src/catalog/index.ts";
import {
  type BundleId,
  ManualClock,
  type Ms,
  type Offset,
  Random,
  type UserId,
} from "../../src/core/index.ts";
import { type Event, memoryLog } from "../../src/events/index.ts";
import { featureSet, sourceSchema } from "../../src/features/index.ts";
import { EncodeAhead } from "../../src/pipeline/encode-ahead.ts";
import { EncodingCache } from "../../src/pipeline/encoding-cache.ts";
import { ModelsInService } from "../../src/pipeline/in-service.ts";
import { Follower, RankingCost, runPath, type ServingModels } from "../../src/pipeline/index.ts";
import { loadSources, type Source } from "../../src/retrieval/index.ts";
import { popular } from "../../src/retrieval/popular.ts";
import { memoryStore } from "../../src/state/index.ts";
import { coloursWith } from "../retrieval/colours.ts";
import { at, HOUR_MS, itemId, START, took, userId } from "../training/logs.ts";
import { SETTINGS } from "./world.ts";

const ITEMS = 30;
const NOW = at(START + 1000 * HOUR_MS);
const USERS = Array.from({ length: 4 }, (_, u) => userId(`u${u}`));

let ids = 0;
const upsert = (row: number, categories: readonly string[] = []): Event => ({
  kind: "item",
  id: `upsert-${ids++}` as Event["id"],
  time: at(START),
  item: itemId(`v${row}`),
  facts: { categories },
});
const erasure = (user: UserId): Event => ({
  kind: "erasure",
  id: `erasure-${ids++}` as Event["id"],
  time: NOW,
  user,
});

/** A log that is followed, two bundles over it whose encodings differ, and a cache with what works ahead. */
async function world(wait: () => Promise<unknown>, maxBytes = 1e6) {
  const [log, catalog, store] = [memoryLog(), createCatalog(), memoryStore()];
  const cache = new EncodingCache(maxBytes);
  let ahead: EncodeAhead | undefined;
  const follower = new Follower(log, catalog, store, (users, gone) => {
    for (const user of gone) cache.forget(user);
    ahead?.applied(users);
  });
  const append = async (events: readonly Event[]) => follower.reached((await log.append(events)).offset);
  await append(Array.from({ length: ITEMS }, (_, row) => upsert(row)));
  await append(Array.from({ length: ITEMS }, (_, row) => took("other", `v${row}`, START + row)));

  const modelsOf = async (bundle: string, waits = wait): Promise<ServingModels> => {
    const known = Array.from({ length: ITEMS }, (_, row) => (bundle === "b" && row < 15 ? 0 : 1));
    const sources: readonly Source[] = [coloursWith(waits), popular];
    const fitted = { colours: { taken: Float32Array.from(known) } };
    return {
      bundle: { id: bundle as BundleId, trainedAt: NOW, logOffset: 0 as Offset },
      sources: await loadSources(sources, fitted, catalog),
      ranker: null,
      cheaperRanker: null,
      featureSet: featureSet(sourceSchema(sources)),
      close: async () => {},
    };
  };
  const bundles = [await modelsOf("a"), await modelsOf("b")] as const;
  const serving = new ModelsInService(bundles[0]);
  const clock = new ManualClock(NOW);
  ahead = new EncodeAhead({
    modelsOf: () => undefined,
    cache,
    serving,
    catalog,
    clock,
    read: (user) => follower.read(user),
    idle: () => true,
  });
  const request = (
    user: UserId,
    encodings: EncodingCache | undefined,
    models = serving.models,
    budget = Number.POSITIVE_INFINITY,
  ) =>
    runPath({ user }, 5, budget as Ms, {
      catalog,
      models,
      clock,
      cost: new RankingCost(),
      settings: SETTINGS,
      encodings,
      readState: () => follower.read(user),
    });
  return { append, cache, ahead, serving, bundles, request, modelsOf };
}

it("serves the encoding of the very state, whatever events, requests, swaps and erasures come in between", async () => {
  const random = new Random("encodings");
  const dawdle = async () => {
    for (let turns = random.int(4); turns > 0; turns--) await setImmediate();
  };
  const { append, cache, ahead, serving, bundles, request, modelsOf } = await world(dawdle, 6_000);
  const fresh = { a: await modelsOf("a", setImmediate), b: await modelsOf("b", setImmediate) };
  let compared = 0;
  const anyStep = async (i: number) => {
    const kind = random.int(12);
    const user = random.pick(USERS);
    if (kind === 0) return serving.replace(random.pick(bundles));
    if (kind === 1) return append([upsert(random.int(ITEMS), random.int(2) ? ["x"] : [])]);
    if (kind === 2) return append([erasure(user)]);
    // Late ones too.
    if (kind < 6) return append([took(user, `v${random.int(ITEMS)}`, NOW - random.int(50) * HOUR_MS + i)]);
    const { models } = serving;
    const path = await serving.use((used) => request(user, cache, used));
    // The offset says what it saw; where nothing has been applied since, the same must come out without a cache.
    const again = await request(user, undefined, fresh[models.bundle!.id as "a" | "b"]);
    if (again.offset !== path.offset || models !== serving.models) return;
    compared++;
    expect(path.query.encodings).toEqual(again.query.encodings);
  };
  const walker = async () => {
    for (let i = 0; i < 400; i++) {
      await anyStep(i);
      await dawdle();
    }
  };
  await Promise.all([walker(), walker(), walker()]);
  await ahead.close();
  // Without hits and misses nothing was proved.
  const { hits, misses, ahead: early } = cache.figures();
  expect(Math.min(hits, misses, early, compared)).toBeGreaterThan(30);
});

it("an event makes the next request find its encoding done", async () => {
  const { append, cache, ahead, request } = await world(() => setImmediate());
  await append([took(USERS[0]!, "v3", NOW - HOUR_MS)]);
  await ahead.settled();
  await request(USERS[0]!, cache);
  expect(cache.figures()).toMatchObject({ hits: 1, misses: 0, ahead: 1, users: 1 });
});

it("many users in one batch are not encoded ahead, but for those who have asked", async () => {
  const { append, cache, ahead, request } = await world(() => setImmediate());
  await append([took("u0", "v3", NOW - HOUR_MS)]);
  await ahead.settled();
  const many = Array.from({ length: 100 }, (_, u) => took(`u${u}`, "v4", NOW - HOUR_MS));
  await append(many);
  await ahead.settled();
  expect(cache.figures()).toMatchObject({ ahead: 2, users: 1 });
  await request(USERS[0]!, cache);
  expect(cache.figures()).toMatchObject({ hits: 1, misses: 0 });
});

it("a user who was forgotten is nowhere in it, not even where an encoding was on its way", async () => {
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { append, cache, request } = await world(() => gate);
  await append([took(USERS[1]!, "v3", NOW - HOUR_MS)]);
  const answering = request(USERS[1]!, cache);
  await setImmediate();
  await append([erasure(USERS[1]!)]);
  release();
  expect((await answering).query.items.length).toBe(0);
  expect([cache.has(USERS[1]!), cache.figures().users]).toEqual([false, 0]);
});

it("two requests of one user at once wait for one encoding", async () => {
  let asked = 0;
  const wait = () => {
    asked++;
    return setImmediate();
  };
  const { append, cache, ahead, request } = await world(wait);
  await append([took(USERS[2]!, "v3", NOW - HOUR_MS)]);
  await ahead.close();
  cache.forget(USERS[2]!);
  asked = 0;
  const paths = await Promise.all([request(USERS[2]!, cache), request(USERS[2]!, cache)]);
  expect(asked).toBe(1);
  expect(paths[0]!.query.encodings).toEqual(paths[1]!.query.encodings);
});

it("takes no more room than it is given, and the user who asked longest ago goes first", async () => {
  const { append, cache, ahead, request } = await world(() => setImmediate(), 3_200);
  await append(USERS.map((user) => took(user, "v3", NOW - HOUR_MS)));
  await ahead.close();
  for (const user of USERS) cache.forget(user);
  for (const u of [0, 1, 0, 2]) await request(USERS[u]!, cache);
  expect(USERS.map((user) => cache.has(user))).toEqual([true, false, true, false]);
  expect(cache.figures().bytes).toBeLessThanOrEqual(3_200);
});

it("what nobody waits for any more need not be begun, and the next request asks anew", async () => {
  const options: (() => boolean)[] = [];
  const { append, cache, ahead, request, bundles } = await world(() => setImmediate());
  const [source, ...others] = bundles[0].sources;
  const encode = (_: unknown, asked?: { readonly expired?: () => boolean }) => {
    options.push(asked!.expired!);
    return options.length === 1 ? new Promise<never>(() => {}) : Promise.resolve(new Float32Array(2));
  };
  const sources = [{ ...source!, retriever: { ...source!.retriever, encode } }, ...others];
  await ahead.close();
  await append([took(USERS[3]!, "v3", NOW - HOUR_MS)]);
  const models = { ...bundles[0], sources };
  const late = await request(USERS[3]!, cache, models, 20);
  expect(late.reasons).toContain("source_late");
  expect(options.map((expired) => expired())).toEqual([true]);
  const again = await request(USERS[3]!, cache, models);
  expect([again.reasons, options.length]).toEqual([[], 2]);
});
