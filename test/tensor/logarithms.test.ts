/** Logarithms of columns against Math.log. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { logRows } from "../../src/tensor/index.ts";

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
          maxLength: 9,
        }),
      }),
    );
    fc.assert(
      fc.property(cases, ({ chosen, rows }) => {
        const block = logRows(chosen, 9);
        block.rows.set(rows.flat());
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
    const block = logRows([true, false, true], 4);
    const out = new Float32Array(3 * 9).fill(7);
    let at = 3;
    for (const count of [1, 4, 3]) {
      expect([...block.rows]).toEqual(new Array(12).fill(0));
      block.rows.fill(1, 0, 3 * count);
      block.take(count, out, at);
      at += 3 * count;
    }
    expect([...out]).toEqual([7, 7, 7, ...Array.from({ length: 8 }, () => [0, 1, 0]).flat()]);
  });
});
