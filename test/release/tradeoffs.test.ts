import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ManualClock, type Ms, Random, silent, systemClock } from "../../src/core/index.ts";
import { evidenceIn, evidenceOf } from "../../src/release/evidence.ts";
import { type Cost, type Meter, measureRequests, withVisits } from "../../src/release/measure-requests.ts";
import type { System } from "../../src/release/measured-rung.ts";
import { sentencesOf, verdictText } from "../../src/release/tradeoff-sentences.ts";
import { conditionsOf, measureTradeoffs, type Tradeoffs } from "../../src/release/tradeoffs.ts";
import { emptyState } from "../../src/state/index.ts";
import { touch, user } from "../state/touches.ts";
import {
  flatScores,
  networksOfWidth,
  type Platform,
  rankerOf,
  rungOf,
  smallPlatform,
} from "./synthetic-rungs.ts";

let platform: Platform & { close(): Promise<void> };
const closing: { close(): Promise<void> }[] = [];
beforeAll(async () => {
  platform = await smallPlatform();
});
afterAll(async () => {
  for (const each of [...closing, platform]) await each.close();
});

const METER: Meter = {
  clock: systemClock,
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return ((user + system) / 1000) as Ms;
  },
};
const METRICS = ["NDCG@10", "AUC"] as const;
const DATA = { name: "made", split: "time:0.9", users: 40, items: 220, interactions: 4000, tests: 100 };

describe("the trade-offs of rungs of real cost", () => {
  const means = { simple: 0.5, network: 0.6, ensemble: 0.7 };
  let tradeoffs: Tradeoffs;

  beforeAll(async () => {
    const system = {
      ...platform,
      metrics: METRICS,
      rungs: [
        await rungOf("simple", networksOfWidth(platform, 8, 1), means),
        await rungOf("network", networksOfWidth(platform, 256, 1), means),
        await rungOf("ensemble", networksOfWidth(platform, 256, 3), means),
      ],
    } as const satisfies System;
    closing.push(...system.rungs.map(({ ranker }) => ranker));
    tradeoffs = await measureTradeoffs(system, {
      objective: { p99Ms: 60_000, margin: 0.2 },
      data: DATA,
      time: 4000 as Ms,
      meter: METER,
      seed: 1,
      progress: silent,
    });
  });

  const rung = (name: string) => tradeoffs.rungs.find((each) => each.name === name)!;

  test("say what a request costs with each of them", () => {
    for (const { cost, otherCosts } of tradeoffs.rungs) {
      for (const each of [cost, ...otherCosts]) {
        expect(each.requests).toBeGreaterThanOrEqual(each.rounds);
        expect(each.rounds).toBe(6);
        expect(each.p50Ms.value).toBeLessThanOrEqual(each.p99Ms.value);
        expect(each.rankP50Ms.value).toBeLessThan(each.p50Ms.value);
        expect(each.ranked).toBeLessThanOrEqual(each.candidates);
        expect(each.ranked).toBeGreaterThan(0.5 * each.candidates);
        expect(each.requestsPerSecondAndCore).toBeCloseTo(1000 / each.cpuMs.value, 6);
      }
    }
    const [simple, network, ensemble] = ["simple", "network", "ensemble"].map((name) => rung(name).cost);
    // Three networks of the same size, where all else is the same; the machine may be busy with other work.
    // So the stage itself is compared, not the whole request.
    expect(network!.rankP50Ms.value).toBeGreaterThan(simple!.rankP50Ms.value);
    expect(ensemble!.rankP50Ms.value).toBeGreaterThan(1.3 * network!.rankP50Ms.value);
    expect(rung("ensemble").bytes).toBe(3 * rung("network").bytes);
    expect(rung("ensemble").memoryBytes).toBeGreaterThan(rung("simple").memoryBytes);
    // Half of the time is that of one condition in six.
    expect(simple!.requests).toBeGreaterThan(rung("simple").otherCosts[0]!.requests);
  });

  test("cover numbers of candidates and lengths of histories", () => {
    const conditions = [rung("simple").cost, ...rung("simple").otherCosts].map(
      ({ candidates, visits }) => `${candidates} × ${visits}`,
    );
    expect(conditions).toEqual(["220 × 50", "50 × 50", "100 × 50", "200 × 50", "220 × 0", "220 × 10"]);
    const fewer = rung("ensemble").otherCosts[0]!;
    expect(fewer.cpuMs.value).toBeLessThan(rung("ensemble").cost.cpuMs.value);
  });

  test("choose the best, since the objective leaves all of them time", () => {
    expect(tradeoffs.choice).toMatchObject({ rung: "ensemble", meets: true });
    expect(tradeoffs.objective).toEqual({ p99Ms: 60_000, margin: 0.2, candidates: 220, visits: 50 });
  });

  test("are plain JSON, without what is not known", () => {
    expect(JSON.parse(JSON.stringify(tradeoffs))).toEqual(tradeoffs);
    expect(Object.keys(rung("simple").quality)).toEqual(["NDCG@10"]);
    expect(rung("simple").differences).toEqual({
      network: expect.objectContaining({ value: 0.5 - 0.6 }),
      ensemble: expect.objectContaining({ value: 0.5 - 0.7 }),
    });
  });

  test("leave evidence of the choice for the bundle", () => {
    const evidence = evidenceOf(tradeoffs);
    expect(JSON.parse(JSON.stringify(evidence))).toEqual(evidence);
    expect(evidence).toMatchObject({ metric: "NDCG@10", choice: tradeoffs.choice });
    expect(evidence.rungs.map(({ name }) => name)).toEqual(tradeoffs.rungs.map(({ name }) => name));
    expect(JSON.stringify(evidence).length).toBeLessThan(5000);
    expect(evidenceIn(JSON.parse(JSON.stringify(evidence)))).toMatchObject({
      chosen: tradeoffs.choice.rung,
      sentences: sentencesOf(tradeoffs),
      rungs: tradeoffs.choice.verdicts.map((verdict) => ({
        name: verdict.rung,
        verdict: verdictText(verdict, tradeoffs),
      })),
    });
    for (const other of [undefined, null, {}, { ...evidence, format: 1 }]) {
      expect(evidenceIn(other)).toBeNull();
    }
  });
});

describe("measuring requests", () => {
  const options = { random: new Random("requests"), progress: silent };
  const main = { candidates: 100, visits: 50 };

  /** Of each rung under the first condition. */
  const firsts = (costs: readonly (readonly Cost[])[]) => costs.map(([cost]) => cost);

  /** A clock that only rankers move. */
  function manual() {
    const clock = new ManualClock();
    let cpu = 0;
    const meter: Meter = { clock, cpu: () => cpu as Ms };
    const ranker = (wall: number, work: number) =>
      rankerOf(async (input) => {
        clock.advance(wall);
        cpu += work;
        return flatScores(input);
      });
    return { clock, meter, ranker };
  }

  test("tells wall time from CPU time, and one rung from another", async () => {
    const { meter, ranker } = manual();
    const rungs = [ranker(5, 3), ranker(20, 8)];
    const [a, b] = firsts(
      await measureRequests(
        { ...platform, rungs },
        { ...options, meter, conditions: [main], time: 3000 as Ms },
      ),
    );
    const even = (value: number) => ({ value, lower: value, upper: value });
    expect(a).toMatchObject({ p50Ms: even(5), p99Ms: even(5), rankP50Ms: even(5), cpuMs: even(3) });
    expect(b).toMatchObject({ p50Ms: even(20), p99Ms: even(20), rankP99Ms: even(20), cpuMs: even(8) });
    // Four times the cost, half of the requests.
    expect(a!.requests / b!.requests).toBeCloseTo(2, 1);
  });

  test("takes the time that it is given, and no further round where requests turn out dearer", async () => {
    const { clock, meter, ranker } = manual();
    const rungs = [ranker(5, 3)];
    const system = { ...platform, rungs };
    const began = clock.monotonic();
    await measureRequests(system, { ...options, meter, conditions: [main], time: 3000 as Ms });
    expect((clock.monotonic() - began) / 3000).toBeCloseTo(1, 1);

    let asked = 0;
    const slowing = rankerOf(async (input) => {
      // As cheap as before only while it is looked at first.
      clock.advance(asked++ < 22 ? 5 : 100);
      return flatScores(input);
    });
    const [cost] = firsts(
      await measureRequests(
        { ...system, rungs: [slowing] },
        { ...options, meter, conditions: [main], time: 3000 as Ms },
      ),
    );
    expect(cost!.rounds).toBe(1);
    expect(cost!.p50Ms.value).toBe(100);
  });

  test("is no measurement where a ranker fails", async () => {
    const { meter } = manual();
    const broken = rankerOf(async () => {
      throw new Error("broken");
    });
    const rungs = [broken];
    await expect(
      measureRequests({ ...platform, rungs }, { ...options, meter, conditions: [main], time: 100 as Ms }),
    ).rejects.toMatchObject({ code: "internal", message: expect.stringContaining("it failed") });
  });

  test("asks every rung for the same users, with as long histories as it should", async () => {
    const { meter, ranker } = manual();
    const seen: Record<string, number[]> = { a: [], b: [] };
    const recording = (name: string) => {
      const { ranker: inner } = ranker(5, 5);
      return rankerOf((input) => {
        seen[name]!.push(new Set(input.query.items).size);
        return inner.score(input);
      });
    };
    const rungs = [recording("a"), recording("b")];
    await measureRequests(
      { ...platform, rungs },
      { ...options, meter, conditions: [{ candidates: 100, visits: 7 }], time: 1000 as Ms },
    );
    // The first looks differ: one rung alone warms up. The rounds do not.
    expect(seen["b"]!.slice(2)).toEqual(seen["a"]!.slice(-seen["b"]!.length + 2));
    expect(Math.max(...seen["a"]!)).toBeLessThanOrEqual(7);
    expect(new Set(seen["a"]).size).toBeGreaterThan(1);
  });

  test("goes without a single user", async () => {
    const { meter, ranker } = manual();
    const rungs = [ranker(5, 3)];
    const system = { ...platform, states: [], rungs };
    const [cost] = firsts(
      await measureRequests(system, { ...options, meter, conditions: [main], time: 1000 as Ms }),
    );
    expect(cost!.requests).toBeGreaterThan(0);
  });
});

describe("the conditions", () => {
  const texts = (live: number, configured: number) =>
    conditionsOf(live, configured).map(({ candidates, visits }) => `${candidates}×${visits}`);

  test("are those that the catalogue has items for, that of the objective first", () => {
    expect(texts(100_000, 500)).toEqual([
      "500×50",
      "50×50",
      "100×50",
      "200×50",
      "1000×50",
      "500×0",
      "500×10",
    ]);
    expect(texts(300, 500)).toEqual(["300×50", "50×50", "100×50", "200×50", "300×0", "300×10"]);
    expect(texts(100_000, 80)).toEqual([
      ...["80×50", "50×50", "100×50", "200×50", "500×50", "1000×50", "80×0", "80×10"],
    ]);
  });

  test("of a catalogue of 30 items, of one and of none are of so many candidates, and of one at least", () => {
    expect(texts(30, 500)).toEqual(["30×50", "30×0", "30×10"]);
    expect(texts(1, 500)).toEqual(["1×50", "1×0", "1×10"]);
    expect(texts(0, 500)).toEqual(["1×50", "1×0", "1×10"]);
  });
});

describe("a history of so many visits", () => {
  // Newest first: two touches of one item in a row are one visit.
  const items = ["a", "a", "b", "a", "c", "c", "c"];
  const state = {
    ...emptyState(user("u")),
    touches: items.map((item, i) => touch(`t${i}`, 100 - i, { item })),
    vetoes: [touch("veto", 1, { type: "hide" })],
  };

  test.each([
    [0, ""],
    [1, "aa"],
    [2, "aab"],
    [3, "aaba"],
    [4, "aabaccc"],
    [50, "aabaccc"],
  ])("%i is its newest touches", (visits, left) => {
    const cut = withVisits(state, visits);
    expect(cut.touches.map(({ item }) => item).join("")).toBe(left);
    expect(cut.vetoes).toEqual(state.vetoes);
  });
});
