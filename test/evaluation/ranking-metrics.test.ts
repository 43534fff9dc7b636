/** Metrics with ties and their intervals, against plain sorts, hand computation and the bootstrap. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/index.ts";
import { clusteredMean, hitAt, ndcgAt, pessimisticRank } from "../../src/evaluation/index.ts";

const rankOf = (rows: readonly number[], scores: readonly number[], target: number) =>
  pessimisticRank(Int32Array.from(rows), Float32Array.from(scores), target);

describe("the rank of a target", () => {
  it.each([
    ["the best", [7, 8, 9], [3, 2, 1], 7, 1],
    ["the last", [7, 8, 9], [3, 2, 1], 9, 3],
    ["behind everything that ties with it", [7, 8, 9], [2, 2, 1], 7, 2],
    ["last where all tie", [7, 8, 9], [0, 0, 0], 7, 3],
    ["the same in whatever order the rows come", [9, 7, 8], [1, 3, 2], 8, 2],
    ["Infinity where it is not there", [7, 8], [2, 1], 9, Infinity],
    ["Infinity where there is nothing", [], [], 9, Infinity],
    ["last where its own score is NaN", [7, 8, 9], [3, Number.NaN, 1], 8, 3],
    ["behind rows whose score is NaN", [7, 8, 9], [3, Number.NaN, 1], 7, 2],
    ["last where every score is NaN", [7, 8], [Number.NaN, Number.NaN], 8, 2],
  ])("is %s", (_, rows, scores, target, rank) => {
    expect(rankOf(rows, scores, target)).toBe(rank);
  });

  it("is the worst place that any stable or unstable sort would give it", () => {
    const anyScored = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(anyScored, fc.nat(), (scores, at) => {
        const target = at % scores.length;
        const behind = scores
          .map((score, row) => ({ score, row }))
          .sort((a, b) => b.score - a.score || Number(a.row === target) - Number(b.row === target));
        const rows = scores.map((_, row) => row);
        expect(rankOf(rows, scores, target)).toBe(1 + behind.findIndex(({ row }) => row === target));
      }),
    );
  });
});

describe("metrics of one relevant item", () => {
  it("are those of the formulas up to the cut, and 0 behind it", () => {
    expect([1, 10, 11, Infinity].map((rank) => hitAt(rank, 10))).toEqual([1, 1, 0, 0]);
    expect([1, 3, 10, 11, Infinity].map((rank) => ndcgAt(rank, 10))).toEqual([
      1,
      0.5,
      1 / Math.log2(11),
      0,
      0,
    ]);
  });
});

describe("a mean over clusters", () => {
  it("is computed by hand: residuals are summed within a cluster before they are squared", () => {
    // Mean 0.5; residuals of the clusters: 1, -0.5, -0.5; 1.5 of squares, times 3 / 2, over 16.
    const { mean, halfWidth } = clusteredMean([1, 1, 0, 0], [7, 7, 8, 9]);
    expect(mean).toBe(0.5);
    expect(halfWidth).toBeCloseTo(1.96 * Math.sqrt((1.5 * 1.5) / 16), 12);
  });

  it("is the ordinary mean and interval where every value is a cluster of its own", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 2, maxLength: 50 }),
        (values) => {
          const n = values.length;
          const mean = values.reduce((sum, value) => sum + value, 0) / n;
          const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
          const estimate = clusteredMean(
            values,
            values.map((_, i) => i),
          );
          expect(estimate.mean).toBeCloseTo(mean, 10);
          expect(estimate.halfWidth).toBeCloseTo(1.96 * Math.sqrt(variance / n), 10);
        },
      ),
    );
  });

  it("has the interval of its clusters where values are only said again", () => {
    const values = [1, 0, 0, 1, 0];
    const clusters = [1, 2, 3, 4, 5];
    const thrice = <T>(list: readonly T[]) => [...list, ...list, ...list];
    const once = clusteredMean(values, clusters);
    const again = clusteredMean(thrice(values), thrice(clusters));
    expect(again.mean).toBeCloseTo(once.mean, 12);
    expect(again.halfWidth).toBeCloseTo(once.halfWidth, 12);
  });

  it("is about as wide as the bootstrap over clusters says", () => {
    const random = new Random("bootstrap");
    const groups = Array.from({ length: 300 }, () => {
      const taste = random.next();
      return Array.from({ length: 1 + random.int(6) }, () => Number(random.next() < taste));
    });
    const values = groups.flat();
    const clusters = groups.flatMap((group, g) => group.map(() => g));
    const { mean, halfWidth } = clusteredMean(values, clusters);

    const means = Array.from({ length: 2000 }, () => {
      let sum = 0;
      let n = 0;
      for (let g = 0; g < groups.length; g++) {
        const group = random.pick(groups);
        for (const value of group) sum += value;
        n += group.length;
      }
      return sum / n;
    });
    const deviation = Math.sqrt(means.reduce((sum, one) => sum + (one - mean) ** 2, 0) / means.length);
    expect(halfWidth / (1.96 * deviation)).toBeGreaterThan(0.9);
    expect(halfWidth / (1.96 * deviation)).toBeLessThan(1.1);
    // Taking the examples of one user for independent would promise too much.
    const naive = clusteredMean(
      values,
      values.map((_, i) => i),
    );
    expect(naive.halfWidth).toBeLessThan(0.85 * halfWidth);
  });

  it("promises nothing from fewer than two clusters", () => {
    expect(clusteredMean([], [])).toEqual({ mean: 0, halfWidth: Infinity });
    expect(clusteredMean([1, 0], [5, 5])).toEqual({ mean: 0.5, halfWidth: Infinity });
  });
});
