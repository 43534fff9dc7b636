/**
 * The feature network with what the user did on visits like the candidate (Zhou et al. 2018, "Deep interest network"):
 * the candidate attends over the history, by scaled products instead of a network for each pair, and what it finds
 * joins the second hidden layer. One key that belongs to no visit takes what no visit earns; of a user without history
 * it takes all.
 */
import { add, normal, type Tensor } from "../../tensor/index.ts";
import { firstLayer, headLogits } from "./feature-layers.ts";
import { linear, norm, project } from "./layers.ts";
import type { Trace } from "./trace.ts";
import { attendWithOwn, candidateBias, joinHeads, splitHeads, visitTokens } from "./visits.ts";

export function targetAttention(trace: Trace): Tensor {
  const { graph, shape } = trace;
  const { width, attentionHeads: heads } = shape;
  const features = firstLayer(trace);
  const visits = norm(visitTokens(trace), "visit.norm"); // (B*H, D)
  const queries = add(
    project(features.ids, "attention.query.ids", width),
    linear(features.hidden, "attention.query.features", width),
  );
  const history = {
    keys: splitHeads(linear(visits, "attention.key", width), trace, "H"),
    values: splitHeads(linear(visits, "attention.value", width), trace, "H"),
  };
  const none = {
    keys: graph.parameter("attention.none.key", [heads, 1, width / heads], normal(0.02)),
    values: graph.parameter("attention.none.value", [heads, 1, width / heads], normal(0.02)),
  };
  const found = attendWithOwn(splitHeads(queries, trace, "S"), history, none, candidateBias(trace));
  return headLogits(features, [joinHeads(found, trace, "S")], trace);
}
