/** Logarithms of columns against Math.log. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { logarithmsOf } from "../../src/tensor/index.ts";

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
        const matrix = Float32Array.from(rows.flat());
        logarithmsOf(chosen).apply(matrix, rows.length);
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

  test("of 1 are 0, and one matrix may be larger than the one before", () => {
    const logarithms = logarithmsOf([true, false, true]);
    for (const rows of [1, 100, 3]) {
      const matrix = new Float32Array(3 * rows).fill(1);
      logarithms.apply(matrix, rows);
      expect([...matrix]).toEqual(Array.from({ length: rows }, () => [0, 1, 0]).flat());
    }
  });
});
