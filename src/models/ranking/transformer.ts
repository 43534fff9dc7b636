/**
 * The candidate-isolated transformer: pre-norm blocks (Xiong et al. 2020) encode the history once a request; in each
 * block every candidate, as one more token, attends to the history's keys and values of that block and to itself, and
 * to no other candidate. Its last state joins the second hidden layer of the features.
 */
import { add, attention, relu, type Tensor } from "../../tensor/index.ts";
import { firstLayer, headLogits } from "./feature-layers.ts";
import { candidateVectors } from "./id-vectors.ts";
import { dropSome, linear, norm, project } from "./layers.ts";
import type { Trace } from "./trace.ts";
import {
  attendWithOwn,
  candidateBias,
  hidingAbsent,
  joinHeads,
  type KeysAndValues,
  splitHeads,
  visitTokens,
} from "./visits.ts";

/** Width of a feed-forward network's hidden layer, in widths of the tokens (guess). */
const INNER = 2;

export function transformer(trace: Trace): Tensor {
  const { width } = trace.shape;
  const features = firstLayer(trace);
  const tokens = add(
    project(features.ids, "visit.ids", width),
    linear(features.hidden, "candidate.features", width),
  );
  return headLogits(features, candidateStates(tokens, trace), trace);
}

/** What candidates are before features are known: their ids alone, after the history. (B*S, D) */
export function transformerTaste(trace: Trace): Tensor {
  return candidateStates(project(candidateVectors(trace), "visit.ids", trace.shape.width), trace);
}

/** Candidates (B*S, D) after all blocks. */
function candidateStates(tokens: Tensor, trace: Trace): Tensor {
  const { shape } = trace;
  const bias = candidateBias(trace);
  const hiding = hidingAbsent(trace);
  let history = visitTokens(trace); // (B*H, D)
  let candidates = tokens;
  for (let at = 0; at < shape.blocks; at++) {
    const block = `block${at}`;
    const seen = queriesKeysValues(history, block, trace, "H");
    const own = queriesKeysValues(candidates, block, trace, "S");
    const found = attendWithOwn(own.queries, seen, own, bias);
    candidates = afterAttention(candidates, joinHeads(found, trace, "S"), block, trace);
    // Nothing reads the history after the last block.
    if (at + 1 === shape.blocks) break;
    const mixed = attention(seen.queries, seen.keys, seen.values, { bias: hiding });
    history = afterAttention(history, joinHeads(mixed, trace, "H"), block, trace);
  }
  return norm(candidates, "norm");
}

/** x (B*N, D); each (B, A, N, D / A) */
function queriesKeysValues(
  x: Tensor,
  block: string,
  trace: Trace,
  length: "S" | "H",
): KeysAndValues & { readonly queries: Tensor } {
  const normed = norm(x, `${block}.attention.norm`);
  const all = linear(normed, `${block}.attention.in`, 3 * trace.shape.width);
  const [queries, keys, values] = splitHeads(all, trace, length);
  return { queries: queries!, keys: keys!, values: values! }; // three times the width
}

/** What a block does with x (B*N, D) once attention has found its mix of values (B*N, D). */
function afterAttention(x: Tensor, found: Tensor, block: string, trace: Trace): Tensor {
  const { width } = trace.shape;
  const attended = add(x, dropSome(linear(found, `${block}.attention.out`, width), trace));
  const inner = relu(linear(norm(attended, `${block}.forward.norm`), `${block}.forward.in`, INNER * width));
  return add(attended, dropSome(linear(inner, `${block}.forward.out`, width), trace));
}
