/**
 * A filter is one rule with a name that takes items out of a request: `apply` marks them in the mask, `reason` says
 * in words why it takes a given row, for whoever asks where an item went. Both must agree; a test compares them.
 */
import type { Catalog } from "../catalog/index.ts";
import type { EpochMs, ItemId, SpareMemory } from "../core/index.ts";
import type { UserState } from "../state/index.ts";

/** The part of a request that filters read. A RecommendRequest is one. */
export interface FilterRules {
  /** Whether items that the user has touched may come back. Default false. */
  readonly allowSeen?: boolean;
  /** Only these items. An empty list allows nothing; an absent one allows everything. */
  readonly include?: readonly ItemId[];
  readonly exclude?: readonly ItemId[];
  /** Only items of at least one of these categories. An empty list allows nothing. */
  readonly categories?: readonly string[];
}

export interface FilterContext {
  readonly catalog: Catalog;
  readonly state: UserState;
  readonly rules: FilterRules;
  readonly now: EpochMs;
}

export interface Filter {
  readonly name: string;
  /** Takes items out of the mask; never puts one back. Does nothing, and costs nothing, where the request does not ask for it. */
  apply(context: FilterContext, mask: Mask): void;
  /** One sentence where this rule takes `row`, null where it lets it pass. May be slow: it is asked about few rows. */
  reason(context: FilterContext, row: number): string | null;
}

/** Which rows may be shown, and how many they are. */
export class Mask {
  /** (size) 1 where the row may be shown. */
  readonly allowed: Uint8Array<ArrayBuffer>;
  /** Number of ones in `allowed`. */
  count = 0;

  /** Everything is forbidden at first. */
  constructor(size: number, memory?: SpareMemory) {
    this.allowed = memory ? new Uint8Array(memory.take(size), 0, size).fill(0) : new Uint8Array(size);
  }

  /** Forbids `row`; rows that are forbidden already, or beyond the mask, change nothing. */
  remove(row: number | undefined): void {
    if (row === undefined || row >= this.allowed.length) return;
    this.count -= this.allowed[row]!;
    this.allowed[row] = 0;
  }

  /** Forbids every row whose entry in `keep` (size) is 0. */
  intersect(keep: Uint8Array): void {
    const allowed = this.allowed;
    let count = 0;
    for (let row = 0; row < allowed.length; row++) {
      const bit = allowed[row]! & keep[row]!;
      allowed[row] = bit;
      count += bit;
    }
    this.count = count;
  }
}
