/** Lists of rows with strengths, one list an item, that are added up for chosen items (assembly/row-sums.ts). */
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

export class ListSums {
  /** Of the rows that stand in the lists: Σ weight * strength; the strength in the first list; the largest strength. */
  readonly sums: RowSums;
  private readonly kernels = new Kernels();
  private readonly offsets: Int32Array;
  /** Address of (M) rows and strengths side by side: a list is one run of memory. */
  private readonly entries: number;
  private lists = 0;
  private room = 0;

  constructor({ offsets, rows, strengths }: Lists) {
    const { kernels } = this;
    this.offsets = offsets;
    this.entries = kernels.reserve(8 * rows.length);
    const ints = kernels.ints(this.entries, 2 * rows.length);
    const floats = kernels.floats(this.entries, 2 * rows.length);
    for (let i = 0; i < rows.length; i++) {
      ints[2 * i] = rows[i]!;
      floats[2 * i + 1] = strengths[i]!;
    }
    this.sums = new RowSums(kernels);
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
