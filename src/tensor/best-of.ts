/**
 * The k best of scores that lie in an array, by a kernel (assembly/best.ts): O(n + k) where a heap takes O(n log k).
 */
import { Kernels } from "./kernels.ts";

export interface Selected {
  /** (n <= k) rows, best first; equal scores by lower row. */
  readonly rows: Int32Array;
  /** (n) */
  readonly scores: Float32Array;
}

/** Bytes of the kernel's counters. */
export const COUNTERS = 4096 * 4;

/** Where rows and scores stand for the kernel; shared by all requests, since nothing in here waits. */
class Room {
  /** (capacity) */
  rows: Int32Array = new Int32Array(0);
  scores: Float32Array = new Float32Array(0);
  private kernels = new Kernels();
  private counters = this.kernels.reserve(COUNTERS);
  private pairs = 0;
  private others = 0;

  reserve(n: number): void {
    if (this.rows.length >= n) return;
    const capacity = 2 * n;
    this.kernels = new Kernels();
    const { kernels } = this;
    this.counters = kernels.reserve(COUNTERS);
    this.pairs = kernels.reserve(capacity * 8);
    this.others = kernels.reserve(capacity * 8);
    const rows = kernels.reserve(capacity * 4);
    const scores = kernels.reserve(capacity * 4);
    this.rows = kernels.ints(rows, capacity);
    this.scores = kernels.floats(scores, capacity);
  }

  /** Of the first `n` that were filled in. */
  select(n: number, k: number): Selected {
    const { rows, scores, pairs, others, counters } = this;
    this.kernels.call.selectBest(rows.byteOffset, scores.byteOffset, n, k, pairs, others, counters);
    const m = Math.min(n, k);
    return { rows: rows.slice(0, m), scores: scores.slice(0, m) };
  }
}

let room: Room | undefined;

/**
 * The k best of the first `n` scores, best first, equal scores by lower row.
 *
 * @param rows (n) without repeats
 * @param scores (n) no NaN, no -0
 */
export function bestOf(rows: Int32Array, scores: Float32Array, n: number, k: number): Selected {
  room ??= new Room();
  room.reserve(n);
  room.rows.set(rows.subarray(0, n));
  room.scores.set(scores.subarray(0, n));
  return room.select(n, k);
}

/** Orders by row what has one score. */
export function orderTies(scores: ArrayLike<number>, rows: Int32Array, n: number): void {
  for (let from = 0; from < n; ) {
    let to = from + 1;
    let ordered = true;
    for (; to < n && scores[to] === scores[from]; to++) if (rows[to]! < rows[to - 1]!) ordered = false;
    if (!ordered) rows.subarray(from, to).sort();
    from = to;
  }
}
