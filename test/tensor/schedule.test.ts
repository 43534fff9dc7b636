/** Schedules: known values, and a property that a resumed training needs. */
import { describe, expect, test } from "vitest";
import { warmupConstant, warmupCosine } from "../../src/tensor/index.ts";

describe("schedules", () => {
  test("rise linearly to the peak, and the first rate is not 0", () => {
    for (const rate of [
      warmupConstant({ peak: 0.4, warmup: 4 }),
      warmupCosine({ peak: 0.4, warmup: 4, steps: 100 }),
    ]) {
      expect([0, 1, 2, 3, 4].map(rate).map((value) => Number(value.toFixed(9)))).toEqual([
        0.1, 0.2, 0.3, 0.4, 0.4,
      ]);
    }
  });

  test("the constant one stays at the peak", () => {
    const rate = warmupConstant({ peak: 0.4, warmup: 4 });
    expect([5, 100, 1e9].map(rate)).toEqual([0.4, 0.4, 0.4]);
    expect(warmupConstant({ peak: 0.4, warmup: 0 })(0)).toBe(0.4);
  });

  test("the cosine one is half way down in the middle, at the floor in the end and stays there", () => {
    const rate = warmupCosine({ peak: 1, warmup: 10, steps: 110, floor: 0.2 });
    expect(rate(10)).toBe(1);
    expect(rate(60)).toBeCloseTo(0.6, 12);
    expect(rate(109)).toBeGreaterThan(0.2);
    expect(rate(109)).toBeLessThan(0.201);
    expect([110, 111, 1e9].map(rate)).toEqual([0.2, 0.2, 0.2]);
    for (let done = 11; done < 110; done++) expect(rate(done)).toBeLessThan(rate(done - 1));
  });

  test("has rates of 0 .. peak where the steps are fewer than those of the warm-up", () => {
    const rate = warmupCosine({ peak: 1, warmup: 10, steps: 5 });
    for (let done = 0; done < 20; done++) {
      expect(rate(done)).toBeGreaterThanOrEqual(0);
      expect(rate(done)).toBeLessThanOrEqual(1);
    }
    expect(warmupCosine({ peak: 1, warmup: 0, steps: 1 })(0)).toBe(1);
  });
});
