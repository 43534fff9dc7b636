/** Softmax over the last axis, its logarithm, and the losses built on both; gradients in closed form. */
import type { Shape } from "../dims.ts";
import { shapeError, type Tensor } from "../graph.ts";
import * as raw from "./raw.ts";
import { reduce, reshape } from "./raw-layout.ts";

/** What a masked logit becomes: far below all others, and finite, so that a row without any other has no NaN. */
export const MASKED = -1e9;

const LAST = { axis: { int: -1 } };

function last(op: string, x: Tensor): Tensor {
  raw.expectType(op, x, "float32");
  if (x.shape.length === 0) throw shapeError(op, "one axis at least", raw.describe(x));
  return raw.node(op, [x], "float32", x.shape, LAST);
}

const sumLast = (x: Tensor): Tensor => reduce("ReduceSum", x, [-1], true);

export function softmax(x: Tensor): Tensor {
  const y = last("Softmax", x);
  return x.graph.differentiable(y, [x], (dy) => [raw.mul(y, raw.sub(dy, sumLast(raw.mul(dy, y))))]);
}

export function logSoftmax(x: Tensor): Tensor {
  const y = last("LogSoftmax", x);
  return x.graph.differentiable(y, [x], (dy) => [raw.sub(dy, raw.mul(raw.exp(y), sumLast(dy)))]);
}

/**
 * softmax(x) and log Σ_c e^{x_c} (..., 1) without a pass over x for exponentials of its own: the largest share is
 * e^{max - logSum}.
 */
export function logSumExp(x: Tensor): { readonly shares: Tensor; readonly logSum: Tensor } {
  const shares = last("Softmax", x);
  const largest = reduce("ReduceMax", shares, [-1], true);
  return { shares, logSum: raw.sub(reduce("ReduceMax", x, [-1], true), raw.log(largest)) };
}

/**
 * Cross-entropy of each row against the one class that is right: logits (N, C) and targets (N), int32 or int64 with
 * 0 <= target < C, give losses (N): log Σ_c e^{x_c} - x_target. Where the logits are a product with all items,
 * `fullSoftmax` costs less.
 */
export function softmaxCrossEntropyAt(logits: Tensor, targets: Tensor): Tensor {
  const op = "softmaxCrossEntropyAt";
  if (logits.shape.length !== 2) throw shapeError(op, "logits (N, C)", raw.describe(logits));
  const rows = logits.shape[0]!;
  raw.expectType(op, targets, "int32", "int64");
  raw.expectShape(op, targets, [rows]);
  const column = reshape(targets, [rows, 1]);
  const along = { axis: { int: 1 } };
  const right = raw.node("GatherElements", [logits, column], "float32", [rows, 1], along);
  const { shares, logSum } = logSumExp(logits);
  return logits.graph.differentiable(reshape(raw.sub(logSum, right), [rows]), [logits], (dy) => {
    const weight = reshape(dy, [rows, 1]);
    // One class a row: no two updates meet.
    const parts = [raw.mul(shares, weight), column, raw.neg(weight)];
    const add = { ...along, reduction: { string: "add" } };
    return [raw.node("ScatterElements", parts, "float32", logits.shape, add)];
  });
}

/**
 * Cross-entropy of each list against soft targets: logits (..., C) and targets >= 0 that broadcast to
 * them give losses (...): -Σ_c t_c log softmax(x)_c. Targets need not add up to 1: a list counts by their sum.
 *
 * `mask` (bool, broadcasts to the logits) is false for places that do not belong to the list; their targets must be 0.
 * A list without any place, or without any target, has loss 0 and no gradient. No gradient flows to the targets.
 */
export function softmaxCrossEntropy(logits: Tensor, targets: Tensor, mask?: Tensor): Tensor {
  expectTargets("softmaxCrossEntropy", logits, targets);
  const scores = mask ? raw.where(mask, logits, MASKED) : logits;
  raw.expectShape("softmaxCrossEntropy", scores, logits.shape);
  const logs = last("LogSoftmax", scores);
  const losses = raw.neg(reduce("ReduceSum", raw.mul(targets, logs), [-1]));
  return logits.graph.differentiable(losses, [logits], (dy) => {
    const shares = raw.mul(raw.exp(logs), sumLast(targets));
    const gradient = raw.mul(raw.sub(shares, targets), unsqueezeLast(dy));
    return [mask ? raw.where(mask, gradient, 0) : gradient];
  });
}

/**
 * Cross-entropy of independent yes/no questions: logits, and targets in [0, 1] that broadcast to them, give losses
 * of the logits' shape, log(1 + exp(x)) - t x, finite for all finite x. No gradient flows to the targets.
 */
export function binaryCrossEntropy(logits: Tensor, targets: Tensor): Tensor {
  expectTargets("binaryCrossEntropy", logits, targets);
  // log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))
  const tail = raw.softplus(raw.neg(raw.abs(logits)));
  const losses = raw.add(raw.sub(raw.relu(logits), raw.mul(targets, logits)), tail);
  return logits.graph.differentiable(losses, [logits], (dy) => [
    raw.mul(raw.sub(raw.sigmoid(logits), targets), dy),
  ]);
}

function unsqueezeLast(x: Tensor): Tensor {
  const shape: Shape = [...x.shape, 1];
  return raw.node("Unsqueeze", [x, x.graph.int64s([-1])], x.dtype, shape);
}

/** Whether the targets are one for each logit, or broadcast to that. */
function expectTargets(op: string, logits: Tensor, targets: Tensor): void {
  raw.expectType(op, targets, "float32");
  raw.expectShape(
    `${op} (logits, targets and mask broadcast)`,
    { ...logits, shape: raw.broadcast(op, logits, targets) },
    logits.shape,
  );
}
