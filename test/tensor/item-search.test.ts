/** The search by groups of rows: the exact one against scoring everything, the index against the exact one. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/index.ts";
import { clusterRows, itemScorer, itemSearch } from "../../src/tensor/index.ts";

const N = 12_000;
const K = 16;

/** Rows around a hundred centres, of lengths that fall by a thousand times; some are zero, some equal. */
function rowsOf(random: Random): Float32Array {
  const factors = new Float32Array(N * K);
  const centres = Float32Array.from({ length: 100 * K }, () => random.normal());
  for (let row = 0; row < N; row++) {
    if (row % 7 === 0) continue;
    const centre = random.int(100) * K;
    const length = 1000 ** -random.next();
    for (let d = 0; d < K; d++) {
      factors[row * K + d] = length * (centres[centre + d]! + 0.3 * random.normal());
    }
    if (row % 11 === 0) factors.copyWithin(row * K, (row - 1) * K, row * K);
  }
  return factors;
}

const userOf = (random: Random) => Float32Array.from({ length: K }, () => random.normal());
const maskOf = (random: Random, share: number) =>
  Uint8Array.from({ length: N + 5 }, () => (random.next() < share ? 1 : 0));

describe("itemSearch", () => {
  test("finds the rows and scores of scoring everything, and looks at a part of the rows", async () => {
    const random = new Random("item-search");
    const factors = rowsOf(random);
    const everything = itemScorer({ factors, N, k: K });
    const search = await itemSearch({ factors, k: K });
    let least = N;
    for (const share of [1, 0.5, 0.02, 0]) {
      for (const n of [1, 10, 300, 1_500, N]) {
        const user = userOf(random);
        const allowed = maskOf(random, share);
        expect(search.top(user, allowed, n)).toEqual(everything.top(user, allowed, n));
        least = Math.min(least, search.looked);
      }
    }
    expect(least).toBeLessThan(N / 3);
  });

  test("goes on to shorter rows as long as one that points where the user does could be among the best", async () => {
    // Nine tenths are of length 1 and give 0.6; behind them stand some of length 0.8 that give all of it.
    const factors = new Float32Array(N * K);
    for (let row = 0; row < N; row++) {
      factors[row * K] = row % 10 === 3 ? 0.8 : 0.6;
      factors[row * K + 1] = row % 10 === 3 ? 0 : 0.8;
    }
    const user = new Float32Array(K);
    user[0] = 1;
    const { rows } = (await itemSearch({ factors, k: K })).top(user, new Uint8Array(N).fill(1), 100);
    expect([...rows]).toEqual(Array.from({ length: 100 }, (_, i) => 10 * i + 3));
  });

  test("finds them where all rows are as long, are zero, or are not finite", async () => {
    const random = new Random("item-search/odd");
    const flat = Float32Array.from({ length: N * K }, () => (random.next() < 0.5 ? -1 : 1));
    const odd = rowsOf(random);
    odd[5 * K] = Number.NaN;
    odd[6 * K + 1] = Infinity;
    const allowed = new Uint8Array(N).fill(1);
    for (const factors of [flat, odd, new Float32Array(N * K)]) {
      const everything = itemScorer({ factors, N, k: K });
      const search = await itemSearch({ factors, k: K });
      for (const user of [userOf(random), new Float32Array(K)]) {
        expect(search.top(user, allowed, 100)).toEqual(everything.top(user, allowed, 100));
      }
    }
  });

  test("by an index finds most of the best with their exact scores, what is allowed alone, the same for one seed", async () => {
    const random = new Random("item-search/index");
    const factors = rowsOf(random);
    const exact = await itemSearch({ factors, k: K });
    const groups = await clusterRows(factors, K, new Random("groups"));
    expect(await clusterRows(factors, K, new Random("groups"))).toEqual(groups);
    expect([...groups.order].sort((a, b) => a - b)).toEqual(Array.from({ length: N }, (_, row) => row));
    const index = await itemSearch({ factors, k: K, index: { groups, share: 0.2 } });
    let kept = 0;
    for (let asked = 0; asked < 50; asked++) {
      const user = userOf(random);
      const allowed = maskOf(random, asked % 2 === 0 ? 1 : 0.3);
      const best = exact.top(user, allowed, 100);
      const found = index.top(user, allowed, 100);
      expect(index.looked).toBeLessThan(N / 2);
      expect(found.rows).toHaveLength(100);
      expect([...found.rows].filter((row) => allowed[row] !== 1)).toEqual([]);
      const scores = new Float32Array(100);
      index.dot(found.rows, user, scores);
      expect(found.scores).toEqual(scores);
      const there = new Set(found.rows);
      kept += [...best.rows].filter((row) => there.has(row)).length / (50 * 100);
    }
    expect(kept).toBeGreaterThan(0.9);
  });

  test("by an index that finds too few allowed rows looks at all of them", async () => {
    const random = new Random("item-search/few");
    const factors = rowsOf(random);
    const groups = await clusterRows(factors, K, random);
    const allowed = maskOf(random, 0.01);
    const user = userOf(random);
    const index = await itemSearch({ factors, k: K, index: { groups, share: 0.01 } });
    expect(index.top(user, allowed, 100)).toEqual(
      (await itemSearch({ factors, k: K })).top(user, allowed, 100),
    );
  });

  test("says what is wrong with its arguments", async () => {
    await expect(itemSearch({ factors: new Float32Array(9), k: 4 })).rejects.toThrow(/k = 4 for 9/);
    const search = await itemSearch({ factors: new Float32Array(8), k: 4 });
    expect(() => search.top(new Float32Array(3), new Uint8Array(2), 1)).toThrow(/came 3, 2 and 1/);
  });
});
