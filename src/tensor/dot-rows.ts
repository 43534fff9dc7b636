/** Dot products of chosen rows of a matrix with a vector: the scores of candidates that other sources found. */
import { UpnextError } from "../core/index.ts";
import { Kernels } from "./kernels.ts";

export interface DotRows {
  /** out[j] = matrix[rows[j]] · vector; 0 for rows outside the matrix. vector (k), rows (n), out (at least n). */
  dot(rows: Int32Array, vector: Float32Array, out: Float32Array): void;
}

/** Copies `matrix` (N, k), k a multiple of 4, into the kernels' memory once. */
export function dotRows(matrix: Float32Array, k: number): DotRows {
  if (k <= 0 || k % 4 !== 0 || matrix.length % k !== 0) {
    throw new UpnextError(
      "internal",
      `dotRows: expected rows of a positive multiple of 4 values, came k = ${k} for ${matrix.length} values`,
    );
  }
  const kernels = new Kernels();
  return dotRowsAt(kernels, kernels.put(matrix), matrix.length / k, k);
}

/** Over a matrix (count, k) that stands at `address` of the kernels' memory already. */
export function dotRowsAt(kernels: Kernels, address: number, count: number, k: number): DotRows {
  const vectorAt = kernels.reserve(k * 4);
  let room = 0;
  let rowsAt = 0;
  let outAt = 0;
  return {
    dot(rows, vector, out) {
      if (count === 0) {
        out.fill(0, 0, rows.length);
        return;
      }
      if (rows.length > room) {
        room = 2 * rows.length;
        rowsAt = kernels.reserve(room * 4);
        outAt = kernels.reserve(room * 4);
      }
      kernels.floats(vectorAt, k).set(vector);
      const inside = kernels.ints(rowsAt, rows.length);
      for (let j = 0; j < rows.length; j++) {
        const row = rows[j]!;
        inside[j] = row >= 0 && row < count ? row : 0;
      }
      kernels.call.dotRows(address, k * 4, rowsAt, rows.length, vectorAt, outAt);
      out.set(kernels.floats(outAt, rows.length));
      for (let j = 0; j < rows.length; j++) if (rows[j]! < 0 || rows[j]! >= count) out[j] = 0;
    },
  };
}
