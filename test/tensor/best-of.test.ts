/** Selection by histogram and radix against a sort. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bestOf } from "../../src/tensor/index.ts";

/** Few scores, so that many are equal; of both signs, the smallest and the largest that there are. */
const anyScore = fc.oneof(
  fc.constantFrom(
    -Infinity,
    -3.4e38,
    -2,
    -(2 ** -149),
    0,
    2 ** -149,
    0.5,
    1,
    2 - 2 ** -23,
    2,
    3.4e38,
    Infinity,
  ),
  fc.float({ noNaN: true }).map((score) => score + 0),
);
const anyScored = fc.uniqueArray(fc.record({ row: fc.nat(5000), score: anyScore }), {
  selector: ({ row }) => row,
  maxLength: 300,
});

describe("the k best of an array", () => {
  it("are those that a sort finds, equal scores by lower row", () => {
    fc.assert(
      fc.property(anyScored, fc.nat(320), (pairs, k) => {
        const rows = Int32Array.from(pairs, ({ row }) => row);
        const scores = Float32Array.from(pairs, ({ score }) => score);
        const before = rows.slice();
        const best = bestOf(rows, scores, pairs.length, k);
        const sorted = Array.from(rows.keys())
          .sort((a, b) => scores[b]! - scores[a]! || rows[a]! - rows[b]!)
          .slice(0, k);
        expect([...best.rows]).toEqual(sorted.map((i) => rows[i]));
        expect([...best.scores]).toEqual(sorted.map((i) => scores[i]));
        expect(rows).toEqual(before);
      }),
      { numRuns: 500 },
    );
  });

  it("belong to the call: the next one leaves them as they are", () => {
    const rows = Int32Array.of(4, 2, 9);
    const one = bestOf(rows, Float32Array.of(1, 2, 3), 3, 2);
    bestOf(rows, Float32Array.of(3, 2, 1), 3, 2);
    expect([...one.rows]).toEqual([9, 2]);
    expect([...one.scores]).toEqual([3, 2]);
  });
});
