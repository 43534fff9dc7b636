/**
 * Columns of a few rows at a time: filled column by column, computed with in WebAssembly (assembly/columns.ts), and
 * taken out as rows.
 *
 * A column is a view into the kernels' memory. What computes reads and writes whole columns, also of rows that are not
 * there: their numbers mean nothing and go nowhere.
 */
import { Kernels } from "./kernels.ts";

/**
 * Rows of a block. Few enough for it to stay in the nearest caches, many enough for the processor to wait for the data
 * of several rows at a time (measured: 16 rows take 8 % more than 32, and 64 take 5 to 10 % less).
 */
export const BLOCK_ROWS = 64;

/** Bytes of a column of 32 and of 64 bits. */
const SINGLE = 4 * BLOCK_ROWS;
const DOUBLE = 8 * BLOCK_ROWS;
/** Kept free for `numbers`: columns of 64 bits (guess: thrice what the features need). */
const MOST_NUMBERS = 256;
/** Other things in the memory, each of which begins on a cache line. */
const SLACK = 1024;

/** One of several columns. */
export function columnOf(columns: Float64Array, c: number): Float64Array {
  return columns.subarray(c * BLOCK_ROWS, (c + 1) * BLOCK_ROWS);
}

export class ColumnBlock {
  /** (width, BLOCK_ROWS) zeros, to be filled. */
  readonly columns: Float32Array;
  private readonly kernels: Kernels;
  private readonly width: number;
  private readonly chosen: number;
  private readonly logarithms: number;
  /** Address of (BLOCK_ROWS, width), and a view of it. */
  private readonly address: number;
  private readonly rows: Float32Array;
  private left = MOST_NUMBERS;

  /** @param chosen (width) which columns are to be logarithms when they are taken */
  constructor(chosen: readonly boolean[]) {
    const places = Int32Array.from(chosen.flatMap((is, c) => (is ? [c] : [])));
    const width = chosen.length;
    // The kernel reads up to three columns behind the last one, and writes three numbers behind the last row.
    const bytes = (width + 3) * SINGLE;
    const kernels = new Kernels(2 * bytes + 4 * width + MOST_NUMBERS * DOUBLE + SLACK);
    this.kernels = kernels;
    this.width = width;
    this.chosen = kernels.put(places);
    this.logarithms = places.length;
    this.columns = kernels.floats(kernels.reserve(bytes), width * BLOCK_ROWS);
    this.address = kernels.reserve(bytes);
    this.rows = kernels.floats(this.address, width * BLOCK_ROWS);
  }

  /** (count, BLOCK_ROWS) columns to compute with, zeros at first. Throws RangeError where too many were asked for. */
  numbers(count: number): Float64Array {
    if (count > this.left) throw new RangeError(`expected at most ${this.left} more columns, got ${count}`);
    this.left -= count;
    return this.kernels.doubles(this.kernels.reserve(count * DOUBLE), count * BLOCK_ROWS);
  }

  /**
   * Copies the first `count` rows of `columns` to `out`, from number `at` on, with the chosen columns' x replaced by ln x
   * where x > 0, to a relative 2e-7, and by -x where it is not: so 0 stays 0, and a value that is known already is handed
   * in with the other sign. Then all are zeros again.
   */
  take(count: number, out: Float32Array, at: number): void {
    const { kernels, columns, width, rows } = this;
    kernels.call.lnColumns(columns.byteOffset, SINGLE, this.chosen, this.logarithms);
    kernels.call.rowsOfColumns(columns.byteOffset, SINGLE, width, count, this.address);
    out.set(count === BLOCK_ROWS ? rows : rows.subarray(0, count * width), at);
  }

  /** out (width, BLOCK_ROWS) = rows (BLOCK_ROWS, width) the other way round; width is even. */
  columnsOf(rows: Float64Array, width: number, out: Float64Array): void {
    this.kernels.call.columnsOfRows(rows.byteOffset, width, out.byteOffset, DOUBLE);
  }

  /** out = counts e^(exponent since), of as many columns side by side as `out` has; exponent <= 0 <= since. */
  fade(counts: Float64Array, since: Float64Array, exponent: number, out: Float64Array): void {
    const count = out.length / BLOCK_ROWS;
    this.kernels.call.fadeColumns(
      counts.byteOffset,
      count,
      since.byteOffset,
      exponent,
      DOUBLE,
      out.byteOffset,
    );
  }

  /** out = the largest of two columns or more. */
  max(columns: readonly Float64Array[], out: Float64Array): void {
    let largest = columns[0]!;
    for (let c = 1; c < columns.length; c++) {
      this.kernels.call.maxColumn(largest.byteOffset, columns[c]!.byteOffset, DOUBLE, out.byteOffset);
      largest = out;
    }
  }

  /** out = a / b. */
  ratio(a: Float64Array, b: Float64Array, out: Float32Array): void {
    this.kernels.call.ratioColumn(a.byteOffset, b.byteOffset, DOUBLE, out.byteOffset);
  }

  /** out = (min(hits, trials) + strength prior) / (trials + strength), at least `least` away from 0 and 1. */
  rate(
    hits: Float64Array,
    trials: Float64Array,
    prior: Float64Array,
    strength: number,
    least: number,
    out: Float64Array,
  ): void {
    this.kernels.call.rateColumn(
      hits.byteOffset,
      trials.byteOffset,
      prior.byteOffset,
      strength,
      least,
      DOUBLE,
      out.byteOffset,
    );
  }

  /** out = (hits + strength prior) / (max(0, trials - hits) + strength (1 - prior)), from 1 / most to most. */
  odds(
    hits: Float64Array,
    trials: Float64Array,
    prior: Float64Array,
    strength: number,
    most: number,
    out: Float64Array,
  ): void {
    this.kernels.call.oddsColumn(
      hits.byteOffset,
      trials.byteOffset,
      prior.byteOffset,
      strength,
      most,
      DOUBLE,
      out.byteOffset,
    );
  }

  /** out = rate / (1 - rate). */
  oddsOf(rate: Float64Array, out: Float64Array): void {
    this.kernels.call.oddsOfColumn(rate.byteOffset, DOUBLE, out.byteOffset);
  }
}
