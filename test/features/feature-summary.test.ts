/** What a summary of values says, and when others count as moved. */
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/index.ts";
import { parseFeatureSummary, stabilityIndex, summaryOf } from "../../src/features/index.ts";

const random = new Random("summaries");
const normal = (count: number, mean = 0) =>
  Float32Array.from({ length: count }, () => mean + random.normal());
/** So many ones among so many. */
const flags = (ones: number, count: number) =>
  Float32Array.from({ length: count }, (_, i) => (i < ones ? 1 : 0));

describe("a summary", () => {
  it("has the share of rows that say something, the moments and the deciles", () => {
    const summary = summaryOf(
      Float32Array.from({ length: 11 }, (_, i) => i),
      0,
    );
    expect(summary.known).toBeCloseTo(10 / 11, 12);
    expect(summary.mean).toBe(5);
    expect(summary.deviation).toBeCloseTo(Math.sqrt(10), 12);
    expect(summary.quantiles).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it("takes what is rounding away from unknown as unknown, and everything as known where nothing is", () => {
    const values = Float32Array.of(0.5, 0.5 + 1e-8, 0.6);
    expect(summaryOf(values, 0.5).known).toBeCloseTo(1 / 3, 12);
    expect(summaryOf(values, undefined).known).toBe(1);
  });

  it("of no values is one of zeros", () => {
    const { known, mean, deviation, quantiles } = summaryOf(new Float32Array(0), 0);
    expect([known, mean, deviation]).toEqual([0, 0, 0]);
    expect(quantiles).toEqual(new Array(11).fill(0));
  });

  it("comes out of JSON as it was, and nothing else does", () => {
    const summary = summaryOf(normal(100), 0);
    expect(parseFeatureSummary(JSON.parse(JSON.stringify(summary)))).toEqual(summary);
    for (const odd of [null, 1, {}, { ...summary, shares: ["1"] }, { ...summary, mean: null }]) {
      expect(parseFeatureSummary(odd)).toBeUndefined();
    }
  });
});

describe("the stability index", () => {
  it("is next to nothing for other values of the same kind, and large for those that have moved", () => {
    const before = summaryOf(normal(5000), undefined);
    expect(stabilityIndex(before, normal(5000))).toBeLessThan(0.02);
    expect(stabilityIndex(before, normal(5000, 0.2))).toBeGreaterThan(0.02);
    expect(stabilityIndex(before, normal(5000, 1))).toBeGreaterThan(0.25);
  });

  it("sees a flag become more frequent, or rare, or begin to be set", () => {
    const before = summaryOf(flags(30, 1000), 0);
    expect(stabilityIndex(before, flags(30, 1000))).toBe(0);
    // By hand: (0.3 - 0.03) ln(0.3 / 0.03) + (0.7 - 0.97) ln(0.7 / 0.97).
    const wanted = 0.27 * Math.log(10) - 0.27 * Math.log(0.7 / 0.97);
    expect(stabilityIndex(before, flags(300, 1000))).toBeCloseTo(wanted, 6);
    expect(stabilityIndex(summaryOf(flags(970, 1000), 0), flags(700, 1000))).toBeCloseTo(wanted, 6);
    expect(stabilityIndex(summaryOf(flags(0, 1000), 0), flags(300, 1000))).toBeGreaterThan(1);
    expect(stabilityIndex(summaryOf(flags(1000, 1000), 0), flags(300, 1000))).toBeGreaterThan(1);
  });

  it("is 0 without values", () => {
    expect(stabilityIndex(summaryOf(normal(10), 0), new Float32Array(0))).toBe(0);
  });
});
