/** Layer normalization over the last axis (Ba, Kiros, Hinton 2016). */
import { printShape } from "../dims.ts";
import { shapeError, type Tensor } from "../graph.ts";
import * as raw from "./raw.ts";
import { reduce, unbroadcast } from "./raw-layout.ts";

/** (x - mean) / sqrt(variance + epsilon) * scale + bias; x (..., D), scale (D), bias (D). */
export function layerNorm(x: Tensor, scale: Tensor, bias: Tensor, epsilon = 1e-5): Tensor {
  const width = x.shape.at(-1);
  for (const weight of [scale, bias]) {
    if (width === undefined || weight.shape.length !== 1 || weight.shape[0] !== width) {
      throw shapeError(
        "layerNorm",
        `scale and bias [${width}] for ${raw.describe(x)}`,
        printShape(weight.shape),
      );
    }
  }
  const perRow = { dtype: "float32", shape: [...x.shape.slice(0, -1), 1] } as const;
  const [y, mean, inverse] = x.graph.emit(
    "LayerNormalization",
    [x, scale, bias],
    [{ dtype: "float32", shape: x.shape }, perRow, perRow],
    { axis: { int: -1 }, epsilon: { float: epsilon } },
  ) as readonly [Tensor, Tensor, Tensor]; // three were asked for
  const meanLast = (value: Tensor): Tensor => reduce("ReduceMean", value, [-1], true);
  return x.graph.differentiable(y, [x, scale, bias], (dy) => {
    const normal = raw.mul(raw.sub(x, mean), inverse);
    const scaled = raw.mul(dy, scale);
    const centred = raw.sub(scaled, meanLast(scaled));
    return [
      raw.mul(inverse, raw.sub(centred, raw.mul(normal, meanLast(raw.mul(scaled, normal))))),
      unbroadcast(raw.mul(dy, normal), scale.shape),
      unbroadcast(dy, bias.shape),
    ];
  });
}
