import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type EpochMs, Random } from "../../src/core/index.ts";
import { createWorld } from "../../src/simulation/index.ts";
import { LoggingPolicy } from "../../src/simulation/logging-policy.ts";
import { Mind, REMEMBERED } from "../../src/simulation/mind.ts";
import { noise } from "../../src/simulation/noise.ts";
import { WeightedPool } from "../../src/simulation/pool.ts";
import { cumulative, drawFrom, firstAbove } from "../../src/simulation/sampling.ts";
import { TimeQueue } from "../../src/simulation/time-queue.ts";

const END = Date.UTC(2026, 9, 31) as EpochMs;

test("the time queue gives entries back as a stable sort by time would", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant("pop"))), (steps) => {
      const queue = new TimeQueue<number>();
      let oracle: { time: number; value: number }[] = [];
      steps.forEach((step, value) => {
        if (typeof step === "number") {
          queue.push(step, value);
          oracle = [...oracle, { time: step, value }].sort((a, b) => a.time - b.time || a.value - b.value);
        } else expect(queue.pop()).toBe(oracle.shift()?.value);
        expect(queue.size).toBe(oracle.length);
        expect(queue.next).toBe(oracle[0]?.time ?? Number.POSITIVE_INFINITY);
      });
    }),
  );
});

test("drawing from running sums agrees with going through the weights", () => {
  const weights = fc
    .array(fc.integer({ min: 0, max: 5 }), { minLength: 1 })
    .filter((w) => w.some((x) => x > 0));
  fc.assert(
    fc.property(weights, fc.double({ min: 0, max: 0.999, noNaN: true }), (w, u) => {
      const total = w.reduce((a, b) => a + b);
      let sum = 0;
      const expected = w.findIndex((weight) => {
        sum += weight;
        return u * total < sum;
      });
      expect(drawFrom(cumulative(w), u)).toBe(expected);
    }),
  );
});

test("firstAbove counts what is not above the bound", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 20 })),
      fc.integer({ min: -1, max: 21 }),
      (values, bound) => {
        const sorted = values.sort((a, b) => a - b);
        expect(firstAbove(sorted, bound)).toBe(sorted.filter((value) => value <= bound).length);
      },
    ),
  );
});

test("noise is uniform along each coordinate and unrelated between neighbours", () => {
  for (const along of [(i: number) => noise(7, i, 1, 1), (i: number) => noise(7, 1, i, 1)]) {
    const values = Array.from({ length: 4_000 }, (_, i) => along(i - 2_000));
    const mean = values.reduce((a, b) => a + b) / values.length;
    const lag = values.slice(1).reduce((sum, value, i) => sum + (value - 0.5) * (values[i]! - 0.5), 0);
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.02);
    expect(Math.abs((12 * lag) / values.length)).toBeLessThan(0.06);
  }
});

test("a pool draws in proportion to its weights and is empty after clearing", () => {
  const pool = new WeightedPool(10, 3);
  pool.add(4, 1);
  pool.add(9, 3);
  const random = new Random(1);
  const draws = Array.from({ length: 4_000 }, () => pool.draw(random));
  expect(draws.filter((row) => row === 9).length / draws.length).toBeCloseTo(0.75, 1);
  expect(new Set(draws)).toEqual(new Set([4, 9]));
  pool.clear();
  expect([pool.total, pool.weightOf(4), pool.weightOf(9)]).toEqual([0, 0, 0]);
});

describe("the logging policy", () => {
  const world = createWorld({ end: END, users: 5, videos: 40 });
  const policy = new LoggingPolicy(world, new Random("policy"));
  const mind = new Mind(world, 0);
  mind.follow(world.catalogue.creator[3]!);
  for (const row of [1, 2, 3]) mind.watch(row, 1, END);
  const drafts = Array.from({ length: 20_000 }, () => {
    const { rows, propensities, count } = policy.slate(mind, END);
    return { rows: [...rows.subarray(0, count)], propensities: [...propensities.subarray(0, count)] };
  });

  test("never shows what the user remembers", () => {
    expect(drafts.filter(({ rows }) => [1, 2, 3].some((row) => rows.includes(row)))).toEqual([]);
  });

  test("logs for the first slot the frequency with which it shows each video", () => {
    const propensity = new Map<number, number>();
    const shown = new Map<number, number>();
    for (const { rows, propensities } of drafts) {
      propensity.set(rows[0]!, propensities[0]!);
      shown.set(rows[0]!, (shown.get(rows[0]!) ?? 0) + 1 / drafts.length);
    }
    expect([...propensity.values()].reduce((a, b) => a + b)).toBeCloseTo(1, 6);
    for (const [row, p] of propensity) expect(Math.abs(shown.get(row)! - p)).toBeLessThan(0.012);
  });

  test("logs for each slot a propensity given the slots above: 1/p averages to the videos still possible", () => {
    for (const slot of [0, 1, 4, 9]) {
      const mean = drafts.reduce((sum, { propensities }) => sum + 1 / propensities[slot]!, 0) / drafts.length;
      expect(mean / (40 - 3 - slot)).toBeGreaterThan(0.95);
      expect(mean / (40 - 3 - slot)).toBeLessThan(1.05);
    }
  });
});

describe("what a user has in mind", () => {
  const world = createWorld({ end: END, users: 50, videos: 2_000 });
  const { nextPart, topics } = world.catalogue;
  const first = nextPart.findIndex((row) => row >= 0);
  const next = nextPart[first]!;

  test("is the wish for the next part after a part was watched well, and not after it was left", () => {
    const wish = (share: number) => {
      const mind = new Mind(world, 0);
      mind.watch(first, share, END);
      return mind.interest(next, END);
    };
    expect(wish(0.9)).toBeGreaterThan(wish(0.2) + 2);
  });

  test("is the wish for the topic that follows on the last one", () => {
    const mind = new Mind(world, 0);
    const after = world.topics.successor[topics[first * 3]!]!;
    const row = world.videosOf[after]!.find((video) => video !== next)!;
    const before = mind.interest(row, END);
    mind.watch(first, 1, END);
    expect(mind.interest(row, END)).toBeGreaterThan(before + 1);
    mind.beginSession();
    expect(mind.interest(row, END)).toBe(before);
  });

  test("is boredom after many videos of one topic", () => {
    const mind = new Mind(world, 0);
    const videos = world.videosOf[topics[0]!]!;
    const fresh = videos.at(-1)!;
    const wishes = videos.slice(0, 8).map((row) => {
      mind.watch(row, 0.4, END);
      return mind.interest(fresh, END);
    });
    expect(wishes[7]!).toBeLessThan(wishes[0]! - 2);
  });

  test("holds the newest videos up to its limit, each once", () => {
    const mind = new Mind(world, 0);
    for (let row = 0; row < REMEMBERED; row++) mind.remember(row);
    mind.remember(0);
    expect(mind.watched.length).toBe(REMEMBERED);
    mind.remember(REMEMBERED);
    expect([...mind.watched].sort((a, b) => a - b)).toEqual(
      Array.from({ length: REMEMBERED }, (_, i) => i + 1),
    );
  });
});
