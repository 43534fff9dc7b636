/** Element-wise operators with gradients. Operands broadcast by NumPy's rules; a number is a constant. */
import type { Tensor } from "../graph.ts";
import type { DType } from "../onnx-writer.ts";
import * as raw from "./raw.ts";
import { unbroadcast } from "./raw-layout.ts";

type Operand = raw.Operand;

/** A binary step whose gradients are `left(dy, a, b, y)` and `right(dy, a, b, y)` before un-broadcasting. */
function binary(
  op: string,
  forward: (a: Operand, b: Operand) => Tensor,
  left: (dy: Tensor, a: Tensor, b: Tensor) => Tensor,
  right: (dy: Tensor, a: Tensor, b: Tensor) => Tensor,
): (a: Operand, b: Operand) => Tensor {
  return (x, y) => {
    const [a, b] = raw.lift(op, x, y);
    return a.graph.differentiable(forward(a, b), [a, b], (dy) => [
      unbroadcast(left(dy, a, b), a.shape),
      unbroadcast(right(dy, a, b), b.shape),
    ]);
  };
}

/** A unary step whose gradient is `backward(dy, x, y)`. */
function unary(
  forward: (x: Tensor) => Tensor,
  backward: (dy: Tensor, x: Tensor, y: Tensor) => Tensor,
): (x: Tensor) => Tensor {
  return (x) => {
    const y = forward(x);
    return x.graph.differentiable(y, [x], (dy) => [backward(dy, x, y)]);
  };
}

export const add = binary(
  "add",
  raw.add,
  (dy) => dy,
  (dy) => dy,
);

export const sub = binary("sub", raw.sub, (dy) => dy, raw.neg);

export const mul = binary(
  "mul",
  raw.mul,
  (dy, _a, b) => raw.mul(dy, b),
  (dy, a) => raw.mul(dy, a),
);

export const div = binary(
  "div",
  raw.div,
  (dy, _a, b) => raw.div(dy, b),
  (dy, a, b) => raw.neg(raw.div(raw.mul(dy, a), raw.mul(b, b))),
);

/** The larger of each pair; at equality the gradient goes to the left. */
export const maximum = binary(
  "maximum",
  raw.max,
  (dy, a, b) => raw.where(raw.greaterOrEqual(a, b), dy, 0),
  (dy, a, b) => raw.where(raw.greaterOrEqual(a, b), 0, dy),
);

/** The smaller of each pair; at equality the gradient goes to the right. */
export const minimum = binary(
  "minimum",
  raw.min,
  (dy, a, b) => raw.where(raw.greaterOrEqual(a, b), 0, dy),
  (dy, a, b) => raw.where(raw.greaterOrEqual(a, b), dy, 0),
);

/** Between `low` and `high`; the gradient at both is 0. */
export function clip(x: Tensor, low: number, high: number): Tensor {
  const { graph } = x;
  const y = raw.node("Clip", [x, graph.scalar(low), graph.scalar(high)], "float32", x.shape);
  return graph.differentiable(y, [x], (dy) => [
    raw.where(raw.and(raw.greater(x, low), raw.greater(high, x)), dy, 0),
  ]);
}

export const neg = unary(raw.neg, (dy) => raw.neg(dy));
export const exp = unary(raw.exp, (dy, _x, y) => raw.mul(dy, y));
export const log = unary(raw.log, (dy, x) => raw.div(dy, x));
export const sqrt = unary(raw.sqrt, (dy, _x, y) => raw.div(raw.mul(dy, 0.5), y));
/** The gradient at 0 is 0. */
export const abs = unary(raw.abs, (dy, x) => raw.mul(dy, raw.sign(x)));
export const tanh = unary(raw.tanh, (dy, _x, y) => raw.mul(dy, raw.sub(1, raw.mul(y, y))));
export const sigmoid = unary(raw.sigmoid, (dy, _x, y) => raw.mul(dy, raw.mul(y, raw.sub(1, y))));
/** The gradient at 0 is 0. It is read off y: x is then read by nothing else, and ONNX Runtime fuses product and relu. */
export const relu = unary(raw.relu, (dy, _x, y) => raw.mul(dy, raw.cast(raw.greater(y, 0), "float32")));
/** log(1 + exp(x)), finite for all finite x. */
export const softplus = unary(
  (x) => raw.add(raw.relu(x), raw.softplus(raw.neg(raw.abs(x)))),
  (dy, x) => raw.mul(dy, raw.sigmoid(x)),
);

/** x Φ(x) with the exact normal distribution. */
export const gelu = unary(raw.gelu, (dy, x) => {
  const t = raw.mul(x, Math.SQRT1_2);
  const cumulative = raw.halfUp(raw.erf(t)); // Φ(x)
  const density = raw.exp(raw.sub(-0.5 * Math.log(2 * Math.PI), raw.mul(t, t)));
  return raw.mul(dy, raw.add(cumulative, raw.mul(x, density)));
});

/** x σ(x); in serving ONNX Runtime makes one node of the two (QuickGelu). */
export const silu = unary(
  (x) => raw.mul(x, raw.sigmoid(x)),
  // σ (1 + x (1 - σ)) = σ (1 + x - y)
  (dy, x, y) => raw.mul(raw.mul(dy, raw.sigmoid(x)), raw.add(1, raw.sub(x, y))),
);

/** x to a constant power. */
export function pow(x: Tensor, exponent: number): Tensor {
  return x.graph.differentiable(raw.pow(x, exponent), [x], (dy) => [
    raw.mul(dy, raw.mul(exponent, raw.pow(x, exponent - 1))),
  ]);
}

/** `a` where `condition` (bool) holds, else `b`. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const left = typeof a === "number" ? condition.graph.scalar(a) : a;
  const right = typeof b === "number" ? condition.graph.scalar(b) : b;
  return condition.graph.differentiable(raw.where(condition, left, right), [left, right], (dy) => [
    unbroadcast(raw.where(condition, dy, 0), left.shape),
    unbroadcast(raw.where(condition, 0, dy), right.shape),
  ]);
}

/** Another element type. No gradient flows through it: float32 to float32 is the only case that would have one. */
export function cast(x: Tensor, to: DType): Tensor {
  return raw.cast(x, to);
}

/** The same values, through which no gradient flows. */
export function stopGradient(x: Tensor): Tensor {
  return raw.node("Identity", [x], x.dtype, x.shape);
}

/** Comparisons and logic give bool and have no gradient. */
export { and, equal, greater, greaterOrEqual, not } from "./raw.ts";
