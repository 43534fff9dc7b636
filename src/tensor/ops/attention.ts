/**
 * Scaled dot-product attention (Vaswani et al. 2017) as one differentiable step, with less work on what has the size
 * queries × keys than its parts take:
 *
 * - Causal attention needs a triangle of the scores. In training the queries are cut into runs, and each run meets the
 *   keys up to its own end alone.
 * - The gradient of the scores is P (dy vᵀ - δ), with δ the sum of a row of P (dy vᵀ), which is that of the smaller
 *   dy y (Dao et al. 2022). It is taken off inside the product, as one more column that meets a column of ones.
 *
 * Forwards and backwards on 64 sequences of 200 places and width 64, CPU time on one thread, medians of 11 interleaved
 * runs: composed of matmul, add and softmax 36.8 ms with one head and 56.7 with two; this one in 1 run 34.0 and 42.5,
 * in 2 runs 30.9 and 39.1, in 3 runs 32.0 and 37.1, in 4 runs 32.5 and 36.8.
 * Forwards alone the runs gain nothing (27.7 against 26.7 ms with one head), so serving has one.
 */
import { type Dim, type Shape, sameDim, subtractDims } from "../dims.ts";
import { type Graph, shapeError, type Tensor } from "../graph.ts";
import * as raw from "./raw.ts";
import {
  concat,
  dimValue,
  expand,
  fraction,
  pad,
  range,
  reduce,
  reshape,
  slice,
  transpose,
  unbroadcast,
} from "./raw-layout.ts";
import { matmul } from "./raw-matrix.ts";

export interface AttentionOptions {
  /** Added to the scores before the softmax; broadcasts to (B, H, L, M). -1e9 hides a key from a query. */
  readonly bias?: Tensor;
  /** Whether a query sees no key of a later place; then L = M, and in training L is 2 at least. */
  readonly causal?: boolean;
  /** Multiplies q kᵀ; 1 / √d unless told. */
  readonly scale?: number;
}

/** Runs of queries of causal attention; see above. */
const RUNS = 2;
/** What hides a key: finite, so that a query without any other has no NaN. */
const HIDDEN = -1e9;

/** A run of queries and the keys that it meets: places from .. to of the queries, 0 .. keys of the keys. */
interface Run {
  readonly from: Dim;
  readonly to: Dim;
  readonly keys: Dim;
}

/** softmax(scale q kᵀ + bias) v: q (B, H, L, d), k and v (B, H, M, d) give (B, H, L, d). */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const { bias, causal = false, scale = 1 / Math.sqrt(Number(q.shape.at(-1))) } = options;
  const [length, keys] = expectSequences(q, k, v, causal);
  if (bias) expectBias(bias, [...q.shape.slice(0, -1), keys]);
  const added = causal ? hidingFuture(bias, q.graph, length) : bias;
  const cut = causal && q.graph.training;
  const runs = cut ? runsOf(q.graph, length) : [{ from: 0, to: length, keys }];
  const tiles = runs.map((run) => {
    const queries = rows(q, run.from, run.to);
    const met = rows(k, 0, run.keys);
    const products = matmul(queries, met, { transposeB: true, scale }); // (B, H, run, keys)
    const scores = added ? raw.add(products, corner(added, run)) : products;
    const shares = raw.node("Softmax", [scores], "float32", scores.shape, { axis: { int: -1 } });
    return { run, queries, met, shares, mixed: matmul(shares, rows(v, 0, run.keys)) };
  });
  const y = concat(
    tiles.map(({ mixed }) => mixed),
    -2,
  );
  return q.graph.differentiable(y, bias ? [q, k, v, bias] : [q, k, v], (dy) => {
    const delta = reduce("ReduceSum", raw.mul(dy, y), [-1], true);
    const ones = expand(q.graph.scalar(1), [...v.shape.slice(0, -1), 1]);
    const [wideDy, wideV] = [concat([dy, raw.neg(delta)], -1), concat([v, ones], -1)];
    const parts = tiles.map(({ run, queries, met, shares }) => {
      const drift = matmul(rows(wideDy, run.from, run.to), rows(wideV, 0, run.keys), { transposeB: true });
      const dscores = raw.mul(shares, drift); // (B, H, run, keys)
      return {
        dq: matmul(dscores, met, { scale }),
        // As (qᵀ dscores)ᵀ: to transpose the small operand inside a product costs less.
        dk: swapped(matmul(queries, dscores, { transposeA: true, scale })),
        dv: swapped(matmul(rows(dy, run.from, run.to), shares, { transposeA: true })),
        dscores,
      };
    });
    const each = (name: "dq" | "dk" | "dv" | "dscores"): readonly Tensor[] => parts.map((part) => part[name]);
    const found = [concat(each("dq"), -2), sumOfPrefixes(each("dk"), runs), sumOfPrefixes(each("dv"), runs)];
    return bias ? [...found, biasGradient(each("dscores"), runs, bias, keys)] : found;
  });
}

/** Places from .. to of (..., L, d). */
function rows(x: Tensor, from: Dim, to: Dim): Tensor {
  return slice(x, -2, from, to);
}

/** What a bias that broadcasts to (..., L, M) adds to the scores of a run. */
function corner(bias: Tensor, { from, to, keys }: Run): Tensor {
  const across = bias.shape.at(-1) === 1 ? bias : slice(bias, -1, 0, keys);
  return bias.shape.length < 2 || bias.shape.at(-2) === 1 ? across : slice(across, -2, from, to);
}

/** (..., d, M) as (..., M, d) */
function swapped(x: Tensor): Tensor {
  const last = x.shape.length - 1;
  return transpose(x, [...x.shape.slice(0, -2).keys(), last, last - 1]);
}

/** The sum of what each run found for the keys 0 .. its own last. */
function sumOfPrefixes(found: readonly Tensor[], runs: readonly Run[]): Tensor {
  const sums = runs.map(({ from, to }, at) => {
    // Of keys that are also the queries of the run `at`, the earlier runs know nothing.
    const later = found.slice(at);
    return later.map((part) => (runs.length === 1 ? part : rows(part, from, to))).reduce(raw.add);
  });
  return concat(sums, -2);
}

/** The sum of the scores' gradients over what the bias was repeated on. */
function biasGradient(found: readonly Tensor[], runs: readonly Run[], bias: Tensor, keys: Dim): Tensor {
  const parts = found.map((dscores, at) => {
    const part = unbroadcast(dscores, corner(bias, runs[at]!).shape);
    const width = part.shape.at(-1)!;
    return bias.shape.at(-1) === 1 ? part : pad(part, -1, 0, subtractDims(keys, width));
  });
  const perQuery = bias.shape.length >= 2 && bias.shape.at(-2) !== 1;
  return perQuery ? concat(parts, -2) : parts.reduce(raw.add);
}

function runsOf(graph: Graph, length: Dim): readonly Run[] {
  const ends = Array.from({ length: RUNS }, (_, i) => fraction(graph, length, i + 1, RUNS));
  return ends.map((to, i) => ({ from: ends[i - 1] ?? 0, to, keys: to }));
}

/** The bias with HIDDEN where the key's place is later than the query's. */
function hidingFuture(bias: Tensor | undefined, graph: Graph, length: Dim): Tensor {
  const future = graph.once(`attention future ${length}`, () => {
    const places = range(dimValue(graph, length), length);
    const later = raw.greater(reshape(places, [1, length]), reshape(places, [length, 1]));
    return raw.where(later, HIDDEN, 0); // (L, L)
  });
  return bias ? raw.add(bias, future) : future;
}

/** Whether the bias broadcasts to the scores. */
function expectBias(bias: Tensor, scores: Shape): void {
  const op = "attention: bias";
  raw.expectShape(op, { ...bias, shape: raw.broadcast(op, bias, { ...bias, shape: scores }) }, scores);
}

/** L and M. */
function expectSequences(q: Tensor, k: Tensor, v: Tensor, causal: boolean): readonly [Dim, Dim] {
  const width = q.shape.at(-1);
  const [length, keys] = [q.shape.at(-2), k.shape.at(-2)];
  const fits =
    typeof width === "number" &&
    length !== undefined &&
    keys !== undefined &&
    (!causal || sameDim(length, keys)) &&
    sameDim(k.shape.at(-1)!, width);
  if (!fits) {
    const expected = `q (..., L, d) and k (..., ${causal ? "L" : "M"}, d) with d known`;
    throw shapeError("attention", expected, `${raw.describe(q)} and ${raw.describe(k)}`);
  }
  raw.expectShape("attention: v", v, [...k.shape.slice(0, -1), v.shape.at(-1)!]);
  return [length, keys];
}
