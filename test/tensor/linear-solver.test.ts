/** Conjugate gradient against systems whose solution is known. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linearSolver } from "../../src/tensor/index.ts";

const LIMIT = 18;

/** Gᵀ G + I of a random G, and the right-hand side that `solution` gives. */
function systemOf(n: number, factors: readonly number[], solution: readonly number[]) {
  const g = (i: number, j: number) => factors[(i * n + j) % factors.length]!;
  const matrix = Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_, j) => {
      let sum = i === j ? 1 : 0;
      for (let k = 0; k < n; k++) sum += g(k, i) * g(k, j);
      return sum;
    }),
  );
  const right = matrix.map((row) => row.reduce((sum, value, j) => sum + value * solution[j]!, 0));
  return { matrix, right };
}

const anyNumber = fc.double({ min: -1, max: 1, noNaN: true });

describe("solving small systems", () => {
  it("finds the solution that the right-hand side was made of, one system after the other", () => {
    const solver = linearSolver({ limit: LIMIT, steps: 200, tolerance: 1e-7 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: LIMIT }),
        fc.array(anyNumber, { minLength: LIMIT * LIMIT, maxLength: LIMIT * LIMIT }),
        fc.array(anyNumber, { minLength: LIMIT, maxLength: LIMIT }),
        (n, factors, solution) => {
          const { matrix, right } = systemOf(n, factors, solution);
          const system = solver.system(n);
          expect(system.width).toBe(Math.ceil(n / 4) * 4);
          matrix.forEach((row, i) => {
            system.matrix.set(row, i * system.width);
          });
          system.right.set(right);
          const found = solver.solve();
          for (let i = 0; i < system.width; i++) {
            expect(Math.abs(found[i]! - (i < n ? solution[i]! : 0))).toBeLessThan(1e-3);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it("solves by as many steps as it is given, and stops where the residual is small enough", () => {
    // Two eigenvalues: one step gets somewhere, two are exact.
    const solved = (steps: number, tolerance: number) => {
      const solver = linearSolver({ limit: 2, steps, tolerance });
      const system = solver.system(2);
      system.matrix.set([1, 0]);
      system.matrix.set([0, 3], system.width);
      system.right.set([1, 1]);
      return [...solver.solve().subarray(0, 2)];
    };
    expect(solved(0, 0)).toEqual([0, 0]);
    expect(solved(1, 0)).toEqual([0.5, 0.5]);
    expect(solved(9, 0.9)).toEqual([0.5, 0.5]);
    const [first, second] = solved(2, 0);
    expect(first).toBeCloseTo(1, 5);
    expect(second).toBeCloseTo(1 / 3, 5);
  });

  it("is 0 where the right-hand side is, and finite where the matrix has no solution to give", () => {
    const solver = linearSolver({ limit: 4, steps: 20, tolerance: 1e-6 });
    const { matrix, right } = solver.system(4);
    matrix.set([1, 0, 0, 0, 0, 1]);
    expect([...solver.solve()]).toEqual([0, 0, 0, 0]);
    matrix[0] = -1;
    right.fill(1);
    expect(solver.solve().every(Number.isFinite)).toBe(true);
    expect(solver.system(0).width).toBe(0);
    expect(solver.solve()).toHaveLength(0);
  });
});
