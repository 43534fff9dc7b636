/** The first look in 8 bits: what it leaves over holds the best, whatever the rows are like. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/index.ts";
import { itemScorer } from "../../src/tensor/index.ts";

const N = 9_000;

/** Rows of many lengths, some of them equal, zero, huge or not finite. */
function anyRows(random: Random, k: number): Float32Array {
  const factors = new Float32Array(N * k);
  for (let r = 0; r < N; r++) {
    const length = 10 ** (4 * random.next() - 2);
    for (let d = 0; d < k; d++) factors[r * k + d] = length * (random.next() - 0.5);
    if (r % 100 === 7) factors.copyWithin(r * k, (r - 1) * k, r * k);
    if (r % 100 === 9) factors.fill(0, r * k, (r + 1) * k);
    if (r % 1000 === 11) factors[r * k] = Number.NaN;
    if (r % 1000 === 13) factors[r * k + 1] = 1e30;
  }
  return factors;
}

/** Of all rows, one by one. */
function exactScores(scorer: ReturnType<typeof itemScorer>, user: Float32Array): Float32Array {
  const scores = new Float32Array(N);
  scorer.dot(
    Int32Array.from({ length: N }, (_, row) => row),
    user,
    scores,
  );
  return scores;
}

describe("a first look in 8 bits", () => {
  test.each([8, 12, 64])("finds what scoring all rows of %d values finds, to the bit", (k) => {
    const random = new Random(`coarse/${k}`);
    const scorer = itemScorer({ factors: anyRows(random, k), N, k });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 600 }), (kind, n) => {
        const user = Float32Array.from({ length: k }, () => random.next() - 0.5);
        if (kind === 1) user.fill(0, 1);
        if (kind === 2) user[k - 1] = 1e6;
        const allowed = Uint8Array.from({ length: N }, () =>
          random.next() < (kind === 3 ? 0.05 : 0.9) ? 1 : 0,
        );
        const scores = exactScores(scorer, user);
        const wanted = Array.from(scores.keys())
          .filter((row) => allowed[row] === 1 && !Number.isNaN(scores[row]))
          .sort((a, b) => scores[b]! - scores[a]! || a - b)
          .slice(0, n);
        const { rows, scores: found } = scorer.top(user, allowed, n);
        expect([...rows]).toEqual(wanted);
        expect([...found]).toEqual(wanted.map((row) => scores[row]));
      }),
      { numRuns: 40 },
    );
  });

  test("finds the best where rounding hides all of what makes them so", () => {
    const k = 16;
    const random = new Random("coarse/hidden");
    const factors = new Float32Array(N * k);
    for (let r = 0; r < N; r++) {
      // One value that the user does not care for is so large that the others are nothing beside it.
      const hidden = r % 3 === 0;
      if (hidden) factors[r * k] = 1000;
      for (let d = 1; d < k; d++)
        factors[r * k + d] = hidden ? 3 * random.next() : 0.2 * (random.next() - 0.5);
    }
    const scorer = itemScorer({ factors, N, k });
    const user = new Float32Array(k).fill(1);
    user[0] = 0;
    const scores = exactScores(scorer, user);
    const wanted = Array.from(scores.keys())
      .sort((a, b) => scores[b]! - scores[a]! || a - b)
      .slice(0, 500);
    expect([...scorer.top(user, new Uint8Array(N).fill(1), 500).rows]).toEqual(wanted);
  });

  test("says the sum of all exponentials to a thousandth, for vectors as long as a network's", () => {
    const k = 64;
    const random = new Random("coarse/softmax");
    const factors = Float32Array.from({ length: N * k }, () => random.next() - 0.5);
    const scorer = itemScorer({ factors, N, k });
    const allowed = new Uint8Array(N).fill(1);
    for (let u = 0; u < 20; u++) {
      const user = Float32Array.from({ length: k }, () => 2 * (random.next() - 0.5));
      const scores = exactScores(scorer, user);
      const exact = Math.log(scores.reduce((sum, score) => sum + Math.exp(score), 0));
      const { logSum } = scorer.topOfSoftmax(user, allowed, 100);
      expect(Math.abs(logSum - exact)).toBeLessThan(1e-3);
      expect(scorer.topOfSoftmax(user, allowed, 1000).logSum).toBe(logSum);
    }
  });

  test("sees rows that were replaced", () => {
    const k = 16;
    const random = new Random("coarse/set");
    const factors = Float32Array.from({ length: N * k }, () => random.next());
    const scorer = itemScorer({ factors, N, k, capacity: N + 1 });
    const user = new Float32Array(k).fill(1);
    scorer.set(77, new Float32Array(k).fill(9));
    scorer.set(N, new Float32Array(k).fill(10));
    const { rows } = scorer.top(user, new Uint8Array(N + 1).fill(1), 2);
    expect([...rows]).toEqual([N, 77]);
  });
});
