/** Sums, means and maxima over axes, with gradients. Without `axes` over all of them. */
import { printShape, type Shape } from "../dims.ts";
import { shapeError, type Tensor } from "../graph.ts";
import * as raw from "./raw.ts";
import { axesOf, expand, reduce, reshape, sizeValue } from "./raw-layout.ts";

export interface ReduceOptions {
  /** Keep reduced axes with size 1. */
  readonly keep?: boolean;
}

/** dy with the reduced axes put back with size 1. */
function kept(dy: Tensor, x: Tensor, over: readonly number[]): Tensor {
  return reshape(
    dy,
    x.shape.map((dim, axis) => (over.includes(axis) ? 1 : dim)),
  );
}

function reducedShape(x: Tensor, over: readonly number[]): Shape {
  return x.shape.filter((_, axis) => over.includes(axis));
}

export function sum(x: Tensor, axes?: readonly number[], options: ReduceOptions = {}): Tensor {
  const over = axesOf("sum", x, axes);
  return x.graph.differentiable(reduce("ReduceSum", x, over, options.keep), [x], (dy) => [
    expand(kept(dy, x, over), x.shape),
  ]);
}

export function mean(x: Tensor, axes?: readonly number[], options: ReduceOptions = {}): Tensor {
  const over = axesOf("mean", x, axes);
  return x.graph.differentiable(reduce("ReduceMean", x, over, options.keep), [x], (dy) => [
    expand(raw.div(kept(dy, x, over), sizeValue(x.graph, reducedShape(x, over))), x.shape),
  ]);
}

/** The gradient is shared by all elements that equal the maximum. */
export function max(x: Tensor, axes?: readonly number[], options: ReduceOptions = {}): Tensor {
  const over = axesOf("max", x, axes);
  const y = reduce("ReduceMax", x, over, options.keep);
  return x.graph.differentiable(y, [x], (dy) => {
    const winners = raw.cast(raw.equal(x, kept(y, x, over)), "float32");
    const count = reduce("ReduceSum", winners, over, true);
    return [raw.mul(winners, raw.div(kept(dy, x, over), count))];
  });
}

/**
 * The mean of `values` weighted by `weights` of the same shape, as a scalar; 0 where all weights are 0. No gradient
 * flows to the weights.
 */
export function weightedMean(values: Tensor, weights: Tensor): Tensor {
  if (printShape(values.shape) !== printShape(weights.shape)) {
    throw shapeError("weightedMean", `weights ${printShape(values.shape)}`, raw.describe(weights));
  }
  const total = raw.max(reduce("ReduceSum", weights), 1e-12);
  const share = raw.div(weights, total);
  return values.graph.differentiable(reduce("ReduceSum", raw.mul(values, share)), [values], (dy) => [
    raw.mul(share, dy),
  ]);
}
