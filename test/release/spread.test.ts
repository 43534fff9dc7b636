import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/index.ts";
import { medianOf, quantileOf } from "../../src/release/spread.ts";

describe("a quantile", () => {
  const upTo = (n: number) => Array.from({ length: n }, (_, i) => n - i);

  test("is the nearest rank, whatever the order of the values", () => {
    expect(quantileOf(upTo(100), 0.99).value).toBe(99);
    expect(quantileOf(upTo(101), 0.99).value).toBe(100);
    expect(quantileOf(upTo(1000), 0.5).value).toBe(500);
    expect(quantileOf([7], 0.99)).toEqual({ value: 7, lower: 7, upper: 7 });
  });

  test("of few values is the largest, and so is the upper end of its interval", () => {
    expect(quantileOf(upTo(40), 0.99)).toMatchObject({ value: 40, upper: 40 });
    // 0.99^368 is the first below 2.5 %: of fewer values all may lie below the quantile.
    expect(quantileOf(upTo(367), 0.99).upper).toBe(367);
    expect(quantileOf(upTo(2000), 0.99).upper).toBeLessThan(2000);
  });

  test.each([
    [0.5, 60],
    [0.99, 600],
  ])("lies within its interval in some 95 of 100 samples (share %d of %d values)", (share, n) => {
    const random = new Random("intervals");
    let within = 0;
    const samples = 2000;
    for (let sample = 0; sample < samples; sample++) {
      const { lower, upper } = quantileOf(
        Array.from({ length: n }, () => random.next()),
        share,
      );
      if (lower <= share && share <= upper) within++;
    }
    // Ranks are whole numbers, so that the interval is never too narrow and seldom exact.
    expect(within / samples).toBeGreaterThan(0.94);
    expect(within / samples).toBeLessThan(0.985);
  });
});

test("a median has the smallest and the largest beside it", () => {
  expect(medianOf([3, 1, 2])).toEqual({ value: 2, lower: 1, upper: 3 });
  expect(medianOf([5])).toEqual({ value: 5, lower: 5, upper: 5 });
});
