/** Many small symmetric positive definite systems, one after the other, by conjugate gradient in WebAssembly. */
import { Kernels } from "./kernels.ts";

export interface LinearSystem {
  /** (width, width) by rows, to be filled in its first n rows and columns; the rest is 0 and stays so. */
  readonly matrix: Float32Array;
  /** (width) right-hand side, to be filled in its first n. */
  readonly right: Float32Array;
  /** n, rounded up to a multiple of 4. */
  readonly width: number;
}

export interface LinearSolver {
  /** A system of n <= limit unknowns, all 0. The one before is gone. */
  system(n: number): LinearSystem;
  /** (width) the solution of the system as it stands, valid until the next one. */
  solve(): Float32Array;
}

export interface LinearSolverOptions {
  /** The largest n. */
  readonly limit: number;
  /** At most so many steps; with equal numbers on the diagonal few are needed. */
  readonly steps: number;
  /** Length of the residual, as a share of the right-hand side's, at which a solution is good enough. */
  readonly tolerance: number;
}

export function linearSolver({ limit, steps, tolerance }: LinearSolverOptions): LinearSolver {
  const kernels = new Kernels();
  const widest = Math.ceil(limit / 4) * 4;
  const matrix = kernels.reserve(widest * widest * 4);
  const right = kernels.reserve(widest * 4);
  const solution = kernels.reserve(widest * 4);
  const scratch = kernels.reserve(widest * 12);
  let width = 0;
  return {
    system(n) {
      width = Math.ceil(n / 4) * 4;
      const views = {
        matrix: kernels.floats(matrix, width * width),
        right: kernels.floats(right, width),
        width,
      };
      views.matrix.fill(0);
      views.right.fill(0);
      return views;
    },
    solve() {
      kernels.call.conjugateGradient(matrix, right, width * 4, steps, tolerance, solution, scratch);
      return kernels.floats(solution, width);
    },
  };
}
