/** Estimates of what another policy would earn: by hand, against the truth of a known world, and when not to be trusted. */
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/index.ts";
import { type LoggedSlots, offPolicy, type SlotRewards } from "../../src/evaluation/index.ts";

interface Row {
  readonly user: number;
  readonly request: number;
  readonly position: number;
  readonly propensity: number;
  readonly target: number;
  readonly reward: number;
  /** What a model expects of the logged item and of the target's. */
  readonly logged?: number;
  readonly wanted?: number;
}

const slotsOf = (rows: readonly Row[]): LoggedSlots => ({
  users: Int32Array.from(rows, ({ user }) => user),
  requests: Int32Array.from(rows, ({ request }) => request),
  positions: Int32Array.from(rows, ({ position }) => position),
  propensities: Float64Array.from(rows, ({ propensity }) => propensity),
  targets: Float64Array.from(rows, ({ target }) => target),
});
const rewardsOf = (rows: readonly Row[]): SlotRewards => ({
  name: "click",
  rewards: Float64Array.from(rows, ({ reward }) => reward),
  ...(rows.some(({ logged }) => logged !== undefined) && {
    model: {
      logged: Float64Array.from(rows, ({ logged = 0 }) => logged),
      target: Float64Array.from(rows, ({ wanted = 0 }) => wanted),
    },
  }),
});
const FEW = { resamples: 50, seed: "test" };
const estimate = (rows: readonly Row[], settings: Parameters<typeof offPolicy>[2] = FEW) =>
  offPolicy(slotsOf(rows), [rewardsOf(rows)], settings);

const row = (
  request: number,
  position: number,
  propensity: number,
  target: number,
  reward: number,
  model: Pick<Row, "logged" | "wanted"> = {},
): Row => ({ user: request, request, position, propensity, target, reward, ...model });

describe("the estimators", () => {
  const rows = [
    row(1, 0, 0.5, 1, 1, { logged: 0.5, wanted: 0.75 }),
    row(1, 1, 0.25, 0, 1, { logged: 0.25, wanted: 0.5 }),
    row(2, 0, 0.5, 0, 1, { logged: 0.5, wanted: 0.25 }),
    row(2, 1, 0.25, 1, 0, { logged: 0.25, wanted: 0.25 }),
    row(3, 0, 0.5, 1, 0, { logged: 0.5, wanted: 0.5 }),
  ];

  it("are those of the formulas, per request", () => {
    const { actions, overlap } = estimate(rows);
    const { logged, values, lifts } = actions[0]!;
    expect(logged.mean).toBeCloseTo(3 / 3, 12);
    // Weights 2, 0, 0, 4, 2.
    expect(values.ips!.mean).toBeCloseTo(2 / 3, 12);
    // First position: three slots, 2 earned of 4; second: two slots, 0 of 4.
    expect(values.snips!.mean).toBeCloseTo((3 * (2 / 4) + 2 * 0) / 3, 12);
    expect(values.dr!.mean).toBeCloseTo(
      (0.75 + 2 * 0.5 + 0.5 + 0.25 + (0.25 + 4 * -0.25) + (0.5 + 2 * -0.5)) / 3,
      12,
    );
    expect(lifts.ips!.mean).toBeCloseTo(2 / 3 - 1, 12);
    expect(overlap).toMatchObject({ requests: 3, slots: 5, users: 3, byChance: 5, matched: 3 });
    expect(overlap.effectiveSlots).toBeCloseTo(64 / 24, 12);
    expect(overlap.meanWeight.mean).toBeCloseTo(8 / 5, 12);
    expect(overlap.largestShare).toBeCloseTo(4 / 8, 12);
  });

  it("count a weight beyond the clip as the clip, and say what it took", () => {
    const { actions, overlap } = estimate(rows, { ...FEW, clip: 3 });
    expect(actions[0]!.values.ips!.mean).toBeCloseTo(2 / 3, 12);
    expect(actions[0]!.values.dr!.mean).toBeCloseTo(
      (0.75 + 2 * 0.5 + 0.5 + 0.25 + (0.25 + 3 * -0.25) + (0.5 + 2 * -0.5)) / 3,
      12,
    );
    expect(overlap.clippedShare).toBeCloseTo(1 / 8, 12);
    expect(overlap.meanWeight.mean).toBeCloseTo(8 / 5, 12);
  });

  it("give the logged value where the target is the logging policy", () => {
    const same = rows.map((each) => ({ ...each, target: each.propensity }));
    const { values, lifts, logged } = estimate(same).actions[0]!;
    expect(values.ips!.mean).toBeCloseTo(logged.mean, 12);
    expect(values.snips!.mean).toBeCloseTo(logged.mean, 12);
    expect(lifts.ips!.halfWidth).toBeCloseTo(0, 12);
  });

  it("leave DR out without a model", () => {
    const plain = rows.map(({ logged: _, wanted: __, ...rest }) => rest);
    expect(estimate(plain).actions[0]!.values.dr).toBeNull();
  });
});

/**
 * Users want six items to different degrees; three slots are examined less and less. The logging policy orders the items
 * at random with a preference; the target shows the best three.
 */
function world(seed: string) {
  const random = new Random(seed);
  const examination = [1, 0.6, 0.4];
  const orders = permutations(6, 3);
  const liking = Array.from({ length: 6 }, (_, item) => 0.05 + 0.12 * item);
  const chances = orders.map((order) =>
    Math.exp(-0.25 * order.reduce((sum, item, k) => sum + item / (k + 1), 0)),
  );
  const sum = chances.reduce((x, y) => x + y);
  const marginal = (item: number, position: number) =>
    orders.reduce((all, order, at) => all + (order[position] === item ? chances[at]! / sum : 0), 0);
  const marginals = liking.map((_, item) => examination.map((_, position) => marginal(item, position)));
  const wish = (taste: number, item: number) => Math.min(0.95, liking[item]! * taste);
  const target = [5, 4, 3];
  return {
    /** Expected clicks a request under the target: tastes are 0.5 or 1.3, equally likely. */
    truth: [0.5, 1.3].reduce(
      (all, taste) => all + target.reduce((s, item, k) => s + examination[k]! * wish(taste, item), 0) / 2,
      0,
    ),
    sample(users: number, model: "good" | "bad"): Row[] {
      return Array.from({ length: users }, (_, user) => {
        const taste = random.next() < 0.5 ? 0.5 : 1.3;
        return Array.from({ length: 1 + random.int(4) }, (_, i) => {
          const order = orders[random.weighted(chances)]!;
          return order.map((item, position): Row => {
            const expected = (of: number) =>
              model === "good" ? examination[position]! * wish(taste, of) : 0.9;
            return {
              user,
              request: user * 10 + i,
              position,
              propensity: marginals[item]![position]!,
              target: target[position] === item ? 1 : 0,
              reward: random.next() < examination[position]! * wish(taste, item) ? 1 : 0,
              logged: expected(item),
              wanted: expected(target[position]!),
            };
          });
        }).flat();
      }).flat();
    },
  };
}

function permutations(items: number, length: number): number[][] {
  if (length === 0) return [[]];
  return permutations(items, length - 1).flatMap((head) =>
    Array.from({ length: items }, (_, item) => item)
      .filter((item) => !head.includes(item))
      .map((item) => [...head, item]),
  );
}

describe("in a world whose truth is known", () => {
  it.each(["good", "bad"] as const)(
    "all three are unbiased and their intervals hold the truth, DR with a %s model too",
    (model) => {
      const { truth, sample } = world(`coverage/${model}`);
      const runs = 120;
      const held = { ips: 0, snips: 0, dr: 0 };
      const sums = { ips: 0, snips: 0, dr: 0 };
      let deviation = 0;
      for (let run = 0; run < runs; run++) {
        const { values } = estimate(sample(250, model), { resamples: 120, seed: `${run}` }).actions[0]!;
        deviation += values.ips!.halfWidth / 1.96 / runs;
        for (const name of ["ips", "snips", "dr"] as const) {
          const { mean, halfWidth } = values[name]!;
          sums[name] += mean / runs;
          if (Math.abs(mean - truth) <= halfWidth) held[name]++;
        }
      }
      for (const name of ["ips", "snips", "dr"] as const) {
        // Four deviations of the mean of the runs, and of 0.95 in so many runs.
        expect(Math.abs(sums[name] - truth)).toBeLessThan((4 * deviation) / Math.sqrt(runs));
        expect(held[name] / runs).toBeGreaterThan(0.87);
      }
    },
  );

  it("DR with a good model has a narrower interval than IPS", () => {
    const { values } = estimate(world("narrow").sample(500, "good")).actions[0]!;
    expect(values.dr!.halfWidth).toBeLessThan(0.8 * values.ips!.halfWidth);
  });

  it("trusts an estimate from a thousand users", () => {
    expect(estimate(world("verdict").sample(1000, "good")).verdict).toEqual({
      trustworthy: true,
      warnings: [],
    });
  });
});

describe("the verdict", () => {
  const many = (propensity: number, target: (i: number) => number, n = 4000) =>
    Array.from({ length: n }, (_, i) => row(i, 0, propensity, target(i), i % 5 === 0 ? 1 : 0));
  const warnings = (rows: readonly Row[], clip?: number) =>
    estimate(rows, { ...FEW, ...(clip !== undefined && { clip }) }).verdict.warnings;

  it.each([
    ["of no log at all", [], /There is no slot with a propensity/],
    ["of a log without chance", many(1, (i) => i % 2), /Nothing was left to chance: every propensity is 1/],
    ["of a target that was never logged", many(0.5, () => 0), /^No common support: the log shows nothing/],
    [
      "of a target that could be logged in half of the slots only",
      many(0.5, (i) => (i % 4 === 0 ? 1 : 0)),
      /No common support for part of it: the weights have a mean of 0\.50 .* about 50 % of what the new/,
    ],
    ["of propensities that are too small", many(0.25, (i) => i % 2), /propensities cannot be right.* 2\.00/],
    [
      "of few slots with weight",
      many(0.1, (i) => (i % 10 === 0 ? 1 : 0), 1000),
      /Too little to go by: 1000 slots are worth 100 of equal weight/,
    ],
    [
      "of one slot that decides",
      [...many(0.5, (i) => i % 2), row(9999, 0, 1 / 1000, 1, 1)],
      /A single slot has 20 % of all weight/,
    ],
  ])("warns %s", (_, rows, sentence) => {
    const { verdict } = estimate(rows);
    expect(verdict.trustworthy).toBe(false);
    expect(verdict.warnings.some((warning) => sentence.test(warning))).toBe(true);
  });

  it("warns of what clipping took", () => {
    expect(
      warnings(
        many(0.5, (i) => i % 2),
        1.5,
      ),
    ).toContainEqual(expect.stringMatching(/Clipping took 25 % of the weight/));
  });

  it("has nothing to say where half of the slots are those of the target", () => {
    expect(warnings(many(0.5, (i) => i % 2))).toEqual([]);
  });
});
