/**
 * The counts of all items together, and of those that share a creator or a category: what an item is likely to be like
 * before it has counts of its own.
 *
 * They are sums over items as the facts are now: when an item changes its creator, its counts go with it. All are whole
 * numbers, so the order of adding does not show, and they need not be kept: the items' counts give them back.
 */
import type { ItemColumns } from "./catalog.ts";
import { capacityFor, FIRST_CAPACITY, widened } from "./columns.ts";
import { TALLIES } from "./tallies.ts";

/** Where in a row of sums each count stands: what is asked of creators and categories first, in one cache line. */
export const SHOWN = 0;
export const ANSWERS = 1;
/** Watches of which the share is known, and the sum of the shares in parts of SHARE_UNIT. */
export const WATCHES = ANSWERS + TALLIES.length;
export const WATCHED = WATCHES + 1;
export const TAKEN = WATCHED + 1;
export const SUMS = TAKEN + TALLIES.length;

/** A share is counted in parts, so that sums are exact. */
export const SHARE_UNIT = 1024;

export class ItemSums {
  /** (SUMS) over all items. */
  readonly all = new Float64Array(SUMS);
  /** (creators × SUMS), (categories × SUMS), row-major by code. Codes may lie beyond the end: nothing was counted. */
  byCreator = new Float64Array(FIRST_CAPACITY * SUMS);
  byCategory = new Float64Array(FIRST_CAPACITY * SUMS);

  /** Adds `amount` to one count of everything that the item belongs to. */
  add(row: number, which: number, amount: number, items: ItemColumns): void {
    this.all[which] = this.all[which]! + amount;
    this.addToGroups(row, which, amount, items);
  }

  /** The same without the sum over all items: for items that change their groups. */
  addToGroups(row: number, which: number, amount: number, items: ItemColumns): void {
    const creator = items.creator[row]!;
    if (creator !== 0) this.byCreator = added(this.byCreator, creator, which, amount);
    const start = items.categoryOffsets[row]!;
    const end = start + items.categoryCounts[row]!;
    for (let c = start; c < end; c++) {
      this.byCategory = added(this.byCategory, items.categories[c]!, which, amount);
    }
  }
}

function added(
  sums: Float64Array<ArrayBuffer>,
  code: number,
  which: number,
  amount: number,
): Float64Array<ArrayBuffer> {
  const needed = (code + 1) * SUMS;
  const wide = needed > sums.length ? widened(sums, capacityFor(needed, sums.length)) : sums;
  const at = code * SUMS + which;
  wide[at] = wide[at]! + amount;
  return wide;
}
