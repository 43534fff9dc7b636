/**
 * The multi-head ranking network: standardised features, two hidden layers that all heads share, one logit a head, and
 * a linear path beside them (Cheng et al. 2016, "Wide & Deep"), so that what a plain sum of signals knows need not be
 * learned through the layers.
 *
 * In training each slot's position adds a logit of its own (Zhao et al. 2019, "Recommending what video to watch
 * next": a shallow tower for the bias of selection), which serving leaves out.
 */
import {
  add,
  binaryCrossEntropy,
  type Graph,
  gather,
  glorot,
  matmul,
  maximum,
  minimum,
  mul,
  reshape,
  sigmoid,
  silu,
  slice,
  softmaxCrossEntropy,
  squeeze,
  sub,
  type Tensor,
  weightedMean,
  zeros,
} from "../tensor/index.ts";

export interface RankingNetworkShape {
  readonly features: number;
  readonly heads: number;
  /** (features) mean and deviation of each feature over the training rows. */
  readonly means: Float32Array;
  readonly deviations: Float32Array;
}

/** Widths of the hidden layers (guess; the ranking issue measures). */
const HIDDEN = [64, 32] as const;
/** Standardised features are cut to this many deviations: what never happened in training must not run away. */
const CLIP = 6;
/** Positions that have a logit of their own; later ones share the last. Row 0 is "not shown in a slate". */
export const POSITIONS = 64;

/** (rows, features) → (rows, heads) logits. */
export function rankingLogits(features: Tensor, shape: RankingNetworkShape): Tensor {
  const { graph } = features;
  const means = graph.constant(shape.means, [shape.features]);
  const scales = graph.constant(
    shape.deviations.map((deviation) => (deviation > 1e-6 ? 1 / deviation : 0)),
    [shape.features],
  );
  const standard = mul(sub(features, means), scales);
  const x = maximum(minimum(standard, graph.scalar(CLIP)), graph.scalar(-CLIP)); // (rows, features)
  let hidden = x;
  let width = shape.features;
  HIDDEN.forEach((next, layer) => {
    const weights = graph.parameter(`layer${layer}.weights`, [width, next], glorot);
    const bias = graph.parameter(`layer${layer}.bias`, [next], zeros);
    hidden = silu(add(matmul(hidden, weights), bias)); // (rows, next)
    width = next;
  });
  const deep = matmul(hidden, graph.parameter("heads.deep", [width, shape.heads], glorot));
  const wide = matmul(x, graph.parameter("heads.wide", [shape.features, shape.heads], zeros));
  return add(add(deep, wide), graph.parameter("heads.bias", [shape.heads], zeros)); // (rows, heads)
}

/** What a training step reads, besides features; all (lists, size) or (lists, size, heads). */
export interface RankingBatchShape {
  readonly lists: number;
  readonly size: number;
}

/**
 * The training loss: cross-entropy of the first head over each list, plus the binary cross-entropies of all heads.
 *
 * Inputs: `features` (lists, size, features); `targets` (lists, size) 1 where the first head's action followed;
 * `offsets` (lists, size) log of how many candidates a sampled one stands for; `present` (lists, size) bool;
 * `labels`, `weights` (lists, size, heads); `positions` (lists, size) int64 rows of the table of positions.
 */
export function rankingLoss(graph: Graph, shape: RankingNetworkShape, batch: RankingBatchShape): Tensor {
  const { lists, size } = batch;
  const features = graph.input("features", "float32", [lists, size, shape.features]);
  const targets = graph.input("targets", "float32", [lists, size]);
  const offsets = graph.input("offsets", "float32", [lists, size]);
  const present = graph.input("present", "bool", [lists, size]);
  const labels = graph.input("labels", "float32", [lists, size, shape.heads]);
  const weights = graph.input("weights", "float32", [lists, size, shape.heads]);
  const positions = graph.input("positions", "int64", [lists, size]);
  const byPosition = graph.parameter("position.logits", [POSITIONS + 1, shape.heads], zeros);
  const flat = rankingLogits(reshape(features, [lists * size, shape.features]), shape);
  const logits = add(reshape(flat, [lists, size, shape.heads]), gather(byPosition, positions));
  const first = squeeze(slice(logits, 2, 0, 1), 2); // (lists, size)
  const listLosses = softmaxCrossEntropy(add(first, offsets), targets, present); // (lists)
  const ones = graph.constant(new Float32Array(lists).fill(1), [lists]);
  const listLoss = weightedMean(listLosses, ones);
  return add(listLoss, weightedMean(binaryCrossEntropy(logits, labels), weights));
}

/** The serving graph's output: `features` (rows, features) → (rows, heads) probabilities. */
export function rankingProbabilities(graph: Graph, shape: RankingNetworkShape): Tensor {
  return sigmoid(rankingLogits(graph.input("features", "float32", ["rows", shape.features]), shape));
}
