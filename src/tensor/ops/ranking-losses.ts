/** Losses of whole lists that look at the order of scores: pairs (RankNet) and a smooth NDCG. */
import { shapeError, type Tensor } from "../graph.ts";
import { add, div, log, mul, sigmoid, sub, where } from "./elementwise.ts";
import { unsqueeze } from "./layout.ts";
import * as raw from "./raw.ts";
import { dimValue, range, reduce, reshape } from "./raw-layout.ts";
import { sum } from "./reduce.ts";

/**
 * RankNet (Burges et al. 2005): scores (..., C) and targets (..., C) give losses (...), the mean of
 * log(1 + e^{-(s_i - s_j)}) over the pairs of a list with t_i > t_j. With one target of 1 a list it is BPR (Rendle et
 * al. 2009). A list without such a pair has loss 0. `mask` (bool, (..., C)) is false for places that do not belong to
 * the list. No gradient flows to the targets.
 */
export function pairwiseLogistic(scores: Tensor, targets: Tensor, mask?: Tensor): Tensor {
  expectLists("pairwiseLogistic", scores, targets, mask);
  const counts = raw.cast(pairsWhere(targets, mask), "float32"); // (..., C, C)
  const pairs = raw.max(reduce("ReduceSum", counts, [-2, -1], true), 1);
  const shares = raw.div(counts, pairs);
  const behind = raw.sub(across(scores), down(scores)); // s_j - s_i
  const terms = raw.add(raw.relu(behind), raw.softplus(raw.neg(raw.abs(behind))));
  const losses = reduce("ReduceSum", raw.mul(shares, terms), [-2, -1]);
  return scores.graph.differentiable(losses, [scores], (dy) => {
    const pull = raw.mul(raw.mul(raw.sigmoid(behind), shares), down(down(dy)));
    return [raw.sub(reduce("ReduceSum", pull, [-2]), reduce("ReduceSum", pull, [-1]))];
  });
}

/**
 * 1 - NDCG with smooth ranks (Qin, Liu, Li 2010): scores (..., C) and gains (..., C) >= 0 give losses (...). The rank of
 * a place is 1 + Σ_j σ((s_j - s_i) / temperature) over the others. A list without gains has loss 0. `mask` (bool,
 * (..., C)) is false for places that do not belong to the list. No gradient flows to the gains.
 */
export function approxNdcg(scores: Tensor, gains: Tensor, mask?: Tensor, temperature = 0.1): Tensor {
  expectLists("approxNdcg", scores, gains, mask);
  const rank = scores.shape.length;
  const own = mask ? raw.where(mask, gains, 0) : gains;
  const before = sigmoid(mul(sub(unsqueeze(scores, rank - 1), unsqueeze(scores, rank)), 1 / temperature));
  const counted = mask ? where(across(mask), before, 0) : before; // (..., C, C)
  // Each place that has gains counts itself as half before itself.
  const ranks = add(sum(counted, [-1]), 0.5);
  const found = sum(div(mul(own, Math.LN2), log(add(ranks, 1))), [-1]);
  const best = idealDcg(own);
  const some = raw.greater(best, 0);
  return where(some, sub(1, div(found, raw.where(some, best, 1))), 0);
}

/** DCG of the gains in their best order: (..., C) to (...). */
function idealDcg(gains: Tensor): Tensor {
  const { graph } = gains;
  const size = gains.shape.at(-1)!;
  const k = dimValue(graph, size);
  const value = { dtype: "float32", shape: gains.shape } as const;
  const [sorted] = graph.emit("TopK", [gains, k], [value, { dtype: "int64", shape: gains.shape }]);
  const ranks = raw.cast(range(k, size), "float32"); // from 0 on
  const discounts = raw.div(Math.LN2, raw.log(raw.add(ranks, 2)));
  return reduce("ReduceSum", raw.mul(sorted!, discounts), [-1]);
}

/** (..., C, C) bool: whether the place of the row is to stand before that of the column. */
function pairsWhere(targets: Tensor, mask: Tensor | undefined): Tensor {
  const ordered = raw.greater(down(targets), across(targets));
  return mask ? raw.and(ordered, raw.and(down(mask), across(mask))) : ordered;
}

/** (..., C) as (..., C, 1) */
function down(x: Tensor): Tensor {
  return reshape(x, [...x.shape, 1]);
}

/** (..., C) as (..., 1, C) */
function across(x: Tensor): Tensor {
  return reshape(x, [...x.shape.slice(0, -1), 1, x.shape.at(-1)!]);
}

function expectLists(op: string, scores: Tensor, targets: Tensor, mask: Tensor | undefined): void {
  raw.expectType(op, scores, "float32");
  raw.expectType(op, targets, "float32");
  if (scores.shape.length === 0) throw shapeError(op, "lists (..., C)", raw.describe(scores));
  raw.expectShape(op, targets, scores.shape);
  if (mask) raw.expectShape(op, mask, scores.shape);
}
