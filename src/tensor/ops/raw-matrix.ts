/** The matrix product as a primitive: the ONNX operator that needs no transposed copy of an operand. */
import { type Dim, printShape, type Shape, sameDim, sameShape } from "../dims.ts";
import { shapeError, type Tensor } from "../graph.ts";
import { broadcast, describe, expectType, node } from "./raw.ts";

export interface MatmulOptions {
  /** Use the last two axes of the left operand the other way round. */
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** The product is multiplied by this. */
  readonly scale?: number;
}

/** (..., M, K) × (..., K, N) = (..., M, N); axes before the last two broadcast. */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false, scale = 1 } = options;
  for (const operand of [a, b]) {
    expectType("MatMul", operand, "float32");
    if (operand.shape.length < 2) throw shapeError("MatMul", "two axes at least", describe(operand));
  }
  const [m, k] = lastTwo(a.shape, transposeA);
  const [k2, n] = lastTwo(b.shape, transposeB);
  if (!sameDim(k, k2)) {
    const [left, right] = [transposeA ? "ᵀ" : "", transposeB ? "ᵀ" : ""];
    throw shapeError(
      "MatMul",
      "the left's columns to be the right's rows",
      `${printShape(a.shape)}${left} and ${printShape(b.shape)}${right}`,
    );
  }
  const batch = broadcast(
    "MatMul",
    { ...a, shape: a.shape.slice(0, -2) },
    { ...b, shape: b.shape.slice(0, -2) },
  );
  const shape = [...batch, m, n];
  const flags = { transA: { int: transposeA ? 1 : 0 }, transB: { int: transposeB ? 1 : 0 } };
  if (!transposeA && !transposeB && scale === 1) return node("MatMul", [a, b], "float32", shape);
  // Gemm is standard ONNX but knows matrices only; FusedMatMul is ONNX Runtime's.
  if (shape.length === 2)
    return node("Gemm", [a, b], "float32", shape, { ...flags, alpha: { float: scale } });
  return node(
    "FusedMatMul",
    [a, b],
    "float32",
    shape,
    { ...flags, alpha: { float: scale } },
    "com.microsoft",
  );
}

/** a b + beta c of matrices in one node; c broadcasts to the product, and `scale` multiplies a b only. */
export function gemm(a: Tensor, b: Tensor, c: Tensor, beta: number, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false, scale = 1 } = options;
  const [m, k] = lastTwo(a.shape, transposeA);
  const [k2, n] = lastTwo(b.shape, transposeB);
  const shape = [m, n];
  const fits = a.shape.length === 2 && b.shape.length === 2 && sameDim(k, k2);
  if (!fits || !sameShape(broadcast("Gemm", c, { ...a, shape }), shape)) {
    throw shapeError(
      "Gemm",
      "matrices that multiply, and what adds to them",
      [a, b, c].map(describe).join(", "),
    );
  }
  return node("Gemm", [a, b, c], "float32", shape, {
    transA: { int: transposeA ? 1 : 0 },
    transB: { int: transposeB ? 1 : 0 },
    alpha: { float: scale },
    beta: { float: beta },
  });
}

function lastTwo(shape: Shape, swapped: boolean): readonly [Dim, Dim] {
  const [row, column] = [shape.at(-2)!, shape.at(-1)!];
  return swapped ? [column, row] : [row, column];
}
