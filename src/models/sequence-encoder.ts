/**
 * A causal transformer over the items that a user took, for retrieval: at every position it predicts the next item.
 *
 * SASRec (Kang, McAuley 2018) in its later form: pre-norm blocks (Xiong et al. 2020) with a learned bias for each
 * distance instead of positions (Raffel et al. 2020), trained with a sampled softmax in which what a user has seen
 * does not compete, since it is never recommended again. An item's vector is the sum of a vector of its own and of
 * its attributes' vectors over the root of their number; it is both what the encoder reads and what its output is
 * compared with.
 */
import {
  add,
  attention,
  dropout,
  type Graph,
  gather,
  gelu,
  glorot,
  greater,
  layerNorm,
  matmul,
  mul,
  normal,
  ones,
  reshape,
  type SampledRows,
  sampledSoftmax,
  slice,
  squeeze,
  sub,
  type Tensor,
  transpose,
  weightedMean,
  zeros,
} from "../tensor/index.ts";

export interface EncoderShape {
  readonly items: number;
  /** Attribute codes 1 .. attributes - 1; code 0 stands for "none". */
  readonly attributes: number;
  /** Codes an item has room for. */
  readonly attributesPerItem: number;
  /** D, a multiple of 4 and of `heads`. */
  readonly width: number;
  readonly heads: number;
  readonly blocks: number;
  /** Width of the hidden layer of the feed-forward network. */
  readonly inner: number;
  /** The newest items that the encoder reads. */
  readonly length: number;
  /** Share of the input vectors' elements that training drops, and of the blocks' outputs. */
  readonly inputDropout: number;
  readonly dropout: number;
}

/** Standard deviation of the first item vectors; the encoder reads them times √D, so that they enter with 0.4. */
export const FIRST_DEVIATION = 0.05;
/** Distances that have a bias of their own; beyond them, buckets widen by a factor of 2^(1/6) up to the last. */
const NEAR = 16;
const DISTANCES = 40;

/**
 * The vectors of the items of a step: (U, D).
 *
 * Inputs that it declares: `rows` (U) int32 item rows; `own` (U, 1) 1, or 0 where the item shall do without the vector
 * of its own (training sees some items so, and items that came after training are so); `attributes` (U, A) int32
 * codes; `shares` (U, A) what each code counts, 0 where there is none.
 */
export function itemVectors(
  graph: Graph,
  shape: EncoderShape,
): { readonly vectors: Tensor; readonly sampledRows: SampledRows } {
  const { items, attributes, attributesPerItem: perItem, width } = shape;
  const rows = graph.input("rows", "int32", ["U"]);
  const own = graph.input("own", "float32", ["U", 1]);
  const codes = graph.input("attributes", "int32", ["U", perItem]);
  const shares = graph.input("shares", "float32", ["U", perItem]);
  const table = graph.parameter("items", [items, width], normal(FIRST_DEVIATION));
  const byItem = gather(table, rows); // (U, D)
  const unknown = graph.parameter("unknown", [1, width], normal(FIRST_DEVIATION));
  const byAttribute = gather(
    graph.parameter("attributes.table", [attributes, width], normal(FIRST_DEVIATION)),
    codes,
  );
  const mixed = squeeze(matmul(reshape(shares, ["U", 1, perItem]), byAttribute), 1); // (U, D)
  const vectors = add(add(mul(byItem, own), mul(unknown, sub(1, own))), mixed);
  return { vectors, sampledRows: { table, ids: rows, rows: byItem } };
}

/** What a user wants after each of the items read: vectors (B, L, D) → (B, L, D). */
function encodeSequence(vectors: Tensor, shape: EncoderShape): Tensor {
  const { graph } = vectors;
  const buckets = distanceBuckets(graph, shape.length);
  let x = dropout(mul(vectors, Math.sqrt(shape.width)), shape.inputDropout, 0); // (B, L, D)
  for (let block = 0; block < shape.blocks; block++) {
    const name = `block${block}`;
    const attended = attend(norm(x, `${name}.attention.norm`), `${name}.attention`, buckets, shape);
    x = add(x, dropout(attended, shape.dropout, 1 + 2 * block));
    const fed = feedForward(norm(x, `${name}.forward.norm`), `${name}.forward`, shape);
    x = add(x, dropout(fed, shape.dropout, 2 + 2 * block));
  }
  return norm(x, "norm");
}

/** Causal attention of `heads` heads with a bias for each distance. x (B, L, D) → (B, L, D). */
function attend(x: Tensor, name: string, buckets: Tensor, { width, heads }: EncoderShape): Tensor {
  const { graph } = x;
  const rows = reshape(x, ["B*L", width]);
  const split = (part: Tensor): Tensor =>
    heads === 1
      ? reshape(part, ["B", 1, "L", width])
      : transpose(reshape(part, ["B", "L", heads, width / heads]), [0, 2, 1, 3]); // (B, H, L, D/H)
  const q = split(linear(rows, `${name}.query`, width));
  const k = split(linear(rows, `${name}.key`, width));
  const v = split(linear(rows, `${name}.value`, width));
  const table = graph.parameter(`${name}.distance`, [DISTANCES, heads], zeros);
  const bias = transpose(gather(table, buckets), [2, 0, 1]); // (H, L, L)
  const mixed = attention(q, k, v, { causal: true, bias }); // (B, H, L, D/H)
  const joined = heads === 1 ? mixed : transpose(mixed, [0, 2, 1, 3]);
  return reshape(linear(reshape(joined, ["B*L", width]), `${name}.out`, width), ["B", "L", width]);
}

function feedForward(x: Tensor, name: string, { width, inner }: EncoderShape): Tensor {
  const hidden = gelu(linear(reshape(x, ["B*L", width]), `${name}.in`, inner)); // (B*L, inner)
  return reshape(linear(hidden, `${name}.out`, width), ["B", "L", width]);
}

/** x (N, D) W + b */
function linear(x: Tensor, name: string, to: number): Tensor {
  const weights = x.graph.parameter(`${name}.weights`, [Number(x.shape[1]), to], glorot);
  return add(matmul(x, weights), x.graph.parameter(`${name}.bias`, [to], zeros));
}

function norm(x: Tensor, name: string): Tensor {
  const width = Number(x.shape.at(-1));
  return layerNorm(
    x,
    x.graph.parameter(`${name}.scale`, [width], ones),
    x.graph.parameter(`${name}.bias`, [width], zeros),
  );
}

/** (L, L) the bucket of the distance from each place to each earlier one. */
function distanceBuckets(graph: Graph, length: number): Tensor {
  const all = graph.constant(
    Int32Array.from({ length: length * length }, (_, i) =>
      bucketOf(Math.max(0, Math.floor(i / length) - (i % length))),
    ),
    [length, length],
  );
  return slice(slice(all, 0, 0, "L"), 1, 0, "L");
}

function bucketOf(distance: number): number {
  return distance < NEAR
    ? distance
    : Math.min(DISTANCES - 1, NEAR + Math.floor(6 * Math.log2(distance / NEAR)));
}

/**
 * The training loss: over all positions that count, the cross-entropy of the next item against sampled ones.
 *
 * Inputs beside those of `itemVectors`, all indices into its U items: `tokens`, `targets` (B, L) int32; `counts` (B, L)
 * 1 where a target counts; `candidates` (C) int32, drawn from all items with the same chance and without repeats, for
 * all positions together; `from` (B, C) position at which the candidate has been seen, the last target's position + 1
 * where it never was: a candidate competes only at the positions before, and never with itself as the target.
 */
export function sequenceLoss(
  graph: Graph,
  shape: EncoderShape,
  candidates: number,
): { readonly loss: Tensor; readonly sampledRows: SampledRows } {
  const { items, width, length } = shape;
  const { vectors, sampledRows } = itemVectors(graph, shape);
  const tokens = graph.input("tokens", "int32", ["B", "L"]);
  const targets = graph.input("targets", "int32", ["B", "L"]);
  const counts = graph.input("counts", "float32", ["B", "L"]);
  const drawn = graph.input("candidates", "int32", [candidates]);
  const from = graph.input("from", "float32", ["B", candidates]);
  const wanted = reshape(encodeSequence(gather(vectors, tokens), shape), ["B*L", width]);
  const right = gather(vectors, reshape(targets, ["B*L"])); // (B*L, D)
  // What stands at position p of the input has been seen there, its target is seen at p + 1.
  const seenNext = graph.constant(
    Float32Array.from({ length }, (_, position) => position + 1),
    [1, length, 1],
  );
  const competes = greater(reshape(from, ["B", 1, candidates]), slice(seenNext, 1, 0, "L")); // (B, L, C)
  const losses = sampledSoftmax({
    hidden: wanted,
    positive: right,
    candidates: gather(vectors, drawn),
    // Each candidate stands for items / C of them.
    logQ: graph.constant(new Float32Array(candidates).fill(Math.log(candidates / items)), [candidates]),
    mask: reshape(competes, ["B*L", candidates]),
  });
  return { loss: weightedMean(reshape(losses, ["B", "L"]), counts), sampledRows };
}

/** The serving graph: `vectors` (B, L, D) of items, oldest first, and `last` (B) int32, the row of the flattened (B*L) at
 * which each user is read → (B, D), what the users want next. */
export function sequenceReader(graph: Graph, shape: EncoderShape): Tensor {
  const vectors = graph.input("vectors", "float32", ["B", "L", shape.width]);
  const last = graph.input("last", "int32", ["B"]);
  return gather(reshape(encodeSequence(vectors, shape), ["B*L", shape.width]), last);
}
