/**
 * What groups ask the catalog of a few candidates, gathered once for all of them.
 *
 * Candidates lie anywhere in the catalog, so what costs is waiting for memory. In a loop that does nothing but fetch, the
 * processor waits for many of them at a time; one that computes in between waits for one after the other.
 */
import { type Catalog, RECORD } from "../catalog/index.ts";
import { BLOCK_ROWS, type ColumnBlock } from "../tensor/index.ts";

/**
 * Some candidates, and the next ones when these are done: the arrays stay the same. What stands in them behind `count`
 * means nothing.
 */
export interface CandidateBlock {
  /** What computes with columns of the block. */
  readonly math: ColumnBlock;
  /** The first one's place among all candidates, and how many there are. */
  readonly from: number;
  readonly count: number;
  /** (BLOCK_ROWS) each; as ItemColumns and ItemStatistics have them. */
  readonly rows: Int32Array;
  readonly creator: Int32Array;
  readonly duration: Float32Array;
  readonly bornAt: Float64Array;
  readonly engagements: Float64Array;
  /** Of the catalog's `categories`, the first of the item's, and how many it has. */
  readonly categoryOffsets: Int32Array;
  readonly categoryCounts: Int32Array;
  /** (RECORD, BLOCK_ROWS) number k of the item's record is records[k * BLOCK_ROWS + i]. */
  readonly records: Float64Array;
}

/** Numbers of a cache line. */
const LINE = 8;

export class GatheredBlock implements CandidateBlock {
  from = 0;
  count = 0;
  readonly rows = new Int32Array(BLOCK_ROWS);
  readonly creator = new Int32Array(BLOCK_ROWS);
  readonly duration = new Float32Array(BLOCK_ROWS);
  readonly bornAt = new Float64Array(BLOCK_ROWS);
  readonly engagements = new Float64Array(BLOCK_ROWS);
  readonly categoryOffsets = new Int32Array(BLOCK_ROWS);
  readonly categoryCounts = new Int32Array(BLOCK_ROWS);
  readonly records: Float64Array;
  readonly math: ColumnBlock;
  /** (BLOCK_ROWS, RECORD) */
  private readonly copied: Float64Array;
  /** The sum of what was read for no other reason than to have it near: so the reads are not left out. */
  asked = 0;

  constructor(math: ColumnBlock) {
    this.math = math;
    this.records = math.numbers(RECORD);
    this.copied = math.numbers(RECORD);
  }

  /** Takes candidates from .. from + count - 1 of these catalog rows. */
  take(all: Int32Array, from: number, count: number, { items, statistics }: Catalog): void {
    const { rows } = this;
    this.from = from;
    this.count = count;
    for (let i = 0; i < count; i++) rows[i] = all[from + i]!;
    this.ask(statistics.records);
    pickInts(items.creator, rows, this.creator, count);
    pickInts(items.categoryOffsets, rows, this.categoryOffsets, count);
    pickInts(items.categoryCounts, rows, this.categoryCounts, count);
    pickFloats(items.duration, rows, this.duration, count);
    pickDoubles(items.bornAt, rows, this.bornAt, count);
    pickDoubles(statistics.engagements, rows, this.engagements, count);
    this.copy(statistics.records);
  }

  /** Reads a number of each line of the records: they come while others are waited for. */
  private ask(all: Float64Array): void {
    const { rows, count } = this;
    let asked = 0;
    for (let i = 0; i < count; i++) {
      const own = rows[i]! * RECORD;
      for (let k = 0; k < RECORD; k += LINE) asked += all[own + k]!;
      asked += all[own + RECORD - 1]!;
    }
    this.asked = asked;
  }

  /** Side by side first: writing every number into another line takes longer than turning them round together. */
  private copy(all: Float64Array): void {
    const { rows, count, math, copied, records } = this;
    for (let i = 0, to = 0; i < count; i++) {
      const own = rows[i]! * RECORD;
      for (let k = 0; k < RECORD; k++) copied[to++] = all[own + k]!;
    }
    math.columnsOf(copied, RECORD, records);
  }
}

// One function for each kind of array: a loop over several kinds asks at each number which one it has.

function pickInts(all: Int32Array, rows: Int32Array, out: Int32Array, count: number): void {
  for (let i = 0; i < count; i++) out[i] = all[rows[i]!]!;
}

function pickFloats(all: Float32Array, rows: Int32Array, out: Float32Array, count: number): void {
  for (let i = 0; i < count; i++) out[i] = all[rows[i]!]!;
}

function pickDoubles(all: Float64Array, rows: Int32Array, out: Float64Array, count: number): void {
  for (let i = 0; i < count; i++) out[i] = all[rows[i]!]!;
}
