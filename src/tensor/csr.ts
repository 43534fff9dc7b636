/** Sparse interactions as rows of entries (CSR), and the turn from users to items that ALS needs. */
import { UpnextError } from "../core/index.ts";

export interface Csr {
  /** (rows + 1) row r owns the entries offsets[r] .. offsets[r + 1]. */
  readonly offsets: Int32Array;
  /** (E) column of each entry. */
  readonly items: Int32Array;
  /** (E) value of each entry. */
  readonly weights: Float32Array;
}

/** Columns become rows; a new row's entries are in the order of the old rows. A counting sort. */
export function transpose({ offsets, items, weights }: Csr, columns: number): Csr {
  const entries = offsets[offsets.length - 1]!;
  const outOffsets = new Int32Array(columns + 1);
  for (let e = 0; e < entries; e++) {
    const column = items[e]!;
    if (!(column >= 0 && column < columns)) {
      throw new UpnextError(
        "internal",
        `sparse matrix: entry ${e} expected a column of 0 .. ${columns - 1}, came ${column}`,
      );
    }
    outOffsets[column + 1]!++;
  }
  for (let c = 0; c < columns; c++) outOffsets[c + 1]! += outOffsets[c];
  const next = outOffsets.slice(0, columns);
  const outItems = new Int32Array(entries);
  const outWeights = new Float32Array(entries);
  for (let row = 0; row + 1 < offsets.length; row++) {
    for (let e = offsets[row]!; e < offsets[row + 1]!; e++) {
      const at = next[items[e]!]!++;
      outItems[at] = row;
      outWeights[at] = weights[e]!;
    }
  }
  return { offsets: outOffsets, items: outItems, weights: outWeights };
}

/** Adds up neighbouring entries of the same row and column: after `transpose` these are all the repeated ones. */
export function merge({ offsets, items, weights }: Csr): Csr {
  const outOffsets = new Int32Array(offsets.length);
  const outItems = new Int32Array(items.length);
  const outWeights = new Float32Array(items.length);
  let n = 0;
  for (let row = 0; row + 1 < offsets.length; row++) {
    const start = n;
    for (let e = offsets[row]!; e < offsets[row + 1]!; e++) {
      if (n > start && outItems[n - 1] === items[e]) {
        outWeights[n - 1]! += weights[e];
      } else {
        outItems[n] = items[e]!;
        outWeights[n] = weights[e]!;
        n++;
      }
    }
    outOffsets[row + 1] = n;
  }
  return { offsets: outOffsets, items: outItems.subarray(0, n), weights: outWeights.subarray(0, n) };
}
