/** Lists of rows with strengths, one list an item, that are added up for chosen items (assembly/row-sums.ts). */
import { setImmediate } from "node:timers/promises";
import { Kernels } from "./kernels.ts";
import { RowSums } from "./row-sums.ts";

export interface Lists {
  /** (N + 1) list a is entries offsets[a] .. offsets[a + 1]. */
  readonly offsets: Int32Array;
  /** (M) */
  readonly rows: Int32Array;
  /** (M) > 0 */
  readonly strengths: Float32Array;
}

/** Bytes of what says where a list is and what it weighs. */
const LIST = 16;
/** Entries that are copied in about a millisecond (guess). */
const PIECE = 65_536;

export class ListSums {
  /** Of the rows that stand in the lists: Σ weight * strength; the strength in the first list; the largest strength. */
  readonly sums: RowSums;
  private readonly kernels = new Kernels();
  private readonly offsets: Int32Array;
  /** Address of (M) rows and strengths side by side: a list is one run of memory. */
  private readonly entries: number;
  private lists = 0;
  private room = 0;

  private constructor({ offsets, rows }: Lists) {
    this.offsets = offsets;
    this.entries = this.kernels.reserve(8 * rows.length);
    this.sums = new RowSums(this.kernels);
  }

  /** Copies the lists in pieces, with a turn of the event loop after each: a server answers while a bundle is loaded. */
  static async of(lists: Lists): Promise<ListSums> {
    const made = new ListSums(lists);
    for (let from = 0; from < lists.rows.length; from += PIECE) {
      made.copy(lists, from, Math.min(lists.rows.length, from + PIECE));
      await setImmediate();
    }
    return made;
  }

  private copy({ rows, strengths }: Lists, from: number, to: number): void {
    const { kernels, entries } = this;
    const ints = kernels.ints(entries, 2 * rows.length);
    const floats = kernels.floats(entries, 2 * rows.length);
    for (let i = from; i < to; i++) {
      ints[2 * i] = rows[i]!;
      floats[2 * i + 1] = strengths[i]!;
    }
  }

  /** Sums of the lists of the first weights.length items; an item without a list has an empty one. */
  add(items: Int32Array, weights: Float32Array): void {
    const { offsets, kernels, sums } = this;
    const count = Math.min(items.length, weights.length);
    if (count > this.room) {
      this.room = weights.length;
      this.lists = kernels.reserve(LIST * this.room);
    }
    const bounds = kernels.ints(this.lists, (LIST / 4) * count);
    const doubles = kernels.doubles(this.lists, (LIST / 8) * count);
    let most = 0;
    for (let l = 0; l < count; l++) {
      const item = items[l]!;
      const known = item + 1 < offsets.length;
      const from = known ? offsets[item]! : 0;
      const to = known ? offsets[item + 1]! : 0;
      bounds[4 * l] = from;
      bounds[4 * l + 1] = to;
      doubles[2 * l + 1] = weights[l]!;
      most += to - from;
    }
    sums.clear(most);
    sums.fill((slots, shift, records) =>
      kernels.call.addLists(this.entries, this.lists, count, slots, shift, records),
    );
  }
}
