/**
 * Element-wise primitives without gradients: one ONNX node each, operands checked. Gradients are written in these (and
 * in raw-layout.ts, raw-matrix.ts), so that the gradient of a step is itself not differentiated.
 */
import { type Dim, printShape, type Shape, sameShape } from "../dims.ts";
import { type Graph, shapeError, type Tensor } from "../graph.ts";
import { type Attribute, type DType, ELEMENT } from "../onnx-writer.ts";

/** A tensor, or a number that stands for a float32 constant of shape []. */
export type Operand = Tensor | number;

/** One node with one output. */
export function node(
  op: string,
  inputs: readonly (Tensor | undefined)[],
  dtype: DType,
  shape: Shape,
  attributes?: Readonly<Record<string, Attribute>>,
  domain?: string,
): Tensor {
  return graphOf(op, inputs).emit(op, inputs, [{ dtype, shape }], attributes, domain)[0]!;
}

function graphOf(op: string, operands: readonly (Operand | undefined)[]): Graph {
  for (const operand of operands) if (typeof operand === "object") return operand.graph;
  throw shapeError(op, "a traced tensor among the operands", "numbers alone");
}

/** Numbers become constants of the graph that the other operand belongs to. */
export function lift(op: string, a: Operand, b: Operand): readonly [Tensor, Tensor] {
  const graph = graphOf(op, [a, b]);
  return [typeof a === "number" ? graph.scalar(a) : a, typeof b === "number" ? graph.scalar(b) : b];
}

export function expectType(op: string, tensor: Tensor, ...dtypes: readonly DType[]): void {
  if (!dtypes.includes(tensor.dtype))
    throw shapeError(op, dtypes.join(" or "), `${tensor.dtype} ${describe(tensor)}`);
}

export function describe(tensor: Tensor): string {
  return `"${tensor.name}" ${printShape(tensor.shape)}`;
}

/** The shape of an element-wise result, by NumPy's rules. */
export function broadcast(op: string, a: Tensor, b: Tensor): Shape {
  const rank = Math.max(a.shape.length, b.shape.length);
  return Array.from({ length: rank }, (_, axis): Dim => {
    const left = a.shape[axis - rank + a.shape.length] ?? 1;
    const right = b.shape[axis - rank + b.shape.length] ?? 1;
    if (left === right || right === 1) return left;
    if (left === 1) return right;
    throw shapeError(op, "shapes that broadcast", `${printShape(a.shape)} and ${printShape(b.shape)}`);
  });
}

function binary(op: string, left: Operand, right: Operand, result?: DType): Tensor {
  const [a, b] = lift(op, left, right);
  if (a.dtype !== b.dtype) throw shapeError(op, "operands of one type", `${a.dtype} and ${b.dtype}`);
  return node(op, [a, b], result ?? a.dtype, broadcast(op, a, b));
}

function unary(op: string, x: Tensor): Tensor {
  expectType(op, x, "float32");
  return node(op, [x], "float32", x.shape);
}

export const add = (a: Operand, b: Operand): Tensor => binary("Add", a, b);
export const sub = (a: Operand, b: Operand): Tensor => binary("Sub", a, b);
export const mul = (a: Operand, b: Operand): Tensor => binary("Mul", a, b);
export const div = (a: Operand, b: Operand): Tensor => binary("Div", a, b);
/** The remainder of integers, of the divisor's sign. */
export const mod = (a: Operand, b: Operand): Tensor => binary("Mod", a, b);
export const pow = (a: Operand, b: Operand): Tensor => binary("Pow", a, b);
export const greater = (a: Operand, b: Operand): Tensor => binary("Greater", a, b, "bool");
export const greaterOrEqual = (a: Operand, b: Operand): Tensor => binary("GreaterOrEqual", a, b, "bool");
export const equal = (a: Operand, b: Operand): Tensor => binary("Equal", a, b, "bool");

export function max(left: Operand, right: Operand): Tensor {
  return binary("Max", left, right);
}

export function min(left: Operand, right: Operand): Tensor {
  return binary("Min", left, right);
}

export function and(a: Tensor, b: Tensor): Tensor {
  expectType("And", a, "bool");
  return binary("And", a, b);
}

export function not(a: Tensor): Tensor {
  expectType("Not", a, "bool");
  return node("Not", [a], "bool", a.shape);
}

export const neg = (x: Tensor): Tensor => unary("Neg", x);
export const exp = (x: Tensor): Tensor => unary("Exp", x);
export const log = (x: Tensor): Tensor => unary("Log", x);
export const sqrt = (x: Tensor): Tensor => unary("Sqrt", x);
export const tanh = (x: Tensor): Tensor => unary("Tanh", x);
export const sigmoid = (x: Tensor): Tensor => unary("Sigmoid", x);
export const relu = (x: Tensor): Tensor => unary("Relu", x);
export const softplus = (x: Tensor): Tensor => unary("Softplus", x);
export const abs = (x: Tensor): Tensor => unary("Abs", x);
export const sign = (x: Tensor): Tensor => unary("Sign", x);
export const erf = (x: Tensor): Tensor => unary("Erf", x);
export const gelu = (x: Tensor): Tensor => unary("Gelu", x);

/** (1 + x) / 2 for x in [-1, 1], in one pass. */
export function halfUp(x: Tensor): Tensor {
  expectType("HardSigmoid", x, "float32");
  return node("HardSigmoid", [x], "float32", x.shape, { alpha: { float: 0.5 }, beta: { float: 0.5 } });
}

export function cast(x: Tensor, to: DType): Tensor {
  return x.dtype === to ? x : node("Cast", [x], to, x.shape, { to: { int: ELEMENT[to] } });
}

/** `a` where `condition` holds, else `b`; all three broadcast. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  expectType("Where", condition, "bool");
  const graph = condition.graph;
  const left = typeof a === "number" ? graph.scalar(a) : a;
  const right = typeof b === "number" ? graph.scalar(b) : b;
  if (left.dtype !== right.dtype) {
    throw shapeError("Where", "branches of one type", `${left.dtype} and ${right.dtype}`);
  }
  const shape = broadcast("Where", condition, { ...left, shape: broadcast("Where", left, right) });
  return node("Where", [condition, left, right], left.dtype, shape);
}

/** Checks that a gradient or a target has the shape of what it belongs to. */
export function expectShape(op: string, tensor: Tensor, shape: Shape): void {
  if (!sameShape(tensor.shape, shape)) throw shapeError(op, printShape(shape), describe(tensor));
}
