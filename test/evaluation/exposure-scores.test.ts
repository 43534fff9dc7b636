/** Metrics of exposures, against pairs and orders counted one by one, known cases, and the truth of synthetic users. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/index.ts";
import {
  type BootstrapSettings,
  type Exposures,
  exposureDifferences,
  exposureScores,
  type HeadScores,
} from "../../src/evaluation/index.ts";

interface Row {
  readonly user: number;
  readonly day: number;
  readonly label: number;
  readonly score: number;
}

const FEW: BootstrapSettings = { resamples: 20, seed: "test" };

const exposuresOf = (rows: readonly Row[]): Exposures => ({
  users: Int32Array.from(rows, ({ user }) => user),
  days: Int32Array.from(rows, ({ day }) => day),
  labels: [Uint8Array.from(rows, ({ label }) => label)],
});
const columnOf = (rows: readonly Row[]) => Float32Array.from(rows, ({ score }) => score);
const scoresOf = (rows: readonly Row[], settings = FEW): HeadScores =>
  exposureScores(exposuresOf(rows), ["click"], [columnOf(rows)], settings)[0]!;

/** Close to each other, or both NaN. */
function expectClose(got: number, expected: number): void {
  if (Number.isNaN(expected)) expect(got).toBeNaN();
  else expect(got).toBeCloseTo(expected, 9);
}

/** Shares of won pairs, counted pair by pair. */
function naiveAuc(rows: readonly Row[]): number {
  let won = 0;
  let pairs = 0;
  for (const a of rows)
    for (const b of rows)
      if (a.label === 1 && b.label === 0) {
        pairs++;
        won += a.score > b.score ? 1 : a.score === b.score ? 0.5 : 0;
      }
  return pairs === 0 ? Number.NaN : won / pairs;
}

function groupsOf(rows: readonly Row[], key: (row: Row) => string): Row[][] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) groups.set(key(row), [...(groups.get(key(row)) ?? []), row]);
  return [...groups.values()];
}

function naiveGauc(rows: readonly Row[]): number {
  const users = groupsOf(rows, ({ user }) => `${user}`).filter((group) => !Number.isNaN(naiveAuc(group)));
  const size = users.reduce((sum, group) => sum + group.length, 0);
  return users.reduce((sum, group) => sum + group.length * naiveAuc(group), 0) / size;
}

/** A row's expected discount is the mean over the positions that its ties may take. */
function naiveNdcg(rows: readonly Row[]): number {
  const groups = groupsOf(rows, ({ user, day }) => `${user}/${day}`).filter(
    (group) => group.length > 1 && group.some(({ label }) => label === 1),
  );
  const discount = (position: number) => (position < 10 ? 1 / Math.log2(position + 2) : 0);
  const values = groups.map((group) => {
    const gain = group
      .filter(({ label }) => label === 1)
      .map(({ score }) => {
        const begin = group.filter((other) => other.score > score).length;
        const tied = group.filter((other) => other.score === score).length;
        return Array.from({ length: tied }, (_, i) => discount(begin + i) / tied).reduce((x, y) => x + y);
      })
      .reduce((x, y) => x + y);
    const best = group.filter(({ label }) => label === 1).reduce((sum, _, i) => sum + discount(i), 0);
    return gain / best;
  });
  return values.reduce((x, y) => x + y, 0) / values.length;
}

const anyRows = fc.array(
  fc.record({
    user: fc.integer({ min: -2, max: 3 }),
    day: fc.integer({ min: 19_000, max: 19_002 }),
    label: fc.constantFrom(0, 1),
    score: fc.constantFrom(-1.5, -0, 0, 1e-30, 0.25, 0.5, 0.75, 3),
  }),
  { maxLength: 60 },
);

describe("the metrics of a column", () => {
  it("equal those counted pair by pair and order by order, ties included", () => {
    fc.assert(
      fc.property(anyRows, (rows) => {
        const scores = scoresOf(rows, { resamples: 2, seed: 1 });
        expectClose(scores.auc.mean, naiveAuc(rows));
        expectClose(scores.gauc.mean, naiveGauc(rows));
        expectClose(scores["ndcg@10"].mean, naiveNdcg(rows));
        expect(scores.positives).toBe(rows.filter(({ label }) => label === 1).length);
      }),
      { numRuns: 300 },
    );
  });

  it("do not depend on the order of the rows", () => {
    fc.assert(
      fc.property(anyRows, fc.integer(), (rows, seed) => {
        const shuffled = new Random(seed).shuffle([...rows]);
        const [a, b] = [scoresOf(rows), scoresOf(shuffled)];
        expect(a.auc.mean).toBe(b.auc.mean);
        expectClose(a["ndcg@10"].mean, b["ndcg@10"].mean);
        expectClose(a.logLoss.mean, b.logLoss.mean);
      }),
    );
  });

  it("are computed by hand for two users and two days", () => {
    const rows = [
      { user: 1, day: 1, label: 1, score: 0.8 },
      { user: 1, day: 1, label: 0, score: 0.4 },
      { user: 1, day: 2, label: 0, score: 0.9 },
      { user: 2, day: 1, label: 0, score: 0.6 },
      { user: 2, day: 1, label: 1, score: 0.5 },
      { user: 3, day: 1, label: 1, score: 0.1 },
    ];
    const scores = scoresOf(rows);
    // Positives 0.8, 0.5, 0.1 against 0.4, 0.9, 0.6: two, one and none won of three each.
    expect(scores.auc.mean).toBeCloseTo(3 / 9, 12);
    // User 1: one of two pairs, three rows; user 2: none of one, two rows; user 3 has no negative.
    expect(scores.gauc.mean).toBeCloseTo((3 * 0.5 + 2 * 0) / 5, 12);
    // First at the top, second in place 2; the others have no positive or one row.
    expect(scores["ndcg@10"].mean).toBeCloseTo((1 + 1 / Math.log2(3)) / 2, 12);
    expect(scores).toMatchObject({ exposures: 6, users: 3, positives: 3, groups: 2, groupSize: 2 });
    const losses = [0.8, 0.6, 0.1, 0.4, 0.5, 0.1].map((right) => -Math.log(right));
    expect(scores.logLoss.mean).toBeCloseTo(losses.reduce((x, y) => x + y) / 6, 6);
    expect(scores.calibrationRatio.mean).toBeCloseTo(3.3 / 3, 6);
  });

  it("give equal scores what chance gives: half of the pairs", () => {
    const rows = Array.from({ length: 40 }, (_, i) => ({
      user: i % 4,
      day: 0,
      label: i % 3 === 0 ? 1 : 0,
      score: 0.3,
    }));
    expect(scoresOf(rows).auc.mean).toBe(0.5);
    expect(scoresOf(rows).gauc.mean).toBe(0.5);
  });

  it("are NaN where they are not defined, and say so for no rows at all", () => {
    const rows = [1, 2].map((user) => ({ user, day: 0, label: 1, score: user }));
    expect(scoresOf(rows).auc.mean).toBeNaN();
    expect(scoresOf(rows)["ndcg@10"].mean).toBeNaN();
    expect(scoresOf([])).toMatchObject({ exposures: 0, users: 0, positives: 0, groups: 0 });
    expect(scoresOf([]).logLoss.mean).toBeNaN();
  });

  it("are refused for scores that are NaN and for columns of another length", () => {
    const rows = [{ user: 1, day: 1, label: 1, score: Number.NaN }];
    expect(() => scoresOf(rows)).toThrow(/expected a score in row 0, got NaN/);
    expect(() => exposureScores(exposuresOf(rows), ["click"], [new Float32Array(2)])).toThrow(
      /expected 1 labels and probabilities of click, got 1 and 2/,
    );
  });

  it("have a log loss that is finite for probabilities 0 and 1 that are wrong", () => {
    const rows = [
      { user: 1, day: 0, label: 1, score: 0 },
      { user: 1, day: 0, label: 0, score: 1 },
    ];
    expect(scoresOf(rows).logLoss.mean).toBeCloseTo(-Math.log(1e-6), 2);
  });
});

describe("calibration", () => {
  it("is without error where every bin predicts what happens in it", () => {
    const rows = Array.from({ length: 400 }, (_, i) => ({
      user: i,
      day: 0,
      label: i % 4 === 0 ? 1 : 0,
      score: 0.25,
    }));
    expect(scoresOf(rows).calibrationError).toBeCloseTo(0, 9);
    expect(scoresOf(rows).calibrationRatio.mean).toBeCloseTo(1, 9);
  });

  it("is off where too much in one bin makes up for too little in another", () => {
    const rows = Array.from({ length: 400 }, (_, i) => ({
      user: i,
      day: 0,
      label: i % 2,
      score: i % 4 < 2 ? 0.4 : 0.6,
    }));
    expect(scoresOf(rows).calibrationError).toBeCloseTo(0.1, 6);
    expect(scoresOf(rows).calibrationRatio.mean).toBeCloseTo(1, 6);
  });

  it("is off by as much as every probability is off", () => {
    const rows = Array.from({ length: 4000 }, (_, i) => {
      const chance = ((i % 20) + 0.5) / 25;
      return { user: i, day: 0, label: Math.floor(i / 20) < chance * 200 ? 1 : 0, score: chance + 0.1 };
    });
    expect(scoresOf(rows).calibrationError).toBeCloseTo(0.1, 3);
  });
});

describe("differences of two systems", () => {
  const random = new Random("differences");
  const rows = Array.from({ length: 2000 }, (_, i) => {
    const score = random.next();
    return { user: i % 100, day: 0, label: random.next() < score ? 1 : 0, score };
  });
  const exposures = exposuresOf(rows);
  const good = columnOf(rows);
  const noisy = good.map((score) => Math.min(1, Math.max(0, score + 0.02 * random.normal())));

  it("are zero, without an interval, of a system and itself", () => {
    const [same] = exposureDifferences(exposures, ["click"], [good], [good]);
    expect(same!.auc).toEqual({ mean: 0, halfWidth: 0, lower: 0, upper: 0 });
  });

  it("are those of the scores, on the same resamples, so that intervals are much narrower", () => {
    const [a] = exposureScores(exposures, ["click"], [good]);
    const [b] = exposureScores(exposures, ["click"], [noisy]);
    const [difference] = exposureDifferences(exposures, ["click"], [good], [noisy]);
    expect(difference!.auc.mean).toBeCloseTo(a!.auc.mean - b!.auc.mean, 12);
    expect(difference!.calibrationError).toBeCloseTo(a!.calibrationError - b!.calibrationError, 12);
    expect(difference!.auc.halfWidth).toBeLessThan(a!.auc.halfWidth / 4);
  });

  it("come out the same with one seed, and turned round with the systems", () => {
    const [once] = exposureDifferences(exposures, ["click"], [good], [noisy]);
    const [again] = exposureDifferences(exposures, ["click"], [good], [noisy]);
    const [turned] = exposureDifferences(exposures, ["click"], [noisy], [good]);
    expect(again).toEqual(once);
    expect(turned!.auc.mean).toBeCloseTo(-once!.auc.mean, 12);
    expect(turned!.auc.lower).toBeCloseTo(-once!.auc.upper, 12);
  });
});

describe("the interval over users", () => {
  /** Users differ in how much they do and in how well the score fits them; their rows depend on each other. */
  function sample(random: Random, users: number): Row[] {
    return Array.from({ length: users }, (_, user) => {
      const taste = random.normal();
      const fit = random.next() < 0.3 ? -0.5 : 1.5;
      return Array.from({ length: 2 + random.int(9) }, (_, i) => {
        const score = random.normal();
        const label = random.next() < 1 / (1 + Math.exp(-(taste + fit * score))) ? 1 : 0;
        return { user, day: i % 2, label, score };
      });
    }).flat();
  }

  it("holds the value of all users in about 95 of 100 samples", () => {
    const random = new Random("coverage");
    const truth = scoresOf(sample(random, 20_000), { resamples: 2, seed: 1 });
    const runs = 120;
    const held = { auc: 0, gauc: 0, "ndcg@10": 0 };
    for (let run = 0; run < runs; run++) {
      const scores = scoresOf(sample(random, 100), { resamples: 150, seed: run });
      for (const metric of ["auc", "gauc", "ndcg@10"] as const)
        if (Math.abs(scores[metric].mean - truth[metric].mean) <= scores[metric].halfWidth) held[metric]++;
    }
    // 120 draws of 0.95 have a deviation of 0.02.
    for (const count of Object.values(held)) {
      expect(count / runs).toBeGreaterThan(0.89);
      expect(count / runs).toBeLessThan(0.995);
    }
  });

  it("is infinite for a single user", () => {
    const rows = [0, 1].map((label) => ({ user: 1, day: 0, label, score: label }));
    expect(scoresOf(rows).auc).toEqual({
      mean: 1,
      halfWidth: Infinity,
      lower: -Infinity,
      upper: Infinity,
    });
  });
});
