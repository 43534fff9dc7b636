/** Sources that encode the user: what they wait for is over before the request chooses its moment of the log. */
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { type Catalog, createCatalog } from "../../src/catalog/index.ts";
import {
  type BundleId,
  type EpochMs,
  ManualClock,
  type Ms,
  type Offset,
  Random,
} from "../../src/core/index.ts";
import { type Event, type EventLog, memoryLog, type StoredEvent } from "../../src/events/index.ts";
import { featureSet, sourceSchema } from "../../src/features/index.ts";
import {
  Follower,
  type PathParts,
  type PathResult,
  RankingCost,
  runPath,
  type ServingModels,
  similarItems,
} from "../../src/pipeline/index.ts";
import { loadSources, type Source } from "../../src/retrieval/index.ts";
import { popular } from "../../src/retrieval/popular.ts";
import { memoryStore, type StateStore } from "../../src/state/index.ts";
import { coloursWith } from "../retrieval/colours.ts";
import { at, HOUR_MS, itemId, logged, START, took, userId } from "../training/logs.ts";
import { SETTINGS } from "./world.ts";

const ITEMS = 40;
const NOW = at(START + 1000 * HOUR_MS);
const U = userId("u");

let upserts = 0;
const upsert = (row: number, categories: readonly string[] = []): Event => ({
  kind: "item",
  id: `upsert-${upserts++}` as Event["id"],
  time: at(START),
  item: itemId(`v${row}`),
  facts: { categories },
});
/** Row r is item `vr`, and everything was taken by somebody. The user has taken three black items. */
const EVENTS: readonly Event[] = [
  ...Array.from({ length: ITEMS }, (_, row) => upsert(row)),
  ...Array.from({ length: ITEMS }, (_, row) => took("other", `v${row}`, START + row)),
  ...[0, 2, 4].map((row) => took("u", `v${row}`, START + row)),
];
const FITTED = { colours: { taken: new Float32Array(ITEMS).fill(1) } };

let log: EventLog;
let catalog: Catalog;
let store: StateStore;
let follower: Follower;
beforeEach(async () => {
  [log, catalog, store] = [memoryLog(), createCatalog(), memoryStore()];
  follower = new Follower(log, catalog, store);
  await append(EVENTS);
});

async function append(events: readonly Event[]): Promise<void> {
  await follower.reached((await log.append(events)).offset);
}

/** Models of a source that encodes and of one that does not, and how often it was asked to. */
async function modelsWith(wait: (asked: number) => Promise<unknown>, of = catalog) {
  let asked = 0;
  const sources: readonly Source[] = [coloursWith(() => wait(++asked)), popular];
  const loaded = await loadSources(sources, FITTED, of);
  const models: ServingModels = {
    bundle: { id: "b" as BundleId, trainedAt: NOW, logOffset: 0 as Offset },
    sources: loaded,
    ranker: null,
    cheaperRanker: null,
    featureSet: featureSet(sourceSchema(sources)),
    close: async () => {},
  };
  return { models, asked: () => asked };
}

function request(models: ServingModels, parts: Partial<PathParts> & { readonly budget?: number } = {}) {
  const { budget = Infinity, ...others } = parts;
  return runPath({ user: U }, 5, budget as Ms, {
    catalog,
    models,
    clock: new ManualClock(NOW),
    cost: new RankingCost(),
    settings: SETTINGS,
    readState: () => follower.read(U),
    ...others,
  });
}

const never = () => new Promise(() => {});
const encodeStage = ({ stages }: PathResult) => stages.find(({ stage }) => stage === "encode");
const foundBy = ({ sources }: PathResult) => sources.map(({ name, found }) => [name, found]);
function encodingOf({ query }: PathResult): Float32Array {
  const { colours } = query.encodings;
  return colours ?? new Float32Array(0);
}
/** Reads that the follower still keeps track of. */
const kept = () => (Reflect.get(follower, "reads") as ReadonlyMap<string, unknown>).size;

describe("a request with a source that encodes the user", () => {
  it("has what the source finds, and the encoding as a stage of its own", async () => {
    const { models, asked } = await modelsWith(() => setImmediate());
    const path = await request(models);
    expect(encodeStage(path)).toEqual({ stage: "encode", ms: 0, in: 3, out: 1 });
    expect(foundBy(path)).toEqual([
      ["colours", ITEMS / 2 - 3],
      ["popular", ITEMS - 3],
    ]);
    expect([...encodingOf(path)]).toEqual([expect.closeTo(2.71, 5), 0]);
    expect([path.personal, path.reasons, asked(), kept()]).toEqual([true, [], 1, 0]);
  });

  it("does not ask it about a user without touches", async () => {
    const { models, asked } = await modelsWith(never);
    const path = await request(models, { readState: () => follower.read(userId("nobody")) });
    expect([path.reasons, asked()]).toEqual([["unknown_user"], 0]);
    expect(encodeStage(path)).toEqual({ stage: "encode", ms: 0, in: 0, out: 0 });
  });

  it("is answered by the others where it is late", async () => {
    const { models } = await modelsWith(never);
    const path = await request(models, { budget: 20 });
    expect(foundBy(path)).toEqual([
      ["colours", 0],
      ["popular", ITEMS - 3],
    ]);
    expect(path.reasons).toEqual(["source_late"]);
    expect(encodeStage(path)).toMatchObject({ out: 0, fallback: "source_late" });
  });

  it("is answered by the others where it fails", async () => {
    const { models } = await modelsWith(() => Promise.reject(new Error("broken on purpose")));
    const path = await request(models, { budget: 50 });
    expect([path.reasons, path.query.encodings]).toEqual([["source_failed"], {}]);
    expect(path.slate.order.length).toBe(5);
    expect(encodeStage(path)).toMatchObject({ out: 0, fallback: "source_failed" });
  });

  it("does not begin to encode where the state has taken the time for it", async () => {
    const { models, asked } = await modelsWith(() => setImmediate());
    const clock = new ManualClock(NOW);
    const readState = async () => {
      const read = await follower.read(U);
      clock.advance(30);
      return read;
    };
    const path = await request(models, { clock, readState, budget: 50 });
    expect([path.reasons, asked(), kept()]).toEqual([["source_late"], 0, 0]);
  });

  it("has forgotten its read where the state was late", async () => {
    const { models } = await modelsWith(() => setImmediate());
    const readState = async () => {
      await sleep(30);
      return follower.read(U);
    };
    const path = await request(models, { readState, budget: 20 });
    expect(path.reasons).toEqual(["state_late"]);
    await sleep(60);
    expect(kept()).toBe(0);
  });
});

describe("while a source encodes, a request", () => {
  /** The request, where `events` are appended during the first encoding. */
  async function amid(events: readonly Event[]) {
    const { models, asked } = await modelsWith(async (asked) => (asked === 1 ? append(events) : undefined));
    const path = await request(models);
    expect(kept()).toBe(0);
    expect(path.offset).toBe(EVENTS.length + events.length);
    const again = await request(models);
    expect([path.query, path.found]).toEqual([again.query, again.found]);
    return { path, asked: asked() - 1 };
  }

  it("sees an event of its user, in the touches as well as in the encoding", async () => {
    const { path, asked } = await amid([took("u", "v7", START + HOUR_MS)]);
    expect(asked).toBe(2);
    expect([...path.query.items]).toEqual([7, 4, 2, 0]);
    expect(encodingOf(path)[1]).toBe(1);
    expect(path.stages.filter(({ stage }) => stage === "state" || stage === "encode")).toEqual([
      { stage: "state", ms: 0, in: 1, out: 4 },
      { stage: "encode", ms: 0, in: 4, out: 1 },
    ]);
  });

  it("sees new facts of an item that its user has touched", async () => {
    const { path, asked } = await amid([upsert(2, ["a", "b"])]);
    expect(asked).toBe(2);
    expect(encodingOf(path)[0]).toBeCloseTo(1 + 0.9 * 3 + 0.81, 5);
  });

  it("lets pass what happens to others", async () => {
    const { asked } = await amid([upsert(3, ["a"]), took("other", "v2", START + HOUR_MS), upsert(ITEMS)]);
    expect(asked).toBe(1);
  });

  it("sees a touched item that the catalog did not know", async () => {
    const state = await store.read(U);
    const touches = [...state.touches, { ...state.touches[0]!, item: itemId("new") }];
    const readState = async () => ({ state: { ...state, touches }, stale: () => false, release() {} });
    const news: Event = { ...upsert(0), item: itemId("new") } as Event;
    const { models, asked } = await modelsWith(async (asked) => (asked === 1 ? append([news]) : undefined));
    const path = await request(models, { readState });
    expect(asked()).toBe(2);
    expect([...path.query.items]).toEqual([4, 2, 0, ITEMS]);
  });

  it("of many sees one moment of the log, whatever is appended meanwhile", async () => {
    const random = new Random("amid");
    const dawdle = async () => {
      for (let turns = random.int(6); turns > 0; turns--) await setImmediate();
    };
    const { models, asked } = await modelsWith(dawdle);
    const paths: PathResult[] = [];
    const reader = async () => {
      for (let i = 0; i < 40; i++) {
        paths.push(await request(models));
        await dawdle();
      }
    };
    const anyEvent = (i: number): Event => {
      const row = random.int(ITEMS + 5);
      if (random.int(4) === 0) return upsert(row, random.int(2) ? ["a"] : []);
      return took(random.int(2) ? "u" : "other", `v${row}`, START + HOUR_MS + i);
    };
    const writer = async () => {
      for (let i = 0; i < 150; i++) {
        await append([anyEvent(i)]);
        await dawdle();
      }
    };
    await Promise.all([writer(), reader(), reader(), reader()]);
    // Without encodings that were made again nothing was proved.
    expect(asked()).toBeGreaterThan(paths.length + 10);
    expect(kept()).toBe(0);

    const events: StoredEvent[] = [];
    for await (const batch of log.read(0 as Offset)) events.push(...batch.map(({ event }) => event));
    for (const path of paths) {
      const then = createCatalog();
      const states = memoryStore();
      then.apply(logged(events.slice(0, path.offset)));
      await states.apply(logged(events.slice(0, path.offset)));
      const again = await request((await modelsWith(() => setImmediate(), then)).models, {
        catalog: then,
        readState: () => new Follower(log, then, states).read(U),
      });
      expect([again.query, again.found]).toEqual([path.query, path.found]);
    }
  });
});

describe("items similar to one, with a source that encodes", () => {
  const similar = (models: ServingModels) =>
    similarItems(itemId("v1"), catalog.rowOf(itemId("v1"))!, 10, NOW as EpochMs, catalog, models);

  it("are of those that it finds", async () => {
    const { items, reasons } = await similar((await modelsWith(() => setImmediate())).models);
    expect(items.map(({ item }) => Number(item.slice(1)) % 2)).toEqual(new Array(10).fill(1));
    expect(reasons).toEqual([]);
  });

  it("are those of the others where it fails, and say so", async () => {
    const broken = await modelsWith(() => Promise.reject(new Error("broken on purpose")));
    const { reasons } = await similar(broken.models);
    expect(reasons).toEqual(["source_failed", "no_history"]);
  });
});
