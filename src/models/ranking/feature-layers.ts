/**
 * What the features say, for every network from the feature network on: their code and the vectors of ids
 * go through hidden layers, and straight to the heads (Cheng et al. 2016, "Wide & Deep"), so that what a sum of
 * functions of single features knows need not be learned through the layers.
 *
 * The request's part of the first layer is computed once a request and added to each candidate's. For hundreds of
 * candidates its code is next to nothing, so a network has it whether it has codes of candidates or not.
 */
import {
  add,
  concat,
  glorot,
  type Initializer,
  mul,
  reshape,
  slice,
  type Tensor,
  zeros,
} from "../../tensor/index.ts";
import { coded, standardised } from "./feature-code.ts";
import { candidateVectors } from "./id-vectors.ts";
import { activate, linear, project } from "./layers.ts";
import type { Trace } from "./trace.ts";

export interface FirstLayer {
  /** (B*S, hidden[0]) */
  readonly hidden: Tensor;
  /** (B*S, heads) what goes straight to the heads: the first columns, before they are activated. */
  readonly straight: Tensor;
  /** (B*S, 3 E) the candidates' vectors. */
  readonly ids: Tensor;
}

export function firstLayer(trace: Trace): FirstLayer {
  const { shape } = trace;
  const width = shape.hidden[0]!;
  const first = straightFromZero(shape.heads);
  const ids = candidateVectors(trace);
  const coding = shape.piecewise ? coded : standardised;
  const code = coding(trace.candidates, shape.candidateScaling); // (B*S, F + P), or (B*S, F)
  const ofCandidate = add(
    project(code, "first.candidate", width, first),
    project(ids, "first.ids", width, first),
  );
  const requestCode = coded(trace.request, shape.requestScaling); // (B, Fr + Pr)
  const ofRequest = linear(requestCode, "first.request", width, first); // (B, width)
  const sum = add(reshape(ofCandidate, ["B", "S", width]), reshape(ofRequest, ["B", 1, width]));
  const x = reshape(sum, ["B*S", width]);
  return { hidden: activate(x, trace), straight: slice(x, 1, 0, shape.heads), ids };
}

/**
 * The hidden layers after the first, and the heads: (B*S, heads). What a candidate `found` (B*S, D) in the history comes
 * in at the second layer, as it is and multiplied with what the candidate is, since most of what it says depends on
 * that: 10 groups of items, of which each user takes one, were learned in 500 steps instead of 800.
 */
export function headLogits(
  { hidden, straight, ids }: FirstLayer,
  found: Tensor | undefined,
  trace: Trace,
): Tensor {
  const { graph, shape } = trace;
  let x = hidden;
  shape.hidden.slice(1).forEach((width, i) => {
    let next = linear(x, `hidden${i + 1}`, width);
    if (i === 0 && found) {
      const crossed = mul(found, project(ids, "found.crossed", Number(found.shape[1])));
      next = add(next, project(concat([found, crossed], 1), "found", width));
    }
    x = activate(next, trace);
  });
  // Heads begin at 0, so that training begins at the base rates.
  const deep = project(x, "heads", shape.heads, zeros);
  const base = graph.parameter("heads.bias", [shape.heads], () => Float32Array.from(shape.baseLogits));
  return add(add(deep, straight), base);
}

/** 0 for the columns that go straight to the heads, Glorot's for the others. */
function straightFromZero(heads: number): Initializer {
  return (shape, random) => {
    const columns = shape[1]!;
    return glorot(shape, random).map((weight, i) => (i % columns < heads ? 0 : weight));
  };
}
