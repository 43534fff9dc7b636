/**
 * A copy of a matrix in 8 bits, to look at all rows first: a fourth of the memory, and so of the time. What it says of a
 * row is wrong by no more than is known of that row, so the rows that it leaves over contain the best ones for certain,
 * and a closer look at these finds what a look at all would have found (assembly/scan.ts).
 */
import { COUNTERS } from "./best-of.ts";
import type { Kernels } from "./kernels.ts";

/** The largest whole number of a user; of a row it is 127: products of 7 and 13 bits, of which 2^10 fit into 32. */
const USER_UNITS = 8191;
export const WIDEST = 1024;
/** From so many rows on, and for the best SELECTIVE of them or fewer, a first look costs less (measured). */
export const MANY = 8192;
export const SELECTIVE = 1 / 8;
/** Every so many rows are asked where the best begin. */
const STEP = 16;
/** By how many standard deviations of a sample the floor is set lower than the sample says (guess). */
const CAUTION = 4;

/** Places from .. to. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What is kept of (n) rows. */
export interface Quantised {
  /** (n, width) */
  readonly units: Uint8Array;
  /** (n) each. */
  readonly scales: Float32Array;
  readonly errors: Float32Array;
}

/** The rows that could be among the best, and room for a score of each: addresses and their number. */
export interface Above {
  readonly rows: number;
  readonly scores: number;
  readonly count: number;
  /** The best that were asked for reach this for certain. */
  readonly floor: number;
}

export class CoarseRows {
  /** Of the user that was aimed at last. */
  length = 0;
  /** (capacity) what the first look says, by place; an address. */
  readonly scores: number;
  private unit = 0;
  private readonly kernels: Kernels;
  private readonly k: number;
  /** Bytes of a row. */
  readonly width: number;
  /** What the rounding of the user and of sums in 32 bits adds to a row's error, as a share of its length. */
  private readonly rounding: number;
  private readonly matrix: number;
  private readonly scales: number;
  private readonly errors: number;
  private readonly lengths: number;
  /** (capacity) the row at each place. */
  private readonly rows: number;
  private readonly vector: number;
  private readonly sample: number;
  private readonly counters: number;
  private readonly certain: number;
  private readonly above: number;
  private readonly lows: number;
  private readonly highs: number;

  constructor(kernels: Kernels, capacity: number, k: number) {
    this.kernels = kernels;
    this.k = k;
    this.width = Math.ceil(k / 8) * 8;
    this.rounding = Math.sqrt(k) / (2 * USER_UNITS) + 1e-5;
    this.scores = kernels.reserve(capacity * 4);
    this.matrix = kernels.reserve(capacity * this.width);
    this.scales = kernels.reserve(capacity * 4);
    this.errors = kernels.reserve(capacity * 4);
    this.lengths = kernels.reserve(capacity * 4);
    this.rows = kernels.reserve(capacity * 4);
    this.vector = kernels.reserve(this.width * 2);
    // A sample of each span, of which there are fewer than a sixteenth of the rows.
    this.sample = kernels.reserve((2 * Math.ceil(capacity / STEP) + 1) * 4);
    this.counters = kernels.reserve(COUNTERS);
    this.certain = kernels.reserve(4);
    this.above = kernels.reserve(capacity * 4);
    this.lows = kernels.reserve(capacity * 4);
    this.highs = kernels.reserve(capacity * 4);
  }

  /**
   * Puts rows at places, the first one at `from`.
   *
   * @param matrix address of all rows (N, k)
   * @returns (rows.length) their lengths, rounded up; Infinity of a row that is not finite
   */
  put(rows: Int32Array, matrix: number, from = 0): Float32Array {
    const { kernels, k, width, scales, errors, lengths } = this;
    kernels.ints(this.rows + from * 4, rows.length).set(rows);
    kernels.call.quantiseRows(
      ...([matrix, k * 4, this.rows, from, from + rows.length, this.rounding] as const),
      ...([this.matrix, width, scales, errors, lengths] as const),
    );
    return kernels.floats(lengths + from * 4, rows.length).slice();
  }

  /** What is kept of the rows at some places, without repeats; all of them stand in rising order. */
  copy(places: Int32Array): Quantised {
    const { kernels, width } = this;
    const last = places.reduce((most, place) => Math.max(most, place), -1) + 1;
    const all = kernels.bytes(this.matrix, last * width);
    const allScales = kernels.floats(this.scales, last);
    const allErrors = kernels.floats(this.errors, last);
    // All of them, which are many.
    if (places.length === last)
      return { units: all.slice(), scales: allScales.slice(), errors: allErrors.slice() };
    const units = new Uint8Array(places.length * width);
    places.forEach((place, i) => {
      units.set(all.subarray(place * width, (place + 1) * width), i * width);
    });
    return {
      units,
      scales: Float32Array.from(places, (place) => allScales[place]!),
      errors: Float32Array.from(places, (place) => allErrors[place]!),
    };
  }

  /** Puts at these places what `copy` has of them; each has its place for a row. */
  paste(places: Int32Array, { units, scales, errors }: Quantised): void {
    const { kernels, width } = this;
    const last = places.reduce((most, place) => Math.max(most, place), -1) + 1;
    const all = kernels.bytes(this.matrix, last * width);
    const allScales = kernels.floats(this.scales, last);
    const allErrors = kernels.floats(this.errors, last);
    const rows = kernels.ints(this.rows, last);
    if (places.length === last) {
      all.set(units);
      allScales.set(scales);
      allErrors.set(errors);
      rows.set(places);
      return;
    }
    places.forEach((place, i) => {
      all.set(units.subarray(i * width, (i + 1) * width), place * width);
      allScales[place] = scales[i]!;
      allErrors[place] = errors[i]!;
      rows[place] = place;
    });
  }

  /** Takes the user whom the looks that follow are for; false where the vector is 0 or not finite. */
  aim(user: Float32Array): boolean {
    const { kernels, k, width } = this;
    let largest = 0;
    let squares = 0;
    for (let d = 0; d < k; d++) {
      largest = Math.max(largest, Math.abs(user[d]!));
      squares += user[d]! ** 2;
    }
    this.unit = Math.fround(largest / USER_UNITS);
    if (!(this.unit > 0 && Number.isFinite(squares))) return false;
    const vector = kernels.shorts(this.vector, width);
    for (let d = 0; d < k; d++)
      vector[d] = Math.max(-USER_UNITS, Math.min(USER_UNITS, Math.round(user[d]! / this.unit)));
    this.length = Math.sqrt(squares) * (1 + 1e-6);
    return true;
  }

  /** Looks at the rows of some places. */
  look({ from, to }: Span): void {
    this.kernels.call.scanRows(
      this.matrix + from * this.width,
      this.width,
      to - from,
      this.vector,
      this.scales + from * 4,
      this.unit,
      this.scores + from * 4,
    );
  }

  /** Looks at some places only: what `look` would say of them, to the bit, into `out`; addresses of a list and of `out` (count). */
  lookAt(
    list: number,
    count: number,
    out: number,
    among: { readonly units: number; readonly scales: number } = { units: this.matrix, scales: this.scales },
  ): void {
    this.kernels.call.scanPlaces(
      ...([among.units, this.width, list, count, this.vector, among.scales, this.unit, out] as const),
    );
  }

  /**
   * The rows among which the best `wanted` of these places are, which have been looked at. Undefined where a closer look
   * at all of them is no more work.
   *
   * @param allowed address of flags by row
   */
  best(spans: readonly Span[], allowed: number, wanted: number): Above | undefined {
    const { kernels, scores, errors, length, rows } = this;
    const { call } = kernels;
    let sampled = 0;
    for (const { from, to } of spans) {
      const out = this.sample + sampled * 4;
      sampled += call.sampleFloors(scores, errors, length, rows, allowed, from, to, STEP, out);
    }
    const expected = wanted / STEP;
    for (let rank = Math.ceil(expected + CAUTION * Math.sqrt(expected)); rank < sampled; rank *= 2) {
      const reached = call.nthBest(this.sample, sampled, rank, this.counters);
      const found = this.reaching(reached, spans, allowed);
      if (kernels.ints(this.certain, 1)[0]! < wanted) continue;
      // Now it is known of all of them what they have at least, and no sample has to say it.
      const floor = call.nthBest(this.lows, found.count, wanted, this.counters);
      const count = call.keepAbove(found.rows, this.highs, found.count, floor);
      return { ...found, count, floor };
    }
    return undefined;
  }

  /** The rows of these places that can have `floor`, all that are allowed for -Infinity; counts those that have. */
  reaching(floor: number, spans: readonly Span[], allowed: number): Above {
    const { kernels, scores, errors, length, rows } = this;
    kernels.ints(this.certain, 1)[0] = 0;
    let count = 0;
    for (const { from, to } of spans) {
      const out = this.above + count * 4;
      count += kernels.call.rowsAbove(
        ...([scores, errors, length, rows, allowed, from, to, floor, this.certain] as const),
        ...([out, this.lows + count * 4, this.highs + count * 4] as const),
      );
    }
    return { rows: this.above, scores: this.lows, count, floor };
  }
}
