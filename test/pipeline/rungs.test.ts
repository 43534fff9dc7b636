/** The ladder: what answers when a stage is late or fails, and that it says so; filters hold on every rung. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Clock, DAY, type EpochMs, type ItemId, type Ms, systemClock } from "../../src/core/index.ts";
import { type Interaction, isVeto } from "../../src/events/index.ts";
import { FEWEST } from "../../src/pipeline/budget.ts";
import {
  Follower,
  type PathParts,
  RankingCost,
  type RecommendRequest,
  type ServingModels,
  untrainedModels,
} from "../../src/pipeline/index.ts";
import { bestUnder, pressureOf } from "../../src/pipeline/ladder.ts";
import { RUNGS } from "../../src/pipeline/recommender.ts";
import type { StateStore } from "../../src/state/index.ts";
import { createWorld, END, request, slateOf, user, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

/** A user with many touches. */
const U = user("u1");

const STAGES = ["state", "encode", "filter", "retrieve", "blend", "features", "rank", "policy"];

/** The store with another `read`, followed like the real one. */
function followed(read: StateStore["read"]): Pick<PathParts, "readState"> {
  const store: StateStore = Object.assign(Object.create(world.store), { read });
  const follower = new Follower(world.log, world.catalog, store);
  return { readState: () => follower.read(U) };
}

/** A clock on which every look costs `ms`. */
function ticking(ms: number): Clock {
  let time = 0;
  return {
    now: () => (END + DAY) as EpochMs,
    monotonic: () => {
      time += ms;
      return time as Ms;
    },
  };
}

/** Costs that requests before have taught: milliseconds a candidate, of the ranker and of a cheaper one. */
function learned(msACandidate: number, cheaper = msACandidate): RankingCost {
  const cost = new RankingCost();
  for (let i = 0; i < 200; i++) {
    cost.observe("ranker", 1, msACandidate as Ms, 0 as Ms);
    cost.observe("cheaperRanker", 1, cheaper as Ms, 0 as Ms);
  }
  return cost;
}

/** With a second ranker, which gives every candidate the opposite of what the first one gives it. */
function withCheaper(): ServingModels {
  const ranker = world.models.ranker!;
  const score: typeof ranker.score = async (input) =>
    (await ranker.score(input)).map((head) => head.map((probability) => 1 - probability));
  return { ...world.models, cheaperRanker: { ...ranker, score } };
}

function broken(what: "retrieve" | "signals", name: string): ServingModels {
  const sources = world.models.sources.map((source) => {
    if (source.retriever.name !== name) return source;
    const { retriever } = source;
    const fail = () => {
      throw new Error("broken on purpose");
    };
    return {
      ...source,
      retriever: {
        ...retriever,
        retrieve: (...asked: Parameters<typeof retriever.retrieve>) =>
          what === "retrieve" ? fail() : { ...retriever.retrieve(...asked), signals: fail },
      },
    };
  });
  return { ...world.models, sources };
}

function failingRanker(): ServingModels {
  const { ranker } = world.models;
  return {
    ...world.models,
    ranker: { ...ranker!, score: () => Promise.reject(new Error("broken on purpose")) },
  };
}

const fallbacksOf = (path: { stages: readonly { stage: string; fallback?: string }[] }) =>
  path.stages.flatMap(({ stage, fallback }) => (fallback ? [`${stage}: ${fallback}`] : []));

describe("a request", () => {
  it("on the full rung has all stages in their order, each beginning with what the one before left", async () => {
    const path = await request(world, { user: U });
    expect([path.rung, path.personal, path.reasons]).toEqual(["full", true, []]);
    expect(path.stages.map(({ stage }) => stage)).toEqual(STAGES);
    const [state, encode, filter, retrieve, blend, features, rank, policy] = path.stages;
    const { touches, vetoes } = await world.store.read(U);
    expect(state!.out).toBe(touches.length + vetoes.length);
    const encoding = world.models.sources.filter(({ retriever }) => retriever.encode !== undefined);
    expect([encode!.in, encode!.out]).toEqual([touches.length, encoding.length]);
    expect([filter!.in, filter!.out]).toEqual([world.catalog.size, path.mask.count]);
    expect([retrieve!.in, retrieve!.out]).toEqual([filter!.out, blend!.in]);
    expect(path.sources.reduce((sum, { found }) => sum + found, 0)).toBe(retrieve!.out);
    expect(path.sources.length).toBe(world.models.sources.length);
    for (const stage of [features!, rank!]) expect([stage.in, stage.out]).toEqual([blend!.out, blend!.out]);
    expect([policy!.in, policy!.out]).toEqual([blend!.out, 20]);
    expect(fallbacksOf(path)).toEqual([]);
    expect([...path.scores]).toEqual([...path.scores].sort((a, b) => b - a));
  });

  it("of an unknown user is answered in full, and says that it is not personal and why", async () => {
    const path = await request(world, { user: user("nobody") });
    expect([path.rung, path.personal, path.reasons]).toEqual(["full", false, ["unknown_user"]]);
    expect(path.slate.order.length).toBe(20);
  });

  it("of a user with vetoes alone is not personal for want of history", async () => {
    const state = { ...(await world.store.read(U)), touches: [] };
    const path = await request(
      world,
      { user: U },
      { readState: async () => ({ state, stale: () => false, release() {} }) },
    );
    expect([path.personal, path.reasons]).toEqual([false, ["no_history"]]);
  });

  it("is answered without the state where the store is late, and does not wait for it", async () => {
    const late = followed(async (id) => {
      await sleep(2000, undefined, { ref: false });
      return world.store.read(id);
    });
    const started = systemClock.monotonic();
    const path = await request(world, { user: U }, { ...late, budget: 20 });
    expect(systemClock.monotonic() - started).toBeLessThan(1000);
    expect([path.rung, path.personal, path.reasons]).toEqual(["full", false, ["state_late"]]);
    expect(fallbacksOf(path)).toEqual(["state: state_late"]);
    expect(path.slate.order.length).toBe(20);
  });

  it("waits for the store where its budget is not limited", async () => {
    const late = followed(async (id) => {
      await sleep(60);
      return world.store.read(id);
    });
    const path = await request(world, { user: U }, { ...late, budget: Infinity });
    expect([path.rung, path.personal, path.reasons]).toEqual(["full", true, []]);
  });

  it("is answered without the state where the store fails", async () => {
    const path = await request(
      world,
      { user: U },
      followed(() => Promise.reject(new Error("gone"))),
    );
    expect([path.rung, path.personal, path.reasons]).toEqual(["full", false, ["state_unavailable"]]);
    expect(fallbacksOf(path)).toEqual(["state: state_unavailable"]);
  });

  it.each(["transitions", "als", "popular"])("is answered by the others where %s fails", async (name) => {
    const path = await request(world, { user: U }, { models: broken("retrieve", name) });
    expect([path.rung, path.reasons]).toEqual(["full", ["source_failed"]]);
    expect(fallbacksOf(path)).toEqual(["retrieve: source_failed"]);
    expect(path.sources.map((source) => source.name)).not.toContain(name);
    expect(path.slate.order.length).toBe(20);
  });

  it("does without the signals of a source that fails to tell them", async () => {
    const path = await request(world, { user: U }, { models: broken("signals", "covisitation") });
    expect([path.rung, path.reasons]).toEqual(["full", ["source_failed"]]);
    expect(path.slate.order.length).toBe(20);
  });

  it("ranks the head of the candidates where there is no time for all", async () => {
    const path = await request(world, { user: U }, { cost: learned(0.3) });
    expect([path.rung, path.personal, path.reasons]).toEqual(["fewer-candidates", true, ["ranking_late"]]);
    const ranked = path.candidates.rows.length;
    expect(ranked).toBe(100);
    expect(path.candidates.rows).toEqual(path.found.rows.subarray(0, ranked));
    expect(fallbacksOf(path)).toEqual(["rank: ranking_late"]);
    expect(path.stages.find(({ stage }) => stage === "features")).toMatchObject({
      in: path.found.rows.length,
      out: ranked,
    });
  });

  it("gives those the scores that they have on the full rung, to the bit", async () => {
    const full = await request(world, { user: U });
    const fewer = await request(world, { user: U }, { cost: learned(0.3) });
    const width = world.models.featureSet.candidateNames.length;
    expect(fewer.features!.request).toEqual(full.features!.request);
    expect(fewer.features!.candidates).toEqual(
      full.features!.candidates.subarray(0, fewer.candidates.rows.length * width),
    );
    fewer.heads.forEach((head, h) => {
      expect(head).toEqual(full.heads[h]!.subarray(0, head.length));
    });
  });

  it("keeps the order of retrieval where ranking would be late", async () => {
    const path = await request(world, { user: U }, { cost: learned(10) });
    expect([path.rung, path.personal, path.reasons]).toEqual(["retrieval-order", true, ["ranking_late"]]);
    expect(fallbacksOf(path)).toEqual(["rank: ranking_late"]);
    expect(path.scores).toEqual(path.found.fused);
    expect(path.features).toBeNull();
  });

  it("keeps the order of retrieval where the ranker fails", async () => {
    const path = await request(world, { user: U }, { models: failingRanker() });
    expect([path.rung, path.personal, path.reasons]).toEqual(["retrieval-order", true, ["ranking_failed"]]);
    expect(fallbacksOf(path)).toEqual(["rank: ranking_failed"]);
    expect(path.candidates.rows).toEqual(path.found.rows);
  });

  it("keeps the order of retrieval where the ranker does not answer in time", async () => {
    const { ranker } = world.models;
    const score = () => new Promise<never>(() => {});
    const models = { ...world.models, ranker: { ...ranker!, score } };
    const cost = new RankingCost();
    const path = await request(world, { user: U }, { models, cost, budget: 60 });
    expect([path.rung, path.personal, path.reasons]).toEqual(["retrieval-order", true, ["ranking_late"]]);
    expect(path.ranked.length).toBe(path.found.rows.length);
  });

  it("is ranked again as soon as a request of nobody has found that ranking is fast again", async () => {
    const cost = learned(10);
    const rungNow = async () => (await request(world, { user: U }, { cost })).rung;
    expect([await rungNow(), await rungNow()]).toEqual(["retrieval-order", "retrieval-order"]);
    expect([cost.overdue(100 as Ms), cost.overdue(300 as Ms)]).toEqual([false, true]);
    for (let at = 1000; cost.overdue(at as Ms) || at === 1000; at += 1000) {
      cost.observe("ranker", 200, 1 as Ms, at as Ms);
      cost.observe("cheaperRanker", 200, 1 as Ms, at as Ms);
      if ((await rungNow()) === "full") return expect(at).toBeLessThanOrEqual(5000);
    }
    expect.fail("it never came back");
  });

  it("is ranked by the cheaper ranker where there is no time for the other one", async () => {
    const path = await request(world, { user: U }, { models: withCheaper(), cost: learned(10, 0.001) });
    expect([path.rung, path.personal, path.reasons]).toEqual(["cheaper-ranker", true, ["ranking_late"]]);
    const full = await request(world, { user: U }, { models: withCheaper() });
    expect(full.rung).toBe("full");
    expect(path.features).toEqual(full.features);
    expect(path.heads).toEqual(full.heads.map((head) => head.map((probability) => 1 - probability)));
  });

  it("has fewer candidates ranked by the cheaper ranker", async () => {
    const path = await request(world, { user: U }, { models: withCheaper(), cost: learned(10, 0.3) });
    expect([path.rung, path.candidates.rows.length]).toEqual(["fewer-candidates", 100]);
  });

  it.each(RUNGS)("under the pressure of the rung %s is answered there, and says why", async (rung) => {
    const parts = { models: withCheaper(), budget: Infinity, pressure: pressureOf(rung) };
    const path = await request(world, { user: U }, parts);
    expect(path.rung).toBe(rung);
    expect(path.reasons).toEqual(rung === "full" ? [] : ["overloaded"]);
    expect(path.personal).toBe(rung !== "popular");
    expect(path.slate.order.length).toBe(20);
  });

  it.each([
    [0, "full"],
    [0.19, "full"],
    [0.2, "cheaper-ranker"],
    [0.99, "popular"],
    [1, "popular"],
    [-1, "full"],
    [7, "popular"],
  ])("under the pressure %d may be answered by %s at best", (pressure, rung) => {
    expect(bestUnder(pressure)).toBe(rung);
  });

  it("under full pressure asks one source, and encodes nothing", async () => {
    const path = await request(world, { user: U }, { pressure: 1 });
    expect(path.sources.map(({ name }) => name)).toEqual(["popular"]);
    expect(path.query.encodings).toEqual({});
  });

  it("without a cheaper ranker has fewer candidates ranked under its pressure", async () => {
    const path = await request(world, { user: U }, { pressure: pressureOf("cheaper-ranker") });
    expect([path.rung, path.candidates.rows.length]).toEqual(["fewer-candidates", FEWEST]);
  });

  it("that has waited shares out among its stages what is left of its budget", async () => {
    const clock = ticking(0);
    const acceptedAt = -30 as Ms;
    const path = await request(world, { user: U }, { clock, budget: 50, acceptedAt });
    expect([path.rung, path.reasons]).toEqual(["full", []]);
    // Of 20 ms, 18 are there until ranking has to be over: 0.15 ms for each of 80 candidates, and half as much again.
    const fewer = await request(world, { user: U }, { clock, budget: 50, acceptedAt, cost: learned(0.15) });
    expect([fewer.rung, fewer.candidates.rows.length]).toEqual(["fewer-candidates", 80]);
  });

  it("waits for its turn to compute, and takes the pressure of that moment", async () => {
    const turns: string[] = [];
    const turn = (pressure: number) => async () => {
      turns.push("asked");
      return pressure;
    };
    const full = await request(world, { user: U }, { turn: turn(0) });
    expect([full.rung, full.reasons, turns.length]).toEqual(["full", [], 1]);
    expect(full.stages.map(({ stage }) => stage)).toEqual(STAGES.toSpliced(2, 0, "turn"));
    const late = await request(world, { user: U }, { turn: turn(1) });
    expect([late.rung, late.reasons]).toEqual(["popular", ["overloaded"]]);
    expect(late.stages.find(({ stage }) => stage === "turn")?.fallback).toBe("overloaded");
    expect(late.features).toBeNull();
  });

  it("asks for no turn on the last rung, which computes next to nothing", async () => {
    const turn = () => Promise.reject(new Error("it asked"));
    const path = await request(world, { user: U }, { pressure: pressureOf("popular"), turn });
    expect(path.rung).toBe("popular");
  });

  it("with a budget of 1 ms has an answer of one source, and says what was left out", async () => {
    const path = await request(world, { user: U }, { clock: ticking(1), budget: 1 });
    expect(path.slate.order.length).toBe(20);
    expect(path.rung).toBe("retrieval-order");
    expect(path.reasons).toEqual(expect.arrayContaining(["source_late", "ranking_late"]));
    expect(path.sources.filter(({ found }) => found > 0).length).toBe(1);
    const real = await request(world, { user: U }, { clock: systemClock, budget: 1 });
    expect(real.slate.order.length).toBe(20);
  });

  it("asks on for a source that finds something, however late it is", async () => {
    const path = await request(world, { user: user("nobody") }, { clock: ticking(5), budget: 1 });
    expect(path.slate.order.length).toBe(20);
    expect(path.sources.filter(({ found }) => found > 0).map(({ name }) => name)).toEqual(["popular"]);
  });

  it("without a bundle gets popular, trending and fresh items, and says that nothing is trained", async () => {
    const path = await request(world, { user: U }, { models: await untrainedModels(world.catalog) });
    expect([path.rung, path.personal, path.reasons]).toEqual(["popular", false, ["not_trained"]]);
    expect(path.sources.map(({ name }) => name)).toEqual(["popular", "trending", "fresh"]);
    expect(path.slate.order.length).toBe(20);
  });

  it("for which everything is filtered out is empty, and says so", async () => {
    const path = await request(world, { user: U, include: [] });
    expect([path.slate.order.length, path.personal, path.reasons]).toEqual([0, false, ["no_candidates"]]);
    expect(path.stages.at(-1)).toMatchObject({ stage: "policy", in: 0, out: 0 });
  });

  it.each([1, 2, 500])("for %d items gets as many as there are", async (limit) => {
    const path = await request(world, { user: U }, { limit });
    expect(path.slate.order.length).toBe(Math.min(limit, path.found.rows.length));
  });
});

describe("filters hold on every rung", () => {
  const rungs: Record<string, () => Promise<Partial<PathParts> & { budget?: number; pressure?: number }>> = {
    full: async () => ({}),
    "cheaper-ranker": async () => ({ models: withCheaper(), pressure: pressureOf("cheaper-ranker") }),
    "popular under pressure": async () => ({ pressure: 1 }),
    "fewer-candidates": async () => ({ cost: learned(0.3) }),
    "retrieval-order": async () => ({ cost: learned(10) }),
    popular: async () => ({ models: await untrainedModels(world.catalog) }),
    "retrieval-order after a failure": async () => ({ models: failingRanker() }),
    "retrieval-order within 1 ms": async () => ({ clock: ticking(1), budget: 1 }),
  };

  it("has a case for each", () => {
    for (const rung of RUNGS) expect(Object.keys(rungs)).toContain(rung);
  });

  it.each(Object.keys(rungs))("%s", async (name) => {
    const { events, catalog } = world;
    const parts = { ...(await rungs[name]!()), limit: 500 };
    const own = events.filter(
      (event): event is Interaction => event.kind === "interaction" && event.user === U,
    );
    const seen = new Set<string>(own.map(({ item }) => item));
    const plain = await request(world, { user: U }, parts);
    expect(name).toContain(plain.rung);
    const shown = slateOf(plain, catalog);
    expect(shown.length).toBeGreaterThan(40);
    expect(shown.filter((item) => seen.has(item))).toEqual([]);

    const half = shown.filter((_, i) => i % 2 === 0) as ItemId[];
    const without = slateOf(await request(world, { user: U, exclude: half }, parts), catalog);
    expect(without.filter((item) => half.includes(item as ItemId))).toEqual([]);
    const only = slateOf(await request(world, { user: U, include: half }, parts), catalog);
    expect(only.length).toBeGreaterThan(0);
    expect(only.filter((item) => !half.includes(item as ItemId))).toEqual([]);

    const category = catalog.categoryNames[1]!;
    const rules: Partial<RecommendRequest> = { categories: [category] };
    const some = slateOf(await request(world, { user: U, ...rules }, parts), catalog);
    expect(some.length).toBeGreaterThan(0);
    for (const item of some)
      expect(catalog.factsOf(catalog.rowOf(item as ItemId)!)!.categories).toContain(category);

    const vetoed = own.filter(({ type }) => isVeto(type)).map(({ item }) => item as string);
    const again = slateOf(await request(world, { user: U, allowSeen: true }, parts), catalog);
    expect(again.filter((item) => vetoed.includes(item))).toEqual([]);
    expect(again.some((item) => seen.has(item))).toBe(true);
  });

  it("those of the request also without a state", async () => {
    const parts = { ...followed(() => Promise.reject(new Error("gone"))), limit: 500 };
    const shown = slateOf(await request(world, { user: U }, parts), world.catalog) as ItemId[];
    const half = shown.slice(0, 50);
    const without = slateOf(await request(world, { user: U, exclude: half }, parts), world.catalog);
    expect(without.filter((item) => half.includes(item as ItemId))).toEqual([]);
  });
});
