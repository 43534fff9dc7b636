/** Dropout (Srivastava et al. 2014): in training graphs only; the same model traced for serving has none. */
import { shapeError, type Tensor } from "../graph.ts";
import * as raw from "./raw.ts";

/**
 * Sets a share `rate` of the elements to 0 and scales the others by 1 / (1 - rate). `seed` starts the sequence of
 * masks, which goes on from step to step: give each place of the model its own.
 */
export function dropout(x: Tensor, rate: number, seed: number): Tensor {
  if (!(rate >= 0 && rate < 1)) throw shapeError("dropout", "a rate of 0 .. 1 without 1", `${rate}`);
  if (!x.graph.training || rate === 0) return x;
  const random = raw.node("RandomUniformLike", [x], "float32", x.shape, { seed: { float: seed } });
  const scale = raw.mul(raw.cast(raw.greaterOrEqual(random, rate), "float32"), 1 / (1 - rate));
  return x.graph.differentiable(raw.mul(x, scale), [x], (dy) => [raw.mul(dy, scale)]);
}
