/** The rungs without hidden layers, and the feature network. Each gives logits (B*S, heads). */
import { add, matmul, mul, ones, reshape, type Tensor, zeros } from "../../tensor/index.ts";
import { standardised } from "./feature-code.ts";
import { firstLayer, headLogits } from "./feature-layers.ts";
import { project } from "./layers.ts";
import type { Trace } from "./trace.ts";

/** How often each action follows the item, whoever is asking: one candidate feature a head, scaled and shifted. */
export function popularity({ graph, shape, candidates }: Trace): Tensor {
  const { heads, candidateFeatures, popularityColumns } = shape;
  const select = new Float32Array(candidateFeatures * heads);
  popularityColumns.forEach((column, head) => {
    select[column * heads + head] = 1;
  });
  const chosen = matmul(candidates, graph.constant(select, [candidateFeatures, heads]));
  const scale = graph.parameter("heads.scale", [heads], ones);
  return add(mul(chosen, scale), graph.parameter("heads.bias", [heads], zeros));
}

/** Logistic regression over standardised features. */
export function logistic(trace: Trace): Tensor {
  const { graph, shape } = trace;
  const { heads } = shape;
  const ofCandidate = project(
    standardised(trace.candidates, shape.candidateScaling),
    "candidate",
    heads,
    zeros,
  );
  const ofRequest = project(standardised(trace.request, shape.requestScaling), "request", heads, zeros);
  const bias = graph.parameter("heads.bias", [heads], () => Float32Array.from(shape.baseLogits));
  const sum = add(reshape(ofCandidate, ["B", "S", heads]), reshape(add(ofRequest, bias), ["B", 1, heads]));
  return reshape(sum, ["B*S", heads]);
}

export function featureNetwork(trace: Trace): Tensor {
  return headLogits(firstLayer(trace), undefined, trace);
}
