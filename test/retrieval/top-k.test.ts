/** Selection with a heap against a sort. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TopK } from "../../src/retrieval/top-k.ts";

interface Scored {
  readonly row: number;
  readonly score: number;
}

/** Ties are many: few values, both zeros, infinities, and two doubles that are one number in 32 bits. */
const anyScore = fc.oneof(
  fc.constantFrom(-Infinity, -1, -0, 0, 0.1, Math.fround(0.1), 1, 2, Infinity),
  fc.double({ noNaN: true }),
);
const anyScored = fc.uniqueArray(fc.record({ row: fc.nat(1000), score: anyScore }), {
  selector: ({ row }) => row,
  maxLength: 60,
});

/** The k best by sorting all, as they are stored: 32 bits, one zero. */
function sorted(pairs: readonly Scored[], k: number): { rows: number[]; scores: number[] } {
  const best = pairs
    .map(({ row, score }) => ({ row, score: Math.fround(score) + 0 }))
    .sort((a, b) => (a.score === b.score ? a.row - b.row : a.score > b.score ? -1 : 1))
    .slice(0, k);
  return { rows: best.map(({ row }) => row), scores: best.map(({ score }) => score) };
}

function taken(top: TopK): { rows: number[]; scores: number[] } {
  const { rows, scores } = top.take();
  return { rows: [...rows], scores: Array.from(scores, (score) => score + 0) };
}

describe("the k best", () => {
  it("are those that a sort finds, equal scores by lower row, in whatever order they come", () => {
    fc.assert(
      fc.property(anyScored, fc.nat(70), (pairs, k) => {
        const top = new TopK(k);
        for (const { row, score } of pairs) top.push(row, score);
        expect(taken(top)).toEqual(sorted(pairs, k));
      }),
      { numRuns: 500 },
    );
  });

  it("are found again by the same selection once it was emptied", () => {
    fc.assert(
      fc.property(anyScored, anyScored, fc.nat(30), (first, second, k) => {
        const top = new TopK(k);
        for (const pairs of [first, second]) {
          expect(top.floor).toBe(-Infinity);
          for (const { row, score } of pairs) top.push(row, score);
          expect(taken(top)).toEqual(sorted(pairs, k));
        }
        expect(taken(top)).toEqual({ rows: [], scores: [] });
      }),
    );
  });

  it("stay the same where scores below the floor are not pushed at all", () => {
    fc.assert(
      fc.property(anyScored, fc.nat(30), (pairs, k) => {
        const top = new TopK(k);
        const ascending = pairs.toSorted((a, b) => a.row - b.row);
        for (const { row, score } of ascending) if (score >= top.floor) top.push(row, score);
        expect(taken(top)).toEqual(sorted(pairs, k));
      }),
    );
  });

  it("are none for k = 0", () => {
    const top = new TopK(0);
    top.push(3, Infinity);
    expect(taken(top)).toEqual({ rows: [], scores: [] });
  });
});
