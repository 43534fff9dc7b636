/** Lists fused by a kernel, against plain sums, to the bit. */
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/index.ts";
import { type Ranked, RankFusion } from "../../src/tensor/index.ts";

const ROWS = 4_000;
const random = new Random("fusion");

function anyList(length: number): Ranked {
  const rows = random.shuffle(Int32Array.from({ length: ROWS }, (_, row) => row)).slice(0, length);
  return { rows, scores: Float32Array.from(rows, () => random.next()), weight: random.next() };
}

describe("lists that are fused", () => {
  it("have the sums, ranks and scores of plain code, for rows that were found and for others", () => {
    const fusion = new RankFusion(60);
    for (const lengths of [[], [0], [3, 0, 5], [600, 600, 1_000, 200], [1], [2_500, 2_500]]) {
      const lists = lengths.map(anyList);
      fusion.take(lists);
      const sums = new Float64Array(ROWS);
      for (const { rows, weight } of lists) {
        rows.forEach((row, rank) => {
          sums[row] = sums[row]! + weight / (60 + rank);
        });
      }
      const found = [...new Set(lists.flatMap(({ rows }) => [...rows]))];
      found.sort((a, b) => Math.fround(sums[b]!) - Math.fround(sums[a]!) || a - b);
      for (const k of [0, 1, 500, ROWS]) expect([...fusion.best(k).rows]).toEqual(found.slice(0, k));

      for (const asked of [[], [0], found.slice(0, 500), [...found.slice(-3), ROWS + 1]]) {
        const { fused, ranks, scores } = fusion.of(Int32Array.from(asked));
        expect(fused).toEqual(Float32Array.from(asked, (row) => sums[row] ?? 0));
        lists.forEach((list, l) => {
          const rankOf = (row: number) => list.rows.indexOf(row);
          expect([...ranks[l]!]).toEqual(asked.map(rankOf));
          expect([...scores[l]!]).toEqual(asked.map((row) => list.scores[rankOf(row)] ?? 0));
        });
      }
    }
  });
});
