/**
 * The loss of a next-item model, -log of the share that the softmax over items gives to the right one, from a matrix of
 * hidden rows and one of items, with the product of the two inside.
 *
 * Written together, because then nothing of the size rows × items is touched element by element in the backward pass:
 * with shares P = softmax(S), S = hidden itemsᵀ, the gradient of row n's loss by S is w_n P_n, and the factor w moves
 * from P to the smaller matrices: dhidden = w (P items), ditems = Pᵀ (w hidden).
 */
import { type Dim, sameDim } from "../dims.ts";
import { shapeError, type Tensor } from "../graph.ts";
import * as raw from "./raw.ts";
import { gather, reduce, reshape, scatterAdd } from "./raw-layout.ts";
import { gemm, matmul } from "./raw-matrix.ts";
import { logSumExp, MASKED } from "./softmax.ts";

export interface SampledSoftmaxOptions {
  /** (N, D) */
  readonly hidden: Tensor;
  /** (N, D) the right item of each row. */
  readonly positive: Tensor;
  /** (C, D) items drawn for all rows together. */
  readonly candidates: Tensor;
  /**
   * (C) log of how often each candidate is expected among those drawn. It is taken off the scores, so that items that
   * are drawn often are not pushed down for it (Bengio, Senécal 2008). Uniform draws need none.
   */
  readonly logQ?: Tensor | undefined;
  /** (N) the same for the positives, where they are also in-batch candidates (Yi et al. 2019). */
  readonly positiveLogQ?: Tensor | undefined;
  /** (N, C) bool, false where a candidate does not count for a row: it is the row's right item, or was seen. */
  readonly mask?: Tensor | undefined;
  /** Multiplies all scores; 1 / temperature. 1 unless told. */
  readonly scale?: number;
}

/**
 * Losses (N): log(e^p + Σ_c e^{s_c}) - p, with p and s the corrected scores of the positive and the candidates. A row
 * without any candidate has loss 0. No gradient flows to logQ.
 */
export function sampledSoftmax(options: SampledSoftmaxOptions): Tensor {
  const { hidden, positive, candidates, logQ, positiveLogQ, mask, scale = 1 } = options;
  const [rows, count] = expectMatrices("sampledSoftmax", hidden, candidates);
  raw.expectShape("sampledSoftmax: positive", positive, hidden.shape);
  if (logQ) raw.expectShape("sampledSoftmax: logQ", logQ, [count]);
  if (positiveLogQ) raw.expectShape("sampledSoftmax: positiveLogQ", positiveLogQ, [rows]);
  if (mask) raw.expectShape("sampledSoftmax: mask", mask, [rows, count]);

  const right = raw.mul(reduce("ReduceSum", raw.mul(hidden, positive), [-1], true), scale); // (N, 1)
  const p = positiveLogQ ? raw.sub(right, reshape(positiveLogQ, [rows, 1])) : right;
  const { shares, logSum } = logSumExp(candidateScores(options));
  const margin = raw.sub(logSum, p); // (N, 1)
  const losses = reshape(softplus(margin), [rows]);
  return hidden.graph.differentiable(losses, [hidden, positive, candidates], (dy) => {
    const weight = raw.mul(raw.mul(raw.sigmoid(margin), reshape(dy, [rows, 1])), scale);
    const pulled = raw.mul(hidden, raw.neg(weight));
    return [
      raw.mul(gemm(shares, candidates, positive, -1), weight),
      pulled,
      matmul(shares, pulled, { transposeA: true, scale: -1 }),
    ];
  });
}

/** (N, C), corrected, far below all others where the mask is false. */
function candidateScores({ hidden, candidates, logQ, mask, scale = 1 }: SampledSoftmaxOptions): Tensor {
  const product = { transposeB: true, scale };
  if (!mask) {
    return logQ ? gemm(hidden, candidates, logQ, -1, product) : matmul(hidden, candidates, product);
  }
  // What the product starts from, instead of a Where afterwards, which made the scores 1 ms slower of 8 (12,800 × 256).
  const masked = gemm(hidden, candidates, raw.cast(raw.not(mask), "float32"), MASKED, product);
  return logQ ? raw.sub(masked, logQ) : masked;
}

export interface FullSoftmaxOptions {
  /** (N, D) */
  readonly hidden: Tensor;
  /** (V, D) all items. */
  readonly items: Tensor;
  /** (N) int32 or int64: the row of `items` that is right, 0 <= id < V. */
  readonly targets: Tensor;
  /** Multiplies all scores; 1 / temperature. 1 unless told. */
  readonly scale?: number;
}

/** Losses (N): log Σ_v e^{s_v} - s_target over all items. */
export function fullSoftmax({ hidden, items, targets, scale = 1 }: FullSoftmaxOptions): Tensor {
  const [rows] = expectMatrices("fullSoftmax", hidden, items);
  raw.expectShape("fullSoftmax: targets", targets, [rows]);
  const { shares, logSum } = logSumExp(matmul(hidden, items, { transposeB: true, scale }));
  const positive = gather(items, targets);
  const right = raw.mul(reduce("ReduceSum", raw.mul(hidden, positive), [-1], true), scale);
  const losses = reshape(raw.sub(logSum, right), [rows]);
  return hidden.graph.differentiable(losses, [hidden, items], (dy) => {
    const weight = raw.mul(reshape(dy, [rows, 1]), scale);
    const weighted = raw.mul(hidden, weight);
    return [
      raw.mul(gemm(shares, items, positive, -1), weight),
      gemm(shares, weighted, scatterAdd(items.shape, targets, weighted), -1, { transposeA: true }),
    ];
  });
}

/** log(1 + e^x), finite for all finite x, for the few numbers of a column. */
function softplus(x: Tensor): Tensor {
  return raw.add(raw.relu(x), raw.softplus(raw.neg(raw.abs(x))));
}

/** N and C of (N, D) and (C, D). */
function expectMatrices(op: string, hidden: Tensor, items: Tensor): readonly [Dim, Dim] {
  const [rows, width] = hidden.shape;
  const [count, width2] = items.shape;
  const fits = hidden.shape.length === 2 && items.shape.length === 2 && sameDim(width!, width2!);
  if (!fits) throw shapeError(op, "(N, D) and (C, D)", `${raw.describe(hidden)} and ${raw.describe(items)}`);
  return [rows!, count!];
}
