/** Normalization over the last axis: of layers (Ba, Kiros, Hinton 2016), by the root mean square (Zhang, Sennrich 2019). */
import { printShape, type Shape, sizeOf } from "../dims.ts";
import { shapeError, type Tensor } from "../graph.ts";
import * as raw from "./raw.ts";
import { reduce, reshape, unbroadcast } from "./raw-layout.ts";
import { matmul } from "./raw-matrix.ts";

/** (x - mean) / sqrt(variance + epsilon) * scale + bias; x (..., D), scale (D), bias (D). */
export function layerNorm(x: Tensor, scale: Tensor, bias: Tensor, epsilon = 1e-5): Tensor {
  expectWeights("layerNorm", x, [scale, bias]);
  const [y, mean, inverse] = x.graph.emit(
    "LayerNormalization",
    [x, scale, bias],
    [{ dtype: "float32", shape: x.shape }, perRow(x), perRow(x)],
    { axis: { int: -1 }, epsilon: { float: epsilon } },
  ) as readonly [Tensor, Tensor, Tensor]; // three were asked for
  return x.graph.differentiable(y, [x, scale, bias], (dy) => {
    // With n = (x - mean) inverse and g = dy scale: dx = inverse (g - mean(g) - n mean(g n)). The means over a row are
    // products with scale / D, and x stands for n wherever the row's own numbers can make up for it: six passes
    // over (N, D), where the formula as it stands has eleven. What x loses in digits where its mean is far larger than
    // its deviation, n has lost already.
    const average = averageBy(scale);
    const product = raw.mul(dy, x); // (..., D)
    const meanOfG = matmul(dy, average); // (..., 1)
    const meanOfGN = raw.mul(inverse, raw.sub(matmul(product, average), raw.mul(mean, meanOfG)));
    const slope = raw.mul(raw.mul(inverse, inverse), meanOfGN);
    const level = raw.sub(raw.mul(mean, slope), raw.mul(inverse, meanOfG));
    const direct = raw.mul(raw.mul(dy, scale), inverse);
    return [
      raw.add(raw.sub(direct, raw.mul(x, slope)), level),
      raw.sub(sumOfRows(product, inverse), sumOfRows(dy, raw.mul(inverse, mean))),
      unbroadcast(dy, bias.shape),
    ];
  });
}

/** Root mean square normalization: x / sqrt(mean(x²) + epsilon) * scale; x (..., D), scale (D). */
export function rmsNorm(x: Tensor, scale: Tensor, epsilon = 1e-6): Tensor {
  expectWeights("rmsNorm", x, [scale]);
  const [y, inverse] = x.graph.training ? fusedRmsNorm(x, scale, epsilon) : plainRmsNorm(x, scale, epsilon);
  return x.graph.differentiable(y, [x, scale], (dy) => {
    // dx = inverse (g - n mean(g n)) with n = x inverse and g = dy scale; passes saved as in layerNorm.
    const product = raw.mul(dy, x); // (..., D)
    const cube = raw.mul(inverse, raw.mul(inverse, inverse));
    const slope = raw.mul(cube, matmul(product, averageBy(scale))); // (..., 1)
    const direct = raw.mul(raw.mul(dy, scale), inverse);
    return [raw.sub(direct, raw.mul(x, slope)), sumOfRows(product, inverse)];
  });
}

/** The normalized x and 1 / sqrt(mean(x²) + epsilon) in one node, which only ONNX Runtime knows. */
function fusedRmsNorm(x: Tensor, scale: Tensor, epsilon: number): readonly [Tensor, Tensor] {
  return x.graph.emit(
    "SimplifiedLayerNormalization",
    [x, scale],
    [{ dtype: "float32", shape: x.shape }, perRow(x)],
    { axis: { int: -1 }, epsilon: { float: epsilon } },
  ) as readonly [Tensor, Tensor]; // two were asked for
}

/** The same in standard operators, for files that other tools read; ONNX Runtime fuses them when it loads the file. */
function plainRmsNorm(x: Tensor, scale: Tensor, epsilon: number): readonly [Tensor, Tensor] {
  const square = reduce("ReduceMean", raw.pow(x, 2), [-1], true);
  const root = raw.sqrt(raw.add(square, epsilon));
  return [raw.mul(raw.div(x, root), scale), raw.div(1, root)];
}

function perRow(x: Tensor): { readonly dtype: "float32"; readonly shape: Shape } {
  return { dtype: "float32", shape: [...x.shape.slice(0, -1), 1] };
}

function expectWeights(op: string, x: Tensor, weights: readonly Tensor[]): void {
  const width = x.shape.at(-1);
  for (const weight of weights) {
    if (width === undefined || weight.shape.length !== 1 || weight.shape[0] !== width) {
      throw shapeError(op, `weights [${width}] for ${raw.describe(x)}`, printShape(weight.shape));
    }
  }
}

/** scale / D as a column (D, 1): the product with it is the mean over a row weighted by `scale`. */
function averageBy(scale: Tensor): Tensor {
  return reshape(raw.div(scale, Number(scale.shape[0])), [scale.shape[0]!, 1]);
}

/** Σ over all rows of x (..., D), each times its factor (..., 1): (D). */
function sumOfRows(x: Tensor, factors: Tensor): Tensor {
  const [width, rows] = [x.shape.at(-1)!, sizeOf(x.shape.slice(0, -1))];
  const column = reshape(factors, [rows, 1]);
  return reshape(matmul(column, reshape(x, [rows, width]), { transposeA: true }), [width]);
}
