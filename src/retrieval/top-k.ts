/** Selection of the k best of n scores with a bounded min-heap: O(n log k), no allocation beside the result. */

import type { Selected } from "../tensor/index.ts";

/** Collects (row, score) pairs and keeps the k best. Reusable: `take` empties it. */
export class TopK {
  private readonly k: number;
  private readonly heapRows: Int32Array;
  private readonly heapScores: Float32Array;
  private size = 0;
  /** Score of the worst that is kept, once `k` are; pushing a lower one changes nothing. */
  floor = Number.NEGATIVE_INFINITY;

  constructor(k: number) {
    this.k = k;
    this.heapRows = new Int32Array(k);
    this.heapScores = new Float32Array(k);
  }

  push(row: number, value: number): void {
    // Compared as they are stored, or two scores that are equal in 32 bits would not be ordered by row.
    const score = Math.fround(value);
    if (this.size === this.k && !(score >= this.floor)) return;
    const rows = this.heapRows;
    const scores = this.heapScores;
    if (this.size < this.k) {
      let i = this.size++;
      while (i > 0) {
        const parent = (i - 1) >> 1;
        if (!worse(score, row, scores[parent]!, rows[parent]!)) break;
        scores[i] = scores[parent]!;
        rows[i] = rows[parent]!;
        i = parent;
      }
      scores[i] = score;
      rows[i] = row;
      if (this.size === this.k) this.floor = scores[0]!;
    } else if (this.k > 0 && worse(scores[0]!, rows[0]!, score, row)) {
      this.sinkFromRoot(row, score);
      this.floor = scores[0]!;
    }
  }

  /** The best, in order; leaves the heap empty. */
  take(): Selected {
    const n = this.size;
    const rows = new Int32Array(n);
    const scores = new Float32Array(n);
    for (let i = n - 1; i >= 0; i--) {
      rows[i] = this.heapRows[0]!;
      scores[i] = this.heapScores[0]!;
      this.size--;
      if (this.size > 0) this.sinkFromRoot(this.heapRows[this.size]!, this.heapScores[this.size]!);
    }
    this.floor = Number.NEGATIVE_INFINITY;
    return { rows, scores };
  }

  private sinkFromRoot(row: number, score: number): void {
    const rows = this.heapRows;
    const scores = this.heapScores;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= this.size) break;
      const right = child + 1;
      if (right < this.size && worse(scores[right]!, rows[right]!, scores[child]!, rows[child]!))
        child = right;
      if (!worse(scores[child]!, rows[child]!, score, row)) break;
      scores[i] = scores[child]!;
      rows[i] = rows[child]!;
      i = child;
    }
    scores[i] = score;
    rows[i] = row;
  }
}

/** Whether (scoreA, rowA) ranks below (scoreB, rowB). */
function worse(scoreA: number, rowA: number, scoreB: number, rowB: number): boolean {
  return scoreA < scoreB || (scoreA === scoreB && rowA > rowB);
}
