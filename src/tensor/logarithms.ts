/** Logarithms of whole columns of a matrix, in WebAssembly: some nanoseconds each where `Math.log` takes tens. */
import { Kernels } from "./kernels.ts";

export interface Logarithms {
  /**
   * Replaces x in the chosen columns of a matrix (rows, width) by ln x where x > 0, to a relative 2e-7, and by -x where
   * it is not: so 0 stays 0, and a value that is known already is handed in with the other sign.
   */
  apply(matrix: Float32Array, rows: number): void;
}

/** @param chosen (width) which columns */
export function logarithmsOf(chosen: readonly boolean[]): Logarithms {
  const width = chosen.length;
  const kernels = new Kernels();
  const padded = Math.ceil(width / 4) * 4;
  const flags = kernels.put(Int32Array.from({ length: padded }, (_, c) => (chosen[c] === true ? -1 : 0)));
  const none = !chosen.includes(true);
  let room = 0;
  let address = 0;
  return {
    apply(matrix, rows) {
      const count = rows * width;
      if (count === 0 || none) return;
      if (count > room) {
        room = 2 * count;
        address = kernels.reserve(room * 4 + 16);
      }
      const inside = kernels.floats(address, count);
      inside.set(matrix);
      kernels.call.lnColumns(address, rows, width, flags);
      matrix.set(inside);
    },
  };
}
