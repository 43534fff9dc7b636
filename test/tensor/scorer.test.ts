/** The exact search against a plain sort. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { itemScorer } from "../../src/tensor/index.ts";

/** Rows and scores by sorting all; whole numbers keep the sums exact, so that ties are real. */
function plain(
  factors: Float32Array,
  k: number,
  user: Float32Array,
  allowed: Uint8Array,
  n: number,
): { rows: number[]; scores: number[] } {
  const scored = Array.from({ length: factors.length / k }, (_, row) => {
    let score = 0;
    for (let f = 0; f < k; f++) score += factors[row * k + f]! * user[f]!;
    return { row, score };
  }).filter(({ row }) => allowed[row] !== 0);
  scored.sort((a, b) => b.score - a.score || a.row - b.row);
  const best = scored.slice(0, n);
  return { rows: best.map(({ row }) => row), scores: best.map(({ score }) => score) };
}

describe("itemScorer", () => {
  test("gives equal rows equal scores, wherever they stand", () => {
    const k = 64;
    const row = Float32Array.from({ length: k }, (_, f) => Math.sin(f) / 3);
    const user = Float32Array.from({ length: k }, (_, f) => Math.cos(5 * f) / 7);
    for (let N = 1; N < 12; N++) {
      const factors = new Float32Array(N * k);
      for (let r = 0; r < N; r++) factors.set(row, r * k);
      const { rows, scores } = itemScorer({ factors, N, k }).top(user, new Uint8Array(N).fill(1), N);
      expect([...rows]).toEqual(Array.from({ length: N }, (_, r) => r));
      expect(new Set(scores).size).toBe(1);
    }
  });

  test("finds what a sort of all scores finds, ties by the lower row, for any size and mask", async () => {
    const small = fc.integer({ min: -2, max: 2 });
    const cases = fc
      .tuple(fc.constantFrom(4, 8, 12), fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 70 }))
      .chain(([k, N, n]) =>
        fc.record({
          k: fc.constant(k),
          N: fc.constant(N),
          n: fc.constant(n),
          factors: fc.array(small, { minLength: N * k, maxLength: N * k }),
          user: fc.array(small, { minLength: k, maxLength: k }),
          allowed: fc.array(fc.constantFrom(0, 1, 1), { minLength: N + 3, maxLength: N + 3 }),
        }),
      );
    await fc.assert(
      fc.asyncProperty(cases, async ({ k, N, n, ...lists }) => {
        const factors = Float32Array.from(lists.factors);
        const user = Float32Array.from(lists.user);
        const allowed = Uint8Array.from(lists.allowed);
        const scorer = itemScorer({ factors, N, k });
        const { rows, scores } = scorer.top(user, allowed, n);
        const expected = plain(factors, k, user, allowed, n);
        expect([...rows]).toEqual(expected.rows);
        expect([...scores].map((score) => score + 0)).toEqual(expected.scores.map((score) => score + 0));
        scorer.close();
      }),
      { numRuns: 200 },
    );
  });

  test("asks of growing size and other users do not disturb each other", async () => {
    const N = 300;
    const factors = Float32Array.from({ length: N * 4 }, (_, i) => ((i * 37) % 101) - 50);
    const scorer = itemScorer({ factors, N, k: 4 });
    const allowed = new Uint8Array(N).fill(1);
    const first = scorer.top(Float32Array.of(1, 0, 0, 0), allowed, 5);
    const copy = { rows: [...first.rows], scores: [...first.scores] };
    for (const n of [1, 299, 300, 301, 2]) {
      const user = Float32Array.of(n % 3, 1, -1, 2);
      const { rows } = scorer.top(user, allowed, n);
      expect([...rows]).toEqual(plain(factors, 4, user, allowed, n).rows);
    }
    expect({ rows: [...first.rows], scores: [...first.scores] }).toEqual(copy);
  });

  test("gives the dot products of any rows over the same factors", async () => {
    const scorer = itemScorer({ factors: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), N: 2, k: 4 });
    const out = new Float32Array(3);
    scorer.dot(Int32Array.of(1, 0, 2), Float32Array.of(1, 1, 1, 1), out);
    expect([...out]).toEqual([26, 10, 0]);
  });

  test("leaves out rows whose score is NaN", async () => {
    const factors = new Float32Array(12 * 4).fill(1);
    factors[4] = Number.NaN;
    factors[40] = Number.NaN;
    const scorer = itemScorer({ factors, N: 12, k: 4 });
    const { rows } = scorer.top(new Float32Array(4).fill(1), new Uint8Array(12).fill(1), 3);
    expect([...rows]).toEqual([0, 2, 3]);
    expect(scorer.top(new Float32Array(4), new Uint8Array(12).fill(1), 12).rows.length).toBe(10);
  });

  test("gives the sum of the exponentials of all allowed rows, and takes new rows", () => {
    const N = 1003;
    const factors = Float32Array.from({ length: N * 4 }, (_, i) => ((i * 37) % 101) / 25 - 2);
    const scorer = itemScorer({ factors, N, k: 4, capacity: N + 2 });
    const user = Float32Array.of(1, -2, 3, 0.5);
    const allowed = Uint8Array.from({ length: N + 2 }, (_, i) => (i % 3 === 1 ? 1 : 0));
    const sum = () => {
      const { scores } = scorer.top(user, allowed, N + 2);
      return Math.log(scores.reduce((total, score) => total + Math.exp(score - scores[0]!), 0)) + scores[0]!;
    };
    const before = scorer.topOfSoftmax(user, allowed, 3);
    expect(before.logSum).toBeCloseTo(sum(), 5);
    expect(before.rows).toEqual(scorer.top(user, allowed, 3).rows);
    scorer.set(N, Float32Array.of(9, -9, 9, 9));
    allowed[N] = 1;
    const after = scorer.topOfSoftmax(user, allowed, 3);
    expect(after.rows[0]).toBe(N);
    expect(after.logSum).toBeCloseTo(sum(), 5);
    expect(scorer.topOfSoftmax(user, allowed, 0)).toEqual({
      rows: new Int32Array(0),
      scores: new Float32Array(0),
      logSum: after.logSum,
    });
    expect(scorer.topOfSoftmax(user, new Uint8Array(N + 2), 3).logSum).toBe(-Infinity);
    expect(() => scorer.set(N + 2, user)).toThrow(/row 1005/);
  });

  test("says what is wrong with its arguments, and that it was closed", async () => {
    expect(() => itemScorer({ factors: new Float32Array(8), N: 2, k: 3 })).toThrow(/k = 3/);
    const scorer = itemScorer({ factors: new Float32Array(8), N: 2, k: 4 });
    expect(() => scorer.top(new Float32Array(3), new Uint8Array(2), 1)).toThrow(/came 3, 2 and 1/);
    expect(() => scorer.top(new Float32Array(4), new Uint8Array(1), 1)).toThrow(/came 4, 1 and 1/);
    scorer.close();
    scorer.close();
    expect(() => scorer.top(new Float32Array(4), new Uint8Array(2), 1)).toThrow(/closed/);
  });
});
