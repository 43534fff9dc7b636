/** Rows of which some columns are logarithms: taken in WebAssembly, some nanoseconds each where `Math.log` takes tens. */
import { Kernels } from "./kernels.ts";

export interface LogRows {
  /** (capacity, width) zeros, to be filled where the kernel reads them. */
  readonly rows: Float32Array;
  /**
   * Copies the first `count` rows to `out`, from number `at` on, with the chosen columns' x replaced by ln x where x > 0,
   * to a relative 2e-7, and by -x where it is not: so 0 stays 0, and a value that is known already is handed in with the
   * other sign. Then all are zeros again.
   */
  take(count: number, out: Float32Array, at: number): void;
}

/** Numbers of a piece: see the kernel. */
const PIECE = 8;

/** @param chosen (width) which columns are logarithms */
export function logRows(chosen: readonly boolean[], capacity: number): LogRows {
  const width = chosen.length;
  const kernels = new Kernels();
  const places = Int32Array.from(piecesOf(chosen));
  const pieces = kernels.put(places);
  // The kernel reads up to three numbers behind the last one.
  const address = kernels.reserve(4 * (capacity * width + 3));
  const rows = kernels.floats(address, capacity * width);
  return {
    rows,
    take(count, out, at) {
      kernels.call.lnColumns(address, count, 4 * width, pieces, places.length / PIECE);
      out.set(count === capacity ? rows : rows.subarray(0, count * width), at);
      rows.fill(0);
    },
  };
}

/** Four columns each, the first of which is chosen. */
function piecesOf(chosen: readonly boolean[]): readonly number[] {
  const pieces: number[] = [];
  for (let c = 0; c < chosen.length; c++) {
    if (chosen[c] !== true) continue;
    pieces.push(4 * c, 0, 0, 0, ...[0, 1, 2, 3].map((k) => (chosen[c + k] === true ? -1 : 0)));
    c += 3;
  }
  return pieces;
}
