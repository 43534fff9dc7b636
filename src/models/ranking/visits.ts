/** The user's history as vectors, and how candidates attend to it. */
import {
  add,
  concat,
  equal,
  expand,
  greater,
  matmul,
  mul,
  normal,
  reshape,
  slice,
  softmax,
  sub,
  sum,
  type Tensor,
  transpose,
  where,
  zeros,
} from "../../tensor/index.ts";
import { visitVectors } from "./id-vectors.ts";
import { linear, project } from "./layers.ts";
import type { Trace } from "./trace.ts";

/** What hides a visit that is not there: finite, so that an empty history has no NaN. */
const HIDDEN = -1e9;
/** What may be the same in a candidate and in a visit, the more telling later. Categories are few: their vectors say it. */
const MATCHES = ["creators", "items"] as const;

/** Each visit from its ids, its facts and its place: (B*H, D). */
export function visitTokens(trace: Trace): Tensor {
  const { graph, shape } = trace;
  const { width, visitColumns } = shape;
  const facts = reshape(trace.visitFacts, ["B*H", visitColumns]);
  const places = slice(graph.parameter("visit.places", [shape.visits, width], normal(0.02)), 0, 0, "H");
  const tokens = add(linear(facts, "visit.facts", width), project(visitVectors(trace), "visit.ids", width));
  return reshape(add(reshape(tokens, ["B", "H", width]), places), ["B*H", width]);
}

/** What is added to the scores of the visits: 0, or HIDDEN where there is none. (B, 1, 1, H) */
export function hidingAbsent(trace: Trace): Tensor {
  return reshape(mul(sub(1, trace.visitPresent), HIDDEN), ["B", 1, 1, "H"]);
}

/**
 * What is added to a candidate's scores of the visits and, at the last place, of the key that is no visit: hiding visits
 * that are not there, and more for those of the same item or creator, so that a rare id need not have learned a vector
 * to be found again. (B, A, S, H + 1)
 */
export function candidateBias(trace: Trace): Tensor {
  const { graph, shape } = trace;
  const heads = shape.attentionHeads;
  const nothing = expand(graph.scalar(0), ["B", 1, 1, 1]);
  let bias = concat([hidingAbsent(trace), nothing], -1);
  for (const of of MATCHES) {
    const visits = presentOnly(trace.visitCodes(of), trace);
    const none = expand(graph.constant(Int32Array.of(0), []), ["B", 1]);
    const same = equal(
      reshape(knownOnly(trace.codes(of)), ["B", 1, "S", 1]),
      reshape(concat([visits, none], 1), ["B", 1, 1, "H+1"]),
    );
    bias = where(same, graph.parameter(`match.${of}`, [heads, 1, 1], zeros), bias);
  }
  return bias;
}

/** Codes with -1 for unknown ones, which are not the same as any. */
function knownOnly(codes: Tensor): Tensor {
  const of = (code: number): Tensor => codes.graph.constant(Int32Array.of(code), []);
  return where(greater(codes, of(0)), codes, of(-1));
}

/** Codes with 0 for visits that are not there. */
function presentOnly(codes: Tensor, { graph, visitPresent }: Trace): Tensor {
  return where(greater(visitPresent, 0), codes, graph.constant(Int32Array.of(0), []));
}

/** (B*N, n D) as n parts, each (B, A, N, D / A). */
export function splitHeads(x: Tensor, trace: Trace, length: "S" | "H"): readonly Tensor[] {
  const { width, attentionHeads: heads } = trace.shape;
  const parts = Number(x.shape[1]) / width;
  const all = transpose(reshape(x, ["B", length, parts * heads, width / heads]), [0, 2, 1, 3]);
  return Array.from({ length: parts }, (_, at) => slice(all, 1, at * heads, (at + 1) * heads));
}

/** (B, A, N, D / A) → (B*N, D) */
export function joinHeads(x: Tensor, trace: Trace, length: "S" | "H"): Tensor {
  return reshape(transpose(x, [0, 2, 1, 3]), [`B*${length}`, trace.shape.width]);
}

/** Keys and values of the same tokens: each (B, A, N, d). */
export interface KeysAndValues {
  readonly keys: Tensor;
  readonly values: Tensor;
}

/**
 * Each query attends to the history and to one key that is the same for all, `none`, each part (A, 1, d): queries
 * (B, A, S, d) and bias as `candidateBias` → (B, A, S, d).
 */
export function attendOrNone(
  queries: Tensor,
  history: KeysAndValues,
  none: KeysAndValues,
  bias: Tensor,
): Tensor {
  const withNone = (of: Tensor, last: Tensor): Tensor => concat([of, expand(last, ["B", ...last.shape])], -2); // (B, A, H + 1, d)
  const shares = sharesOf(queries, withNone(history.keys, none.keys), bias, Number(queries.shape.at(-1)));
  return mixOf(shares, withNone(history.values, none.values));
}

/**
 * Each query attends to the history and to itself: own keys and values of the queries' shape.
 *
 * The score of its own key is one more column of the query, which meets 1 in a key that is 0 otherwise: so scores of
 * 500 candidates need not be put together and taken apart.
 */
export function attendWithOwn(
  queries: Tensor,
  history: KeysAndValues,
  own: KeysAndValues,
  bias: Tensor,
): Tensor {
  const { graph } = queries;
  const [, heads, , depth] = queries.shape;
  const ownScore = sum(mul(queries, own.keys), [-1], { keep: true }); // (B, A, S, 1)
  const zeroColumn = expand(graph.scalar(0), ["B", heads!, "H", 1]);
  const unit = Float32Array.from({ length: Number(depth) + 1 }, (_, i) => Number(i === depth));
  const ownKey = expand(graph.constant(unit, [unit.length]), ["B", heads!, 1, unit.length]);
  const keys = concat([concat([history.keys, zeroColumn], -1), ownKey], -2); // (B, A, H + 1, d + 1)
  const shares = sharesOf(concat([queries, ownScore], -1), keys, bias, Number(depth));
  const zeroRow = expand(graph.scalar(0), ["B", heads!, 1, depth!]);
  const mixed = mixOf(shares, concat([history.values, zeroRow], -2));
  return add(mixed, mul(slice(shares, -1, "H", "H+1"), own.values));
}

/*
 * Both products are scaled. ONNX Runtime multiplies a single row with a kernel of its own, which sums in another order,
 * but not where the product is scaled; so a candidate has the same bits alone as among others, and no activation that
 * is rounded to 8 bits falls to another side.
 */

/** (B, A, S, H + 1) */
function sharesOf(queries: Tensor, keys: Tensor, bias: Tensor, depth: number): Tensor {
  return softmax(add(matmul(queries, keys, { transposeB: true, scale: 1 / Math.sqrt(depth) }), bias));
}

function mixOf(shares: Tensor, values: Tensor): Tensor {
  const twice = add(values, values); // a product with 2 would be taken into the scale
  return matmul(shares, twice, { scale: 0.5 });
}
