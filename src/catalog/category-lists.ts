/**
 * Category codes of every item, as one array with an offset and a count per item.
 *
 * A list that changes is appended at the end and the old one left behind; once half of the array is such waste, it is
 * written anew without it. Then all three columns are replaced together, so a reader that holds the old three still
 * sees one consistent state.
 */
import { capacityFor, FIRST_CAPACITY, widened } from "./columns.ts";

/** Lists as they were at a moment. Item r has `codes[offsets[r]] ..`, as many as its count says. */
export interface CopiedLists {
  readonly offsets: Int32Array;
  readonly codes: Int32Array;
}

export class CategoryLists {
  offsets = new Int32Array(FIRST_CAPACITY);
  counts = new Int32Array(FIRST_CAPACITY);
  codes = new Int32Array(FIRST_CAPACITY);
  /** Used part of `codes`, and how much of that no item points to. */
  private used = 0;
  private wasted = 0;

  /** Makes room for `capacity` items; new ones have no category. */
  widen(capacity: number): void {
    this.offsets = widened(this.offsets, capacity);
    this.counts = widened(this.counts, capacity);
  }

  /** Gives item `row` of `size` these categories. */
  set(row: number, codes: readonly number[], size: number): void {
    if (this.holds(row, codes)) return;
    this.wasted += this.counts[row]!;
    this.counts[row] = 0;
    const waste = this.wasted > this.used / 2 && this.wasted > FIRST_CAPACITY;
    if (waste) this.compact(size);
    if (this.used + codes.length > this.codes.length) {
      this.codes = widened(this.codes, capacityFor(this.used + codes.length, this.codes.length));
    }
    this.codes.set(codes, this.used);
    this.offsets[row] = this.used;
    this.counts[row] = codes.length;
    this.used += codes.length;
  }

  copy(size: number): CopiedLists {
    return { offsets: this.offsets.slice(0, size), codes: this.codes.slice(0, this.used) };
  }

  /**
   * Takes the lists of `size` items whose counts are here already.
   *
   * @param codes (sum of the counts) list after list. Throws RangeError where that is another number of codes
   */
  fill(codes: Int32Array<ArrayBuffer>, size: number): void {
    let used = 0;
    for (let row = 0; row < size; row++) {
      this.offsets[row] = used;
      used += this.counts[row]!;
    }
    if (used !== codes.length) throw new RangeError(`expected ${used} category codes, got ${codes.length}`);
    this.codes = widened(codes, capacityFor(used, FIRST_CAPACITY));
    this.used = used;
    this.wasted = 0;
  }

  private holds(row: number, codes: readonly number[]): boolean {
    if (this.counts[row] !== codes.length) return false;
    const start = this.offsets[row]!;
    for (let i = 0; i < codes.length; i++) if (this.codes[start + i] !== codes[i]) return false;
    return true;
  }

  private compact(size: number): void {
    const offsets = new Int32Array(this.offsets.length);
    const codes = new Int32Array(capacityFor(this.used - this.wasted, FIRST_CAPACITY));
    let used = 0;
    for (let row = 0; row < size; row++) {
      const start = this.offsets[row]!;
      const count = this.counts[row]!;
      codes.set(this.codes.subarray(start, start + count), used);
      offsets[row] = used;
      used += count;
    }
    this.offsets = offsets;
    this.counts = this.counts.slice();
    this.codes = codes;
    this.used = used;
    this.wasted = 0;
  }
}
