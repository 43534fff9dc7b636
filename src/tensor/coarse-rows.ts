/**
 * A copy of a matrix in 8 bits, to look at all rows first: a fourth of the memory, and so of the time. What it says of a
 * row is wrong by no more than is known of that row, so the rows that it leaves over contain the best ones for certain,
 * and a closer look at these finds what a look at all would have found (assembly/scan.ts).
 */
import type { Kernels } from "./kernels.ts";

/** The largest whole numbers of a row and of a user: products of 7 and 13 bits, of which 2^10 fit into 32. */
const ROW_UNITS = 127;
const USER_UNITS = 8191;
export const WIDEST = 1024;
/** Every so many rows are asked where the best begin. */
const STEP = 16;
/** By how many standard deviations of a sample the floor is set lower than the sample says (guess). */
const CAUTION = 4;

export class CoarseRows {
  private readonly kernels: Kernels;
  private readonly k: number;
  private readonly width: number;
  /** What the rounding of the user and of sums in 32 bits adds to a row's error, as a share of its length. */
  private readonly rounding: number;
  private readonly matrix: number;
  private readonly scales: number;
  private readonly errors: number;
  private readonly vector: number;
  /** (capacity) flags that are all 1. */
  private readonly ones: number;
  private readonly sample: number;
  private readonly sampleTop: number;
  private readonly sampleRows: number;
  private readonly above: number;
  private readonly aboveScores: number;
  private readonly quantised: Int8Array;

  constructor(kernels: Kernels, capacity: number, k: number) {
    this.kernels = kernels;
    this.k = k;
    this.width = Math.ceil(k / 8) * 8;
    this.rounding = Math.sqrt(k) / (2 * USER_UNITS) + 1e-5;
    this.matrix = kernels.reserve(capacity * this.width);
    this.scales = kernels.reserve(capacity * 4);
    this.errors = kernels.reserve(capacity * 4);
    this.vector = kernels.reserve(this.width * 2);
    this.ones = kernels.reserve(capacity);
    kernels.bytes(this.ones, capacity).fill(1);
    const samples = Math.ceil(capacity / STEP);
    this.sample = kernels.reserve(samples * 4);
    this.sampleTop = kernels.reserve(samples * 4);
    this.sampleRows = kernels.reserve(samples * 4);
    this.above = kernels.reserve(capacity * 4);
    this.aboveScores = kernels.reserve(capacity * 4);
    this.quantised = new Int8Array(this.width);
  }

  set(row: number, vector: Float32Array): void {
    const { kernels, k, width, quantised } = this;
    let largest = 0;
    for (let d = 0; d < k; d++) largest = Math.max(largest, Math.abs(vector[d]!));
    // Of a row that is not finite nothing is certain.
    const finite = Number.isFinite(largest);
    const scale = finite ? Math.fround(largest / ROW_UNITS) : 0;
    let missed = 0;
    let length = 0;
    for (let d = 0; d < k; d++) {
      const value = vector[d]!;
      const q = scale === 0 ? 0 : Math.max(-ROW_UNITS, Math.min(ROW_UNITS, Math.round(value / scale)));
      quantised[d] = q;
      missed += (value - scale * q) ** 2;
      length += value ** 2;
    }
    kernels.bytes(this.matrix + row * width, width).set(quantised);
    kernels.floats(this.scales + row * 4, 1)[0] = scale;
    const error = finite ? Math.sqrt(missed) + this.rounding * Math.sqrt(length) : Infinity;
    // Rounded up.
    kernels.floats(this.errors + row * 4, 1)[0] = error * (1 + 1e-6);
  }

  /**
   * Finds the rows among which the best `wanted` are. Leaves in `scores` what the first look says of all rows.
   *
   * @param scores, allowed addresses of (rows)
   * @returns addresses and number of the rows, in their order, and room for a score of each; undefined where a look at
   *   all rows is no more work, or the user's vector says nothing
   */
  look(
    user: Float32Array,
    scores: number,
    allowed: number,
    rows: number,
    wanted: number,
  ): { readonly rows: number; readonly scores: number; readonly count: number } | undefined {
    const { kernels } = this;
    const length = this.quantiseUser(user);
    if (length === undefined) return undefined;
    const { call } = kernels;
    call.scanRows(this.matrix, this.width, rows, this.vector, this.scales, length.unit, scores);
    const sampled = call.sampleFloors(scores, this.errors, length.length, allowed, rows, STEP, this.sample);
    const expected = wanted / STEP;
    for (let rank = Math.ceil(expected + CAUTION * Math.sqrt(expected)); rank < sampled; rank *= 2) {
      call.selectTop(this.sample, this.ones, sampled, rank, this.sampleTop, this.sampleRows);
      const floor = kernels.floats(this.sampleTop, rank)[rank - 1]!;
      const count = call.rowsAbove(
        scores,
        this.errors,
        length.length,
        allowed,
        rows,
        floor,
        wanted,
        this.above,
      );
      if (count >= 0) return { rows: this.above, scores: this.aboveScores, count };
    }
    return undefined;
  }

  /** Its length, and what one of its whole numbers stands for; undefined where it is 0 or not finite. */
  private quantiseUser(user: Float32Array): { readonly length: number; readonly unit: number } | undefined {
    const { kernels, k, width } = this;
    let largest = 0;
    let squares = 0;
    for (let d = 0; d < k; d++) {
      largest = Math.max(largest, Math.abs(user[d]!));
      squares += user[d]! ** 2;
    }
    const unit = Math.fround(largest / USER_UNITS);
    if (!(unit > 0 && Number.isFinite(squares))) return undefined;
    const vector = kernels.shorts(this.vector, width);
    for (let d = 0; d < k; d++)
      vector[d] = Math.max(-USER_UNITS, Math.min(USER_UNITS, Math.round(user[d]! / unit)));
    return { length: Math.sqrt(squares) * (1 + 1e-6), unit };
  }
}
