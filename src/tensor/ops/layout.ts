/** Operators that move numbers, with gradients. A size may be a name or an expression of names, see dims.ts. */
import { addDims, type Dim, multiplyDims, type Shape, subtractDims } from "../dims.ts";
import { shapeError, type Tensor } from "../graph.ts";
import { describe } from "./raw.ts";
import * as raw from "./raw-layout.ts";

/** The same numbers, row-major, under another shape of the same size. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  return x.graph.differentiable(raw.reshape(x, shape), [x], (dy) => [raw.reshape(dy, x.shape)]);
}

/** Axis i of the result is axis order[i] of x. */
export function transpose(x: Tensor, order: readonly number[]): Tensor {
  const back = order.map((_, axis) => order.indexOf(axis));
  return x.graph.differentiable(raw.transpose(x, order), [x], (dy) => [raw.transpose(dy, back)]);
}

/** Tensors one after another along `axis`. */
export function concat(parts: readonly Tensor[], axis: number): Tensor {
  const joined = raw.concat(parts, axis);
  return joined.graph.differentiable(joined, parts, (dy) => {
    let start: Dim = 0;
    return parts.map((part) => {
      const end: Dim = addDims(start, part.shape.at(axis)!);
      const piece = raw.slice(dy, axis, start, end);
      start = end;
      return piece;
    });
  });
}

/** Elements start .. end of an axis; both may be sizes by name, as in slice(x, 1, "L", "L+C"). */
export function slice(x: Tensor, axis: number, start: Dim, end: Dim): Tensor {
  return x.graph.differentiable(raw.slice(x, axis, start, end), [x], (dy) => [
    raw.pad(dy, axis, start, subtractDims(x.shape.at(axis)!, end)),
  ]);
}

/** Repeats axes of size 1, and adds axes in front. */
export function expand(x: Tensor, shape: Shape): Tensor {
  return x.graph.differentiable(raw.expand(x, shape), [x], (dy) => [raw.unbroadcast(dy, x.shape)]);
}

/**
 * Rows of a table by id: (V, ...) and ids (...) int32 or int64, 0 <= id < V, give (ids..., ...).
 * The gradient is dense: (V, ...), rows that were read several times add up.
 */
export function gather(table: Tensor, ids: Tensor): Tensor {
  return table.graph.differentiable(raw.gather(table, ids), [table], (dy) => {
    const count = ids.shape.reduce(multiplyDims, 1);
    const rows = raw.reshape(dy, [count, ...table.shape.slice(1)]);
    return [raw.scatterAdd(table.shape, raw.reshape(ids, [count]), rows)];
  });
}

/** Without an axis of size 1. */
export function squeeze(x: Tensor, axis: number): Tensor {
  const along = raw.axisOf("squeeze", x, axis);
  if (x.shape[along] !== 1) throw shapeError("squeeze", `size 1 on axis ${axis}`, describe(x));
  return reshape(
    x,
    x.shape.filter((_, i) => i !== along),
  );
}

/** With a new axis of size 1 at `axis`, 0 <= axis <= rank. */
export function unsqueeze(x: Tensor, axis: number): Tensor {
  if (!(axis >= 0 && axis <= x.shape.length)) {
    throw shapeError("unsqueeze", `an axis of 0 .. ${x.shape.length}`, `${axis}`);
  }
  return reshape(x, [...x.shape.slice(0, axis), 1, ...x.shape.slice(axis)]);
}
