/** Lists added up by a kernel, against a Map that does it in plain words, to the bit. */
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/index.ts";
import { ListSums, type Lists } from "../../src/tensor/index.ts";

const ITEMS = 40;
const ROWS = 2_000;
const random = new Random("lists");

/** Lists of every length from 0 on, so that a table grows from one query to the next. */
function anyLists(): Lists {
  const offsets = new Int32Array(ITEMS + 1);
  const rows: number[] = [];
  for (let item = 0; item < ITEMS; item++) {
    const own = new Set(Array.from({ length: 5 * item }, () => random.int(ROWS)));
    if (item % 3 === 1) own.add(0);
    rows.push(...own);
    offsets[item + 1] = rows.length;
  }
  const strengths = Float32Array.from(rows, () => 1e-6 + random.next());
  return { offsets, rows: Int32Array.from(rows), strengths };
}

function plainSums({ offsets, rows, strengths }: Lists, items: Int32Array, weights: Float32Array) {
  const sums = new Map<number, [number, number, number]>();
  for (let l = 0; l < Math.min(items.length, weights.length); l++) {
    for (let e = offsets[items[l]!]!; e < offsets[items[l]! + 1]!; e++) {
      const [sum, first, largest] = sums.get(rows[e]!) ?? [0, 0, 0];
      const strength = strengths[e]!;
      sums.set(rows[e]!, [
        Math.fround(sum + weights[l]! * strength),
        l === 0 ? strength : first,
        Math.max(largest, strength),
      ]);
    }
  }
  return sums;
}

describe("lists that are added up", () => {
  it("give the sums, orders and masks of plain code, one query after the other", async () => {
    const lists = anyLists();
    const adder = await ListSums.of(lists);
    const everyRow = Int32Array.from({ length: ROWS + 1 }, (_, row) => row);
    for (const length of [0, 1, 3, 30, 2, 12]) {
      const items = Int32Array.from({ length }, () => random.int(ITEMS));
      const weights = Float32Array.from({ length: 20 }, (_, lag) => 0.9 ** lag);
      const plain = plainSums(lists, items, weights);
      adder.add(items, weights);

      const out = [1, 2, 3].map(() => new Float32Array(everyRow.length).fill(9));
      adder.sums.read(everyRow, out);
      out.forEach((column, j) => {
        expect(column).toEqual(Float32Array.from(everyRow, (row) => plain.get(row)?.[j] ?? 0));
      });

      const allowed = Uint8Array.from({ length: ROWS + 1 }, () => random.int(2));
      const order = [...plain].sort(([a, [sumA]], [b, [sumB]]) => sumB - sumA || a - b);
      for (const k of [0, 1, 100, ROWS]) {
        const masked = order.filter(([row]) => allowed[row] === 1).slice(0, k);
        expect([...adder.sums.best(k, allowed).rows]).toEqual(masked.map(([row]) => row));
        const { rows, scores } = adder.sums.best(k);
        expect([...rows]).toEqual(order.slice(0, k).map(([row]) => row));
        expect([...scores]).toEqual(order.slice(0, k).map(([, [sum]]) => sum));
      }
    }
  });

  it("have nothing for items without a list", async () => {
    const adder = await ListSums.of(anyLists());
    adder.add(Int32Array.of(ITEMS, ITEMS + 7), Float32Array.of(1, 1));
    expect(adder.sums.best(10).rows).toHaveLength(0);
  });
});
