/** What kernels do with columns, against plain TypeScript: logarithms nearly, doubles to the bit. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BLOCK_ROWS, ColumnBlock, columnOf } from "../../src/tensor/index.ts";

/** Fills the columns of a block with the numbers of rows. */
function fill(block: ColumnBlock, rows: readonly (readonly number[])[]): void {
  rows.forEach((row, i) => {
    row.forEach((value, c) => {
      block.columns[c * BLOCK_ROWS + i] = value;
    });
  });
}

describe("logarithms of columns", () => {
  test("are those of Math.log, in the chosen columns of any matrix, and what is not above 0 changes its sign", () => {
    const value = fc.oneof(
      fc.float({ min: Math.fround(2 ** -126), max: Math.fround(3e38), noNaN: true }),
      fc.float({ min: -100, max: 0, noNaN: true }),
      fc.float({ min: 0.5, max: 2, noNaN: true }),
      fc.constantFrom(0, 1, Math.fround(Math.SQRT1_2), Math.fround(Math.SQRT2)),
    );
    const cases = fc.array(fc.boolean(), { minLength: 1, maxLength: 11 }).chain((chosen) =>
      fc.record({
        chosen: fc.constant(chosen),
        rows: fc.array(fc.array(value, { minLength: chosen.length, maxLength: chosen.length }), {
          maxLength: BLOCK_ROWS,
        }),
      }),
    );
    fc.assert(
      fc.property(cases, ({ chosen, rows }) => {
        const block = new ColumnBlock(chosen);
        fill(block, rows);
        const matrix = new Float32Array(rows.length * chosen.length);
        block.take(rows.length, matrix, 0);
        rows.flat().forEach((x, i) => {
          const got = matrix[i]!;
          if (chosen[i % chosen.length] === false) expect(got).toBe(Math.fround(x));
          else if (!(Math.fround(x) > 0)) expect(got + 0).toBe(0 - Math.fround(x));
          else {
            const wanted = Math.log(Math.fround(x));
            expect(Math.abs(got - wanted)).toBeLessThanOrEqual(2e-7 * Math.abs(wanted) + 1e-8);
          }
        });
      }),
      { numRuns: 300 },
    );
  });

  test("of 1 are 0, row after row, and what was taken leaves zeros behind", () => {
    for (const chosen of [[true, false, true], [true], [true, false, true, false, true]]) {
      const block = new ColumnBlock(chosen);
      const width = chosen.length;
      const counts = [1, BLOCK_ROWS, 3];
      const total = 1 + BLOCK_ROWS + 3;
      const out = new Float32Array(3 + total * width + 1).fill(7);
      let at = 3;
      for (const count of counts) {
        expect(block.columns.every((value) => value === 0)).toBe(true);
        fill(
          block,
          Array.from({ length: count }, () => new Array<number>(width).fill(1)),
        );
        block.take(count, out, at);
        at += count * width;
      }
      const row = chosen.map((is) => (is ? 0 : 1));
      expect([...out]).toEqual([7, 7, 7, ...Array.from({ length: total }, () => row).flat(), 7]);
    }
  });
});

describe("columns of doubles", () => {
  const column = (value: fc.Arbitrary<number>) =>
    fc.array(value, { minLength: BLOCK_ROWS, maxLength: BLOCK_ROWS });
  const counts = column(fc.oneof(fc.nat(1e9), fc.constant(0), fc.double({ min: 0, max: 50, noNaN: true })));
  const rates = column(fc.double({ min: 1e-4, max: 1 - 1e-4, noNaN: true }));

  /** A block with these columns of doubles, and an empty one. */
  function made(...columns: readonly (readonly number[])[]) {
    const block = new ColumnBlock([false]);
    const put = columns.map((numbers) => {
      const room = block.numbers(1);
      room.set(numbers);
      return room;
    });
    return { block, put, out: block.numbers(1) };
  }

  test("fade as Math.exp has it, to a unit in the last place", () => {
    const since = column(
      fc.oneof(
        fc.integer({ min: 0, max: 1e13 }),
        fc.integer({ min: 0, max: 100 }),
        fc.constantFrom(0, Number.POSITIVE_INFINITY),
      ),
    );
    fc.assert(
      fc.property(
        counts,
        counts,
        since,
        fc.double({ min: 1e-11, max: 1, noNaN: true }),
        (a, b, times, days) => {
          const { block, put } = made(times);
          const both = block.numbers(2);
          both.set([...a, ...b]);
          const out = block.numbers(2);
          block.fade(both, put[0]!, -days, out);
          both.forEach((count, i) => {
            const wanted = count * Math.exp(-days * times[i % BLOCK_ROWS]!);
            expect(Math.abs(out[i]! - wanted)).toBeLessThanOrEqual(2 ** -51 * wanted + 5e-324);
          });
        },
      ),
    );
  });

  test("are compared, divided and drawn towards what is likely, to the bit", () => {
    fc.assert(
      fc.property(
        counts,
        counts,
        rates,
        fc.integer({ min: 1, max: 200 }),
        (hits, trials, prior, strength) => {
          const { block, put, out } = made(hits, trials, prior);
          const [h, t, p] = [put[0]!, put[1]!, put[2]!];
          const same = (wanted: (i: number) => number) =>
            expect(out).toEqual(Float64Array.from({ length: BLOCK_ROWS }, (_, i) => wanted(i)));
          block.max([h, t, p], out);
          same((i) => Math.max(h[i]!, t[i]!, p[i]!));
          block.rate(h, t, p, strength, 0.25, out);
          same((i) => {
            const rate = (Math.min(h[i]!, t[i]!) + strength * p[i]!) / (t[i]! + strength);
            return Math.max(0.25, Math.min(0.75, rate));
          });
          block.odds(h, t, p, strength, 16, out);
          same((i) => {
            const misses = Math.max(0, t[i]! - h[i]!);
            const odds = (h[i]! + strength * p[i]!) / (misses + strength * (1 - p[i]!));
            return Math.max(1 / 16, Math.min(16, odds));
          });
          block.oddsOf(p, out);
          same((i) => p[i]! / (1 - p[i]!));
          block.ratio(h, p, block.columns);
          expect([...block.columns]).toEqual(Array.from(h, (count, i) => Math.fround(count / p[i]!)));
        },
      ),
    );
  });

  test("are made of rows", () => {
    const block = new ColumnBlock([]);
    const rows = block.numbers(6);
    const columns = block.numbers(6);
    for (let at = 0; at < rows.length; at++) rows[at] = at;
    block.columnsOf(rows, 6, columns);
    for (let c = 0; c < 6; c++) {
      expect([...columnOf(columns, c)]).toEqual(Array.from({ length: BLOCK_ROWS }, (_, i) => 6 * i + c));
    }
  });

  test("are there in a number that is known", () => {
    const block = new ColumnBlock([true]);
    const many = block.numbers(200);
    expect(columnOf(many, 199)).toHaveLength(BLOCK_ROWS);
    expect(() => block.numbers(100)).toThrow(RangeError);
    expect(block.columns).toHaveLength(BLOCK_ROWS);
  });
});
