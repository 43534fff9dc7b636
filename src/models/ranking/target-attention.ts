/**
 * The feature network with what the user did on visits like the candidate (Zhou et al. 2018, "Deep interest network"):
 * the candidate attends over the history, by scaled products instead of a network for each pair, and what it finds
 * joins the second hidden layer. One key that belongs to no visit takes what no visit earns; of a user without history
 * it takes all.
 */
import { add, normal, type Tensor } from "../../tensor/index.ts";
import { firstLayer, headLogits } from "./feature-layers.ts";
import { candidateVectors } from "./id-vectors.ts";
import { linear, norm, project } from "./layers.ts";
import type { Trace } from "./trace.ts";
import { attendOrNone, candidateBias, joinHeads, splitHeads, visitTokens } from "./visits.ts";

export function targetAttention(trace: Trace): Tensor {
  const features = firstLayer(trace);
  const queries = add(
    idQueries(features.ids, trace),
    linear(features.hidden, "attention.query.features", trace.shape.width),
  );
  return headLogits(features, attended(queries, trace), trace);
}

/** What a candidate finds in the history by its ids alone. (B*S, D) */
export function targetAttentionTaste(trace: Trace): Tensor {
  return attended(idQueries(candidateVectors(trace), trace), trace);
}

function idQueries(ids: Tensor, trace: Trace): Tensor {
  return project(ids, "attention.query.ids", trace.shape.width);
}

/** Queries (B*S, D) → (B*S, D) */
function attended(queries: Tensor, trace: Trace): Tensor {
  const { graph, shape } = trace;
  const { width, attentionHeads: heads } = shape;
  const visits = norm(visitTokens(trace), "visit.norm"); // (B*H, D)
  const [keys, values] = splitHeads(linear(visits, "attention.visits", 2 * width), trace, "H");
  const none = {
    keys: graph.parameter("attention.none.key", [heads, 1, width / heads], normal(0.02)),
    values: graph.parameter("attention.none.value", [heads, 1, width / heads], normal(0.02)),
  };
  const [query] = splitHeads(queries, trace, "S");
  const found = attendOrNone(query!, { keys: keys!, values: values! }, none, candidateBias(trace));
  return joinHeads(found, trace, "S");
}
