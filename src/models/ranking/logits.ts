/**
 * Ranking networks: what a user will do with each of several candidates, one logit an action (a head).
 *
 * A candidate's logits depend on the request, the history and the candidate itself, never on the other candidates.
 */
import { type Graph, reshape, type Tensor } from "../../tensor/index.ts";
import type { RankingArchitecture, RankingShape } from "./shape.ts";
import { featureNetwork, logistic, popularity } from "./simple-networks.ts";
import { targetAttention } from "./target-attention.ts";
import { Trace } from "./trace.ts";
import { transformer } from "./transformer.ts";

const ARCHITECTURES: Readonly<Record<RankingArchitecture, (trace: Trace) => Tensor>> = {
  popularity,
  logistic,
  "feature-network": featureNetwork,
  "target-attention": targetAttention,
  transformer,
};

/**
 * (B, S, heads) for B requests with S candidates each.
 *
 * Inputs, of which an architecture declares those that it reads: `request` (B, Fr); `candidates` (B, S, Fc); `items`,
 * `creators`, `categories` (B, S) int32 codes, 0 for what training did not know; `history_items`, `history_creators`,
 * `history_categories` (B, H) int32 codes; `history_facts` (B, H, K); `history_present` (B, H) 1, or 0 for what fills
 * up a history. Visits are newest first; H is 1 at least.
 */
export function rankingLogits(graph: Graph, shape: RankingShape): Tensor {
  return reshape(ARCHITECTURES[shape.architecture](new Trace(graph, shape)), ["B", "S", shape.heads]);
}

/** The outputs of the file that serves. */
export function rankingServing(graph: Graph, shape: RankingShape): { readonly logits: Tensor } {
  return { logits: rankingLogits(graph, shape) };
}
