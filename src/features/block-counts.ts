/**
 * What was counted of the candidates of a block, of their creators' other items and of their categories': a column for
 * each count, which rates are made of.
 */
import {
  ANSWERED_AT,
  ANSWERS,
  type Catalog,
  type ItemStatistics,
  LATELY,
  RATE_HALF_LIVES_DAYS,
  RECENT,
  SHOWN,
  SHOWN_AT,
  SUMS,
  TAKEN,
  TALLIES,
  WATCHED,
  WATCHES,
} from "../catalog/index.ts";
import { DAY } from "../core/index.ts";
import { BLOCK_ROWS, columnOf } from "../tensor/index.ts";
import type { CandidateBlock } from "./candidate-block.ts";

/** By half-life: the exponent of a millisecond. */
const FADES = RATE_HALF_LIVES_DAYS.map((days) => -Math.LN2 / (days * DAY));

/** Of an item, or of several together. Columns are (BLOCK_ROWS). */
export interface Counted {
  readonly shown: Float64Array;
  /** [TALLIES] */
  readonly answers: readonly Float64Array[];
  readonly watches: Float64Array;
  readonly watched: Float64Array;
}

/** Counts of one half-life, decayed up to now. */
export interface Lately {
  readonly shown: Float64Array;
  /** [TALLIES] */
  readonly answers: readonly Float64Array[];
}

interface Fading {
  readonly exponent: number;
  readonly from: Float64Array;
  readonly to: Float64Array;
}

export class BlockCounts {
  readonly own: Counted;
  /** [TALLIES] how often the item was taken. */
  readonly taken: readonly Float64Array[];
  /** Of the creator's other items, and of those of all its categories: what the sums say without the item. */
  readonly creator: Counted;
  readonly category: Counted;
  /** [RATE_HALF_LIVES_DAYS] */
  readonly lately: readonly Lately[];
  /** The most frequent kind of interaction counts them. */
  readonly visits: Float64Array;
  private readonly block: CandidateBlock;
  /** (TAKEN, BLOCK_ROWS) each: the first numbers of `Sums`. */
  private readonly byCreator: Float64Array;
  private readonly byCategory: Float64Array;
  /** [RATE_HALF_LIVES_DAYS] how often shown, and answered: as recorded, and decayed. */
  private readonly shown: readonly Fading[];
  private readonly answered: readonly Fading[];
  private readonly shownAt: Float64Array;
  private readonly answeredAt: Float64Array;
  private readonly since: Float64Array;

  constructor(block: CandidateBlock) {
    const { math, records } = block;
    this.block = block;
    this.byCreator = math.numbers(TAKEN);
    this.byCategory = math.numbers(TAKEN);
    this.since = math.numbers(1);
    this.visits = math.numbers(1);
    const recent = FADES.map((exponent, h) => {
      const from = records.subarray((LATELY + h * RECENT) * BLOCK_ROWS);
      return { exponent, from, to: math.numbers(RECENT) };
    });
    this.shown = recent.map((fading) => ({ ...fading, to: columnOf(fading.to, 0) }));
    this.answered = recent.map(({ exponent, from, to }) => {
      return { exponent, from: from.subarray(BLOCK_ROWS), to: to.subarray(BLOCK_ROWS) };
    });
    this.shownAt = columnOf(records, SHOWN_AT);
    this.answeredAt = columnOf(records, ANSWERED_AT);
    this.own = counted(records);
    this.taken = tallied(records, TAKEN);
    this.creator = counted(this.byCreator);
    this.category = counted(this.byCategory);
    this.lately = recent.map(({ to }) => ({ shown: columnOf(to, 0), answers: tallied(to, 1) }));
  }

  /** Those of the candidates that are in the block now. */
  take({ items, statistics }: Catalog, now: number): void {
    const { math } = this.block;
    this.takeCreators(statistics);
    this.takeCategories(items.categories, statistics);
    this.fade(this.shownAt, this.shown, now);
    this.fade(this.answeredAt, this.answered, now);
    math.max([...this.taken, this.own.watches], this.visits);
  }

  private takeCreators({ sums: { byCreator: sums } }: ItemStatistics): void {
    const { byCreator, block } = this;
    const { count, creator, records } = block;
    for (let i = 0; i < count; i++) {
      const from = creator[i]! * SUMS;
      const known = from > 0 && from < sums.length;
      for (let s = 0; s < TAKEN; s++) {
        const at = s * BLOCK_ROWS + i;
        byCreator[at] = known ? sums[from + s]! - records[at]! : 0;
      }
    }
  }

  private takeCategories(codes: Int32Array, { sums: { byCategory: sums } }: ItemStatistics): void {
    const { byCategory, block } = this;
    const { count, categoryOffsets, categoryCounts, records } = block;
    byCategory.fill(0);
    for (let i = 0; i < count; i++) {
      const start = categoryOffsets[i]!;
      const end = start + categoryCounts[i]!;
      for (let c = start; c < end; c++) {
        const from = codes[c]! * SUMS;
        if (from >= sums.length) continue;
        for (let s = 0; s < TAKEN; s++) {
          const at = s * BLOCK_ROWS + i;
          byCategory[at] = byCategory[at]! + sums[from + s]! - records[at]!;
        }
      }
    }
  }

  private fade(asOf: Float64Array, counts: readonly Fading[], now: number): void {
    const { block, since } = this;
    // Before the first one, Infinity ago, nothing was counted.
    for (let i = 0; i < block.count; i++) since[i] = Math.max(0, now - asOf[i]!);
    for (const { exponent, from, to } of counts) block.math.fade(from, since, exponent, to);
  }
}

/** Of columns in the order of sums. */
function counted(columns: Float64Array): Counted {
  return {
    shown: columnOf(columns, SHOWN),
    answers: tallied(columns, ANSWERS),
    watches: columnOf(columns, WATCHES),
    watched: columnOf(columns, WATCHED),
  };
}

/** A column for each tally, from `first` on. */
function tallied(columns: Float64Array, first: number): readonly Float64Array[] {
  return TALLIES.map((_, t) => columnOf(columns, first + t));
}
