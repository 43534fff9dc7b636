/**
 * Numbers that stay from step to step: parameters, the optimizer's moments, averages.
 *
 * A whole slot is read in one buffer and written in another, which then change places. Of a slot of rows a step reads
 * some and computes those alone, and they are copied back here. ScatterND in the graph could write them too, in place
 * even (it takes 0.1 ms), but then the table is an output, and the Node binding of ONNX Runtime 1.30 copies each output
 * whole, also one that has a buffer already (https://github.com/microsoft/onnxruntime/pull/32346): of 200,000 rows of
 * 64 numbers, 4,000 written, that took 51 ms a slot. Inputs are not copied. With AdamW a whole step took 171 ms of CPU
 * where the table was a whole slot and 22 ms where it was one of rows; with 12,000 rows, 20 ms and 17 ms (medians of 20
 * interleaved steps of 25,600 positions on one thread).
 */
import * as ort from "onnxruntime-node";
import { type Parameter, shapeError, type Tensor } from "./graph.ts";
import { gather } from "./ops/raw-layout.ts";

/** What one step changes: a parameter, or those rows of it that the step uses. */
export interface Target {
  readonly parameter: Parameter;
  /** Its numbers before the step: of the parameter's shape, or (U, ...) of its rows. */
  readonly value: Tensor;
  /** Which rows: int32 or int64 (U); undefined where the whole parameter changes. */
  readonly ids: Tensor | undefined;
}

/** Numbers beside a target that a step reads and replaces, as it sees them. */
export interface State {
  /** Of the graph input that all of them come in by. */
  readonly name: string;
  /** Of all of them. */
  readonly shape: readonly number[];
  /** Which rows of them `after` is; undefined where it is all. */
  readonly ids: Tensor | undefined;
  readonly before: Tensor;
  readonly after: Tensor;
}

/** Traces how a step reads and replaces `name`, numbers of `shape` beside a target: a row for each of its rows. */
export function traceState(
  name: string,
  shape: readonly number[],
  { value, ids }: Target,
  next: (before: Tensor) => Tensor,
): State {
  const all = value.graph.input(name, "float32", shape);
  const before = ids ? gather(all, ids) : all;
  return { name, shape, ids, before, after: next(before) };
}

/** Rows by the name of the input that says which ones: integers, each once, in range. */
export type RowsByIds = ReadonlyMap<string, Int32Array>;

/** The numbers of a state or a parameter, in and out of ONNX Runtime. */
export interface Slot {
  readonly name: string;
  readonly shape: readonly number[];
  /** All of them, row-major, as of the last step. */
  readonly data: Float32Array;
  /** What a step reads. */
  readonly input: ort.Tensor;
  /** Name of the output that a step computes for it. */
  readonly output: string;
  /** Where a step writes; null where ONNX Runtime makes room. */
  readonly buffer: ort.Tensor | null;
  /** Takes over what a step computed. */
  keep(result: ort.Tensor, rows: RowsByIds): void;
}

/** A slot of `data`, which it owns from now on. */
export function openSlot({ name, shape, ids }: Omit<State, "before" | "after">, data: Float32Array): Slot {
  const output = `next.${name}`;
  let current = new ort.Tensor("float32", data, shape);
  if (ids) {
    const keep: Slot["keep"] = (result, rows) =>
      scatterRows(data, shape, rows.get(ids.name)!, floats(result));
    return { name, shape, data, input: current, output, buffer: null, keep };
  }
  let buffer = new ort.Tensor("float32", new Float32Array(data.length), shape);
  return {
    name,
    shape,
    output,
    get data() {
      return floats(current);
    },
    get input() {
      return current;
    },
    get buffer() {
      return buffer;
    },
    keep() {
      [current, buffer] = [buffer, current];
    },
  };
}

/** Row rows[i] of `table` (V, ...) becomes row i of `updates` (U, ...). */
function scatterRows(
  table: Float32Array,
  shape: readonly number[],
  rows: Int32Array,
  updates: Float32Array,
): void {
  const width = shape.slice(1).reduce((product, dim) => product * dim, 1);
  for (let i = 0, from = 0; i < rows.length; i++) {
    const end = (rows[i]! + 1) * width;
    for (let to = end - width; to < end; to++) table[to] = updates[from++]!;
  }
}

function floats({ data, type }: ort.Tensor): Float32Array {
  if (!(data instanceof Float32Array)) throw shapeError("training", "float32 numbers", type);
  return data;
}
