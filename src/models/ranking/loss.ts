/** What training lowers. */
import {
  add,
  binaryCrossEntropy,
  equal,
  type Graph,
  gather,
  mean,
  mul,
  reshape,
  softmaxCrossEntropy,
  sum,
  type Tensor,
  weightedMean,
  where,
  zeros,
} from "../../tensor/index.ts";
import { rankingLogits } from "./logits.ts";
import type { RankingShape } from "./shape.ts";

/**
 * Positions that have a logit of their own; later ones share the last. Position 0 is a slate's first slot, and what was
 * not shown in a slate: it has a logit of 0, so that probabilities are those of the first slot.
 */
export const POSITIONS = 64;

/**
 * Mean cross-entropy of one head over each list, plus the mean binary cross-entropy of all heads.
 *
 * In training each slot's position adds a logit of its own (Zhao et al. 2019, "Recommending what video to watch next":
 * a shallow tower for the bias of selection), which serving leaves out.
 *
 * Inputs beside those of the architecture: `targets` (B, S) >= 0, what the list loss wants of each candidate;
 * `list_heads` (B, heads) 1 for the head that a list's loss is about, 0 for the others; `offsets` (B, S) log of how many candidates a sampled one stands for; `present` (B, S) bool, false for
 * what fills up a list, where targets and weights are 0; `list_weights` (B) what the loss of each list is multiplied by;
 * `labels` (B, S, heads) in 0 .. 1 and `weights` (B, S, heads) what each counts; `positions` (B, S) int64,
 * 0 .. POSITIONS - 1. A list of one candidate has a list loss of 0.
 */
export function rankingLoss(graph: Graph, shape: RankingShape): Tensor {
  const { heads } = shape;
  const all = rankingLogits(graph, shape);
  const targets = graph.input("targets", "float32", ["B", "S"]);
  const offsets = graph.input("offsets", "float32", ["B", "S"]);
  const present = graph.input("present", "bool", ["B", "S"]);
  const listWeights = graph.input("list_weights", "float32", ["B"]);
  const labels = graph.input("labels", "float32", ["B", "S", heads]);
  const weights = graph.input("weights", "float32", ["B", "S", heads]);
  const positions = graph.input("positions", "int64", ["B", "S"]);
  const byPosition = gather(graph.parameter("position.logits", [POSITIONS, heads], zeros), positions);
  const isFirst = equal(positions, graph.constant(BigInt64Array.of(0n), [1]));
  const logits = add(all, where(reshape(isFirst, ["B", "S", 1]), 0, byPosition));
  const listHeads = graph.input("list_heads", "float32", ["B", heads]);
  const ordered = sum(mul(logits, reshape(listHeads, ["B", 1, heads])), [2]); // (B, S)
  const listLosses = softmaxCrossEntropy(add(ordered, offsets), targets, present); // (B)
  return add(mean(mul(listLosses, listWeights)), weightedMean(binaryCrossEntropy(logits, labels), weights));
}
