/** The matrix product with its gradients, which are matrix products again. */
import { multiplyDims, type Shape, sizeOf } from "../dims.ts";
import type { Tensor } from "../graph.ts";
import { mul } from "./raw.ts";
import { reshape, unbroadcast } from "./raw-layout.ts";
import { type MatmulOptions, matmul as product } from "./raw-matrix.ts";

/**
 * (..., M, K) × (..., K, N) = (..., M, N); axes before the last two broadcast. With `transposeA` the left operand is
 * given as (..., K, M), with `transposeB` the right one as (..., N, K); the result is multiplied by `scale`.
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false, scale = 1 } = options;
  return a.graph.differentiable(product(a, b, options), [a, b], (dy) => {
    const da = transposeA
      ? product(b, dy, { transposeA: transposeB, transposeB: true, scale })
      : product(dy, b, { transposeB: !transposeB, scale });
    return [unbroadcast(da, a.shape), rightGradient(dy)];
  });

  function rightGradient(dy: Tensor): Tensor {
    // A weight matrix under a batch: one product over all rows instead of one for each batch entry and a sum.
    if (b.shape.length === 2 && a.shape.length > 2 && !transposeA) {
      const rows = flatten(a);
      const gradients = flatten(dy);
      const options = { transposeA: true };
      const db = transposeB ? product(gradients, rows, options) : product(rows, gradients, options);
      return scale === 1 ? db : mul(db, scale);
    }
    const db = transposeB
      ? product(dy, a, { transposeA: true, transposeB: transposeA, scale })
      : product(a, dy, { transposeA: !transposeA, scale });
    return unbroadcast(db, b.shape);
  }
}

/** (..., M, K) as (... * M, K) */
function flatten(x: Tensor): Tensor {
  const shape: Shape = [multiplyDims(sizeOf(x.shape.slice(0, -2)), x.shape.at(-2)!), x.shape.at(-1)!];
  return reshape(x, shape);
}
