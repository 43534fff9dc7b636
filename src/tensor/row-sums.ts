/**
 * Three numbers for each of a few rows of a large catalogue, filled and read by kernels (assembly/row-sums.ts): what is
 * cleared between two queries are the rows that were met, not the catalogue.
 */
import { bestOf, type Selected } from "./best-of.ts";
import type { Kernels } from "./kernels.ts";

/** Words of a record: the row, and its numbers. */
const WORDS = 4;
/** The fewest slots of the table, as a power of two. */
const FEWEST = 10;

export class RowSums {
  private readonly kernels: Kernels;
  /** Rows that have numbers. */
  private count = 0;
  /** Addresses of (2^(32 - shift)) slots and of (1 + capacity) records. */
  private slots = 0;
  private shift = 32;
  private records = 0;
  private capacity = -1;
  /** Addresses of rows that are read, and of their numbers. */
  private wanted = 0;
  private numbers = 0;
  private room = 0;
  /** (capacity) */
  private rows = new Int32Array(0);
  private scores = new Float32Array(0);

  constructor(kernels: Kernels) {
    this.kernels = kernels;
    this.clear(0);
  }

  /** No row has numbers any more, and `most` rows may get some. */
  clear(most: number): void {
    const { kernels } = this;
    this.count = 0;
    // At most two thirds of the slots are taken, and far fewer where rows come again and again.
    const bits = Math.max(FEWEST, Math.ceil(Math.log2(1.5 * most)));
    if (most > this.capacity) {
      this.capacity = 2 * most;
      this.slots = kernels.reserve(4 * 2 ** (bits + 1));
      // One more, since a record is begun before it is known whether the row has one.
      this.records = kernels.reserve(4 * WORDS * (this.capacity + 2));
      this.rows = new Int32Array(this.capacity);
      this.scores = new Float32Array(this.capacity);
    }
    this.shift = 32 - bits;
    kernels.ints(this.slots, 2 ** bits).fill(0);
  }

  /** Calls a kernel that fills the table, with `slots`, `shift` and `records`; it returns how many records there are. */
  fill(by: (slots: number, shift: number, records: number) => number): void {
    this.count = this.with(by);
  }

  /** Calls a kernel that looks into the table. */
  with<T>(by: (slots: number, shift: number, records: number) => T): T {
    return by(this.slots, this.shift, this.records);
  }

  /** The k rows with the highest first numbers; where `allowed` is given, of those with allowed[row] = 1 and not 0. */
  best(k: number, allowed?: Uint8Array): Selected {
    const { kernels, records, count, rows, scores } = this;
    const ints = kernels.ints(records, WORDS * (count + 1));
    const floats = kernels.floats(records, WORDS * (count + 1));
    let n = 0;
    for (let at = WORDS; at < ints.length; at += WORDS) {
      const row = ints[at]!;
      rows[n] = row;
      scores[n] = floats[at + 1]!;
      n += allowed === undefined ? 1 : allowed[row]!;
    }
    return bestOf(rows, scores, n, k);
  }

  /** out[j][i] = number j of wanted[i]; 0 for rows without numbers. */
  read(wanted: Int32Array, out: readonly Float32Array[]): void {
    const { kernels, slots, shift, records } = this;
    const n = wanted.length;
    if (n > this.room) {
      this.room = 2 * n;
      this.wanted = kernels.reserve(4 * this.room);
      this.numbers = kernels.reserve(12 * this.room);
    }
    kernels.ints(this.wanted, n).set(wanted);
    kernels.call.readSums(this.wanted, n, slots, shift, records, this.numbers);
    for (let j = 0; j < out.length; j++) out[j]!.set(kernels.floats(this.numbers + 4 * n * j, n));
  }
}
