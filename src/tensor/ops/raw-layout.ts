/** Primitives that move numbers, and the values of dimensions at run time. No gradients: see raw.ts. */
import {
  addDims,
  type Dim,
  multiplyDims,
  printShape,
  type Shape,
  sameDim,
  sameShape,
  sizeOf,
  subtractDims,
  termsOf,
} from "../dims.ts";
import { type Graph, shapeError, type Tensor } from "../graph.ts";
import type { OnnxGraph } from "../onnx-writer.ts";
import { cast, describe, expectType, mul, node } from "./raw.ts";

/** A dimension at run time: int64 of shape [1]. */
export function dimValue(graph: Graph, dim: Dim): Tensor {
  if (typeof dim === "number") return graph.int64s([dim]);
  return graph.once(`dim ${dim}`, () =>
    termsOf(dim)
      .map(({ names, count }) => {
        const sizes = names.map((name) => boundSize(graph, name));
        if (count !== 1 || sizes.length === 0) sizes.push(graph.int64s([count]));
        return sizes.reduce((a, b) => node("Mul", [a, b], "int64", [1]));
      })
      .reduce((a, b) => node("Add", [a, b], "int64", [1])),
  );
}

function boundSize(graph: Graph, name: string): Tensor {
  return graph.once(`bound ${name}`, () => {
    const { input, axis } = graph.whereBound(name);
    return node("Shape", [input], "int64", [1], { start: { int: axis }, end: { int: axis + 1 } });
  });
}

/** The integer part of `dim` times part / whole. */
export function fraction(graph: Graph, dim: Dim, part: number, whole: number): Dim {
  if (part === whole) return dim;
  if (typeof dim === "number") return Math.floor((dim * part) / whole);
  return namedSize(graph, `part_${part}_of_${whole}_of`, dim, () => {
    const times = node("Mul", [dimValue(graph, dim), graph.int64s([part])], "int64", [1]);
    return node("Div", [times, graph.int64s([whole])], "int64", [1]);
  });
}

/** A size that no input has, made of `dim` by `make` (int64 of shape [1]), under a name that other shapes may use. */
function namedSize(graph: Graph, label: string, dim: string, make: () => Tensor): string {
  const words = dim.replaceAll("+", "_plus_").replaceAll("-", "_minus_").replaceAll("*", "_times_");
  const name = `${label}_${words}`;
  graph.once(`bound ${name}`, make);
  return name;
}

/** The number of elements of a shape as a float32 tensor of shape []. */
export function sizeValue(graph: Graph, shape: Shape): Tensor {
  const size = sizeOf(shape);
  if (typeof size === "number") return graph.scalar(size);
  return graph.once(`size ${size}`, () => cast(reshape(dimValue(graph, size), []), "float32"));
}

/** A shape at run time: int64 of one axis. */
function shapeValue(graph: Graph, shape: Shape): Tensor {
  if (shape.every((dim) => typeof dim === "number")) return graph.int64s(shape);
  return graph.once(`shape ${shape}`, () =>
    node(
      "Concat",
      shape.map((dim) => dimValue(graph, dim)),
      "int64",
      [shape.length],
      { axis: { int: 0 } },
    ),
  );
}

/** 0, 1, .. count - 1 for `count` int64 of shape [1]: int64 of shape [size]. */
export function range(count: Tensor, size: Dim): Tensor {
  const one = (value: number): Tensor => reshape(count.graph.int64s([value]), []);
  return node("Range", [one(0), reshape(count, []), one(1)], "int64", [size]);
}

/** An axis from 0 on for one that may count from the end. */
export function axisOf(op: string, x: Tensor, axis: number): number {
  const positive = axis < 0 ? axis + x.shape.length : axis;
  if (!Number.isInteger(positive) || positive < 0 || positive >= x.shape.length) {
    throw shapeError(op, `an axis of ${printShape(x.shape)}`, `${axis}`);
  }
  return positive;
}

/** The same numbers, row-major, under another shape. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  if (!sameDim(sizeOf(x.shape), sizeOf(shape))) {
    throw shapeError("Reshape", `a shape of ${sizeOf(x.shape)} values as ${describe(x)}`, printShape(shape));
  }
  // ONNX reads 0 as "the input's size on this axis" and one -1 as "the rest", which covers almost every reshape
  // without computing sizes at run time. A true 0 among the sizes needs the long way.
  const zero = shape.some((dim) => dim === 0);
  const spec = shape.map((dim, axis) => {
    if (typeof dim === "number") return dim;
    return axis < x.shape.length && sameDim(dim, x.shape[axis]!) ? 0 : -1;
  });
  const open = spec.filter((value) => value === -1).length;
  const target = !zero && open <= 1 ? x.graph.int64s(spec) : shapeValue(x.graph, shape);
  return node("Reshape", [x, target], x.dtype, shape, zero ? { allowzero: { int: 1 } } : {});
}

export function transpose(x: Tensor, order: readonly number[]): Tensor {
  const sorted = [...order].sort((a, b) => a - b);
  if (order.length !== x.shape.length || sorted.some((axis, i) => axis !== i)) {
    throw shapeError("Transpose", `an order of the ${x.shape.length} axes of ${describe(x)}`, `[${order}]`);
  }
  const shape = order.map((axis) => x.shape[axis]!);
  // Where only axes of size 1 move, the numbers stay where they are.
  const moving = order.filter((axis) => x.shape[axis] !== 1);
  if (moving.every((axis, i) => i === 0 || axis > moving[i - 1]!)) return reshape(x, shape);
  return node("Transpose", [x], x.dtype, shape, { perm: { ints: order } });
}

export function concat(parts: readonly Tensor[], axis: number): Tensor {
  const first = parts[0];
  if (!first) throw shapeError("Concat", "one tensor at least", "none");
  const along = axisOf("Concat", first, axis);
  for (const part of parts) {
    const fits =
      part.dtype === first.dtype &&
      part.shape.length === first.shape.length &&
      part.shape.every((dim, i) => i === along || sameDim(dim, first.shape[i]!));
    if (!fits) {
      throw shapeError(
        "Concat",
        `${first.dtype} ${printShape(first.shape)} apart from axis ${along}`,
        `${part.dtype} ${describe(part)}`,
      );
    }
  }
  if (parts.length === 1) return first;
  const size = parts.map((part) => part.shape[along]!).reduce(addDims);
  const shape = first.shape.map((dim, i) => (i === along ? size : dim));
  return node("Concat", parts, first.dtype, shape, { axis: { int: along } });
}

/** Elements start .. end of an axis. */
export function slice(x: Tensor, axis: number, start: Dim, end: Dim): Tensor {
  const along = axisOf("Slice", x, axis);
  const size = x.shape[along]!;
  const bounds = [start, end].map((dim) => (typeof dim === "number" ? dim : undefined));
  const ordered = bounds[0] === undefined || bounds[1] === undefined || bounds[0] <= bounds[1];
  const inside = bounds.every((n) => n === undefined || (n >= 0 && (typeof size !== "number" || n <= size)));
  if (!ordered || !inside) throw shapeError("Slice", `0 <= start <= end <= ${size}`, `${start} .. ${end}`);
  if (sameDim(start, 0) && sameDim(end, size)) return x;
  const shape = x.shape.map((dim, i) => (i === along ? subtractDims(end, start) : dim));
  const graph = x.graph;
  return node(
    "Slice",
    [x, dimValue(graph, start), dimValue(graph, end), graph.int64s([along])],
    x.dtype,
    shape,
  );
}

/** Zeros before and after the elements of an axis. */
export function pad(x: Tensor, axis: number, before: Dim, after: Dim): Tensor {
  const along = axisOf("Pad", x, axis);
  const graph = x.graph;
  const size = addDims(addDims(before, x.shape[along]!), after);
  const shape = x.shape.map((dim, i) => (i === along ? size : dim));
  const pads = shapeValue(graph, [before, after]);
  return node("Pad", [x, pads, undefined, graph.int64s([along])], x.dtype, shape);
}

/** Repeats axes of size 1. */
export function expand(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  return node("Expand", [x, shapeValue(x.graph, shape)], x.dtype, shape);
}

/** Rows of `table` (V, ...) by `ids` (...), each 0 <= id < V: (ids..., ...). */
export function gather(table: Tensor, ids: Tensor): Tensor {
  expectType("Gather", ids, "int32", "int64");
  if (table.shape.length === 0) throw shapeError("Gather", "a table with rows", describe(table));
  return node("Gather", [table, ids], table.dtype, [...ids.shape, ...table.shape.slice(1)], {
    axis: { int: 0 },
  });
}

/**
 * Zeros of `shape` (V, ...) to which `updates` (M, ...) are added at rows `ids` (M); repeated ids add up.
 *
 * ONNX Runtime's ScatterND adds rows from several threads at once and loses some of them where ids repeat
 * (https://github.com/microsoft/onnxruntime/issues/18048; seen here with 1.30). ScatterElements runs on one thread and
 * is right, but takes thirty times as long. So in graphs that may run on several threads ScatterND gets the updates in
 * chunks that are too small for it to share out, one after another in a Scan. Adding 25,600 rows of width 64 to 3,417
 * took 0.7 ms of CPU time with ScatterND on one thread, 1.9 with chunks, 20.8 with ScatterElements (medians of 11).
 */
export function scatterAdd(shape: Shape, ids: Tensor, updates: Tensor): Tensor {
  const graph = updates.graph;
  const zeros = graph.once(`zeros ${shape}`, () => expand(graph.scalar(0), shape));
  const count = ids.shape[0]!;
  const rows = cast(reshape(ids, [count, 1]), "int64");
  const width = sizeOf(shape.slice(1));
  const chunk = typeof width === "number" ? Math.max(1, Math.floor(UNSHARED / width)) : 1;
  if (graph.oneThread || (typeof count === "number" && count <= chunk)) {
    return node("ScatterND", [zeros, rows, updates], updates.dtype, shape, ADD);
  }
  const chunks = wholesIn(graph, count, chunk);
  const missing = subtractDims(multiplyDims(chunks, chunk), count);
  // What fills the last chunk adds 0 to row 0.
  const cut = (x: Tensor): Tensor => reshape(pad(x, 0, 0, missing), [chunks, chunk, ...x.shape.slice(1)]);
  return node("Scan", [zeros, cut(rows), cut(updates)], updates.dtype, shape, {
    body: { graph: addRows(shape, updates, chunk) },
    num_scan_inputs: { int: 2 },
  });
}

/** Floats that ScatterND adds on one thread: its threads share what costs 210,000 or more, at 4 a float. */
const UNSHARED = 50_000;
const ADD = { reduction: { string: "add" } } as const;

/** The step of a Scan over chunks of rows: a table, ids and updates in, the table with the updates out. */
function addRows(shape: Shape, updates: Tensor, chunk: number): OnnxGraph {
  const dtype = updates.dtype;
  const names = { table: "scan.table", ids: "scan.ids", updates: "scan.updates", sum: "scan.sum" };
  return {
    name: "addRows",
    nodes: [
      {
        op: "ScatterND",
        domain: "",
        inputs: [names.table, names.ids, names.updates],
        outputs: [names.sum],
        attributes: ADD,
      },
    ],
    inputs: [
      { name: names.table, dtype, shape },
      { name: names.ids, dtype: "int64", shape: [chunk, 1] },
      { name: names.updates, dtype, shape: [chunk, ...updates.shape.slice(1)] },
    ],
    outputs: [{ name: names.sum, dtype, shape }],
    initializers: [],
  };
}

/** How many chunks of `size` hold `dim` and one more: at least 1. */
function wholesIn(graph: Graph, dim: Dim, size: number): Dim {
  if (typeof dim === "number") return Math.floor(dim / size) + 1;
  return namedSize(graph, `chunks_of_${size}_in`, dim, () => {
    const wholes = node("Div", [dimValue(graph, dim), graph.int64s([size])], "int64", [1]);
    return node("Add", [wholes, graph.int64s([1])], "int64", [1]);
  });
}

type Reduction = "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceSumSquare";

/** Over `axes` (all of them where left out); a kept axis has size 1. */
export function reduce(op: Reduction, x: Tensor, axes?: readonly number[], keep = false): Tensor {
  expectType(op, x, "float32");
  const over = axesOf(op, x, axes);
  if (over.length === 0) return op === "ReduceSumSquare" ? mul(x, x) : x;
  const shape = x.shape.flatMap((dim, axis): Dim[] => (over.includes(axis) ? (keep ? [1] : []) : [dim]));
  return node(op, [x, x.graph.int64s(over)], x.dtype, shape, { keepdims: { int: keep ? 1 : 0 } });
}

export function axesOf(op: string, x: Tensor, axes?: readonly number[]): readonly number[] {
  const over = (axes ?? x.shape.map((_, axis) => axis)).map((axis) => axisOf(op, x, axis));
  if (new Set(over).size !== over.length) throw shapeError(op, "distinct axes", `[${axes}]`);
  return over.sort((a, b) => a - b);
}

/** The gradient of a broadcast: sums over the axes on which `shape` was repeated. */
export function unbroadcast(gradient: Tensor, shape: Shape): Tensor {
  if (sameShape(gradient.shape, shape)) return gradient;
  const extra = gradient.shape.length - shape.length;
  const axes = gradient.shape.flatMap((dim, axis) =>
    axis < extra || (shape[axis - extra] === 1 && dim !== 1) ? [axis] : [],
  );
  return reshape(reduce("ReduceSum", gradient, axes, true), shape);
}
