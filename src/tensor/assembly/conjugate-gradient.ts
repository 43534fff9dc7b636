// Symmetric positive definite systems by conjugate gradient (Hestenes, Stiefel 1952).

import { scoreRows } from "./top";
import { axpy, dot, xpay } from "./vectors";

/**
 * x (n) = A⁻¹ b from x = 0, until the residual is below `tolerance` times its first length, by at most `steps` steps.
 * Where A is not positive definite along the way, x is what was found so far.
 *
 * a (n, n) f32 and b (n) f32, n a multiple of 4, bytes = 4 n; scratch (3 n) f32.
 */
export function conjugateGradient(
  a: usize,
  b: usize,
  bytes: usize,
  steps: i32,
  tolerance: f32,
  x: usize,
  scratch: usize,
): void {
  const r = scratch;
  const p = scratch + bytes;
  const q = scratch + (bytes << 1);
  memory.fill(x, 0, bytes);
  memory.copy(r, b, bytes);
  memory.copy(p, b, bytes);
  let norm = dot(r, r, bytes);
  const enough = tolerance * tolerance * norm;
  for (let step = 0; step < steps; step++) {
    if (norm <= enough) break;
    scoreRows(a, bytes, bytes >> 2, p, q);
    const curvature = dot(p, q, bytes);
    if (!(curvature > 0)) break;
    const length = norm / curvature;
    axpy(length, p, x, bytes);
    axpy(-length, q, r, bytes);
    const next = dot(r, r, bytes);
    xpay(next / norm, r, p, bytes);
    norm = next;
  }
}
