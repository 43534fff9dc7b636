/** Rows in the order of their scores: a radix sort of the bits of float32, linear and stable. */
import { UpnextError } from "../core/index.ts";

const BITS = 11;
const BUCKETS = 1 << BITS;
const PASSES = 3;

/**
 * (N) rows by ascending score, rows of equal score in their own order. Throws `internal` where a score is NaN: no
 * metric of it would mean anything.
 *
 * @param scores (N)
 */
export function ascendingOrder(scores: Float32Array): Int32Array {
  const n = scores.length;
  let keys = sortableBits(scores);
  let rows = Int32Array.from({ length: n }, (_, row) => row);
  let nextKeys = new Uint32Array(n);
  let nextRows = new Int32Array(n);
  const starts = new Uint32Array(BUCKETS);
  for (let pass = 0; pass < PASSES; pass++) {
    const shift = pass * BITS;
    starts.fill(0);
    for (let i = 0; i < n; i++) starts[(keys[i]! >>> shift) & (BUCKETS - 1)]!++;
    for (let bucket = 0, sum = 0; bucket < BUCKETS; bucket++) {
      const size = starts[bucket]!;
      starts[bucket] = sum;
      sum += size;
    }
    for (let i = 0; i < n; i++) {
      const key = keys[i]!;
      const to = starts[(key >>> shift) & (BUCKETS - 1)]!++;
      nextKeys[to] = key;
      nextRows[to] = rows[i]!;
    }
    [keys, nextKeys] = [nextKeys, keys];
    [rows, nextRows] = [nextRows, rows];
  }
  return rows;
}

/** (N) unsigned integers that have the order of the scores: negative ones are inverted, others get the sign bit. */
function sortableBits(scores: Float32Array): Uint32Array<ArrayBuffer> {
  const keys = new Uint32Array(scores.length);
  const asFloat = new Float32Array(keys.buffer);
  for (let i = 0; i < keys.length; i++) {
    const score = scores[i]!;
    if (Number.isNaN(score))
      throw new UpnextError(
        "internal",
        `evaluation: expected a score in row ${i}, got NaN. Retrain the ranker`,
      );
    asFloat[i] = score;
    const bits = keys[i]!;
    keys[i] = bits >>> 31 === 1 ? ~bits : bits | 0x80000000;
  }
  return keys;
}
