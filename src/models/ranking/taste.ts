/**
 * What a user will do with an item, from ids and the history alone: the part of a network that can be trained on
 * everything users ever did, long before anybody logged what was shown. Its tables and its attention are where the
 * whole network starts; learned from exposures only, vectors of ids remember single rows after one pass.
 */
import {
  add,
  binaryCrossEntropy,
  type Graph,
  gather,
  mul,
  reshape,
  silu,
  type Tensor,
  weightedMean,
  zeros,
} from "../../tensor/index.ts";
import { candidateVectors } from "./id-vectors.ts";
import { linear, weights } from "./layers.ts";
import type { RankingShape } from "./shape.ts";
import { targetAttentionTaste } from "./target-attention.ts";
import { Trace } from "./trace.ts";
import { transformerTaste } from "./transformer.ts";

/** The architectures that have such a part. */
const TASTES = { "target-attention": targetAttentionTaste, transformer: transformerTaste } as const;

/** Width of the hidden layer that only this training has. */
const HIDDEN = 64;

export function hasTaste(shape: RankingShape): boolean {
  return shape.architecture in TASTES;
}

/**
 * Mean binary cross-entropy of all heads. Inputs: `items`, `creators`, `categories` (B, S), the history's, `labels` and
 * `weights` (B, S, heads). Parameters have the names that `rankingLogits` gives them, but for those of the last layers.
 */
export function tasteLoss(graph: Graph, shape: RankingShape): Tensor {
  const labels = graph.input("labels", "float32", ["B", "S", shape.heads]);
  const counts = graph.input("weights", "float32", ["B", "S", shape.heads]);
  return weightedMean(binaryCrossEntropy(tasteLogits(graph, shape), labels), counts);
}

/** (B, S, heads) */
export function tasteLogits(graph: Graph, shape: RankingShape): Tensor {
  const trace = new Trace(graph, shape);
  const taste = TASTES[shape.architecture as keyof typeof TASTES];
  const found = taste(trace); // (B*S, D)
  const ids = candidateVectors(trace);
  const hidden = add(
    add(linear(found, "taste.found", HIDDEN), linear(ids, "taste.ids", HIDDEN)),
    mul(linear(found, "taste.gate", HIDDEN), linear(ids, "taste.gated", HIDDEN)),
  );
  const logits = linear(silu(hidden), "taste.heads", shape.heads, zeros);
  const byItem = gather(
    weights(graph, "taste.items", [shape.items, shape.heads], zeros),
    reshape(trace.codes("items"), ["B*S"]),
  );
  return reshape(add(logits, byItem), ["B", "S", shape.heads]);
}
