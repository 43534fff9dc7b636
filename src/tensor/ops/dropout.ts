/**
 * Dropout (Srivastava et al. 2014): in training graphs only; the same model traced for serving has none.
 *
 * ONNX Runtime's random generators run on one thread and keep their state in the session, so that a resumed training
 * would drop something else. Here the masks are rows of a constant table, drawn once, and each row of x reads one of
 * them: which one is a hash, computed in the graph, of the row's number, the place in the model and a key that is fed
 * at each step. On 64 * 200 rows of width 64, forwards and backwards, one place takes 1.2 ms and each further one
 * 0.7 ms; with RandomUniformLike each took 4.1 ms (medians of 31 interleaved runs on one thread).
 */
import { Random } from "../../core/index.ts";
import { type Dim, sizeOf } from "../dims.ts";
import { type Graph, shapeError, type Tensor } from "../graph.ts";
import * as raw from "./raw.ts";
import { dimValue, gather, range, reshape, slice } from "./raw-layout.ts";

/** The graph input, int64 of shape [] and in [0, 2^30), that chooses all masks of a step. */
export const DROPOUT_KEY = "dropout.key";

/** Rows of the table of masks. At width 64 it has 1 MB, which stays in a core's cache. */
const MASKS = 4096;
/** Columns of the table where the width of x is known at run time only. */
const CHUNK = 64;
/** The hash computes modulo the Mersenne prime 2^31 - 1: products of two residues fit int64. */
const PRIME = 2 ** 31 - 1;

/**
 * Sets a share `rate` of the elements to 0 and scales the others by 1 / (1 - rate). `place` tells the places of a model
 * apart: give each its own number. Equal keys give equal masks.
 */
export function dropout(x: Tensor, rate: number, place: number): Tensor {
  if (!(rate >= 0 && rate < 1)) throw shapeError("dropout", "a rate of 0 .. 1 without 1", `${rate}`);
  if (!x.graph.training || rate === 0) return x;
  const mask = maskFor(x, rate, place);
  return x.graph.differentiable(raw.mul(x, mask), [x], (dy) => [raw.mul(dy, mask)]);
}

/** 0 or 1 / (1 - rate), of the shape of x. */
function maskFor(x: Tensor, rate: number, place: number): Tensor {
  const { graph } = x;
  const width = x.shape.at(-1);
  if (typeof width === "number") {
    const rows = sizeOf(x.shape.slice(0, -1));
    const ids = maskIds(dimValue(graph, rows), rows, place);
    return reshape(gather(table(graph, width, rate), ids), x.shape);
  }
  const size = sizeOf(x.shape);
  const chunks = graph.once(`dropout chunks ${size}`, () =>
    raw.div(raw.add(dimValue(graph, size), graph.int64s([CHUNK - 1])), graph.int64s([CHUNK])),
  );
  const ids = maskIds(chunks, "chunks", place);
  const flat = reshape(gather(table(graph, CHUNK, rate), ids), [`${CHUNK}*chunks`]);
  return reshape(slice(flat, 0, 0, size), x.shape);
}

/** (MASKS, width), the same in every graph. */
function table(graph: Graph, width: number, rate: number): Tensor {
  return graph.once(`dropout table ${width} ${rate}`, () => {
    const random = new Random(`dropout ${width} ${rate}`);
    const kept = 1 / (1 - rate);
    const masks = Float32Array.from({ length: MASKS * width }, () => (random.next() < rate ? 0 : kept));
    return graph.constant(masks, [MASKS, width]);
  });
}

/** Rows of the table for `count` (int64, [1]) rows of x: int64 [size], 0 <= id < MASKS. */
function maskIds(count: Tensor, size: Dim, place: number): Tensor {
  const { graph } = count;
  const of = (value: number): Tensor => graph.int64s([value]);
  const hash = graph.once(`dropout hash ${count.name}`, () => {
    const key = graph.once(DROPOUT_KEY, () => graph.input(DROPOUT_KEY, "int64", []));
    const start = raw.mod(raw.mul(key, of(0x3779b97f)), of(PRIME)); // steps that follow each other start far apart
    const first = raw.add(range(count, size), start); // (size)
    const squared = raw.mod(raw.mul(first, first), of(PRIME));
    const second = raw.add(squared, of(0x1234567));
    return raw.mod(raw.mul(second, second), of(PRIME));
  });
  const factor = new Random(`dropout place ${place}`).uint32() >>> 2;
  return raw.mod(raw.mod(raw.mul(hash, of(factor)), of(PRIME)), of(MASKS));
}
