/**
 * Item statistics, added to in log order.
 *
 * A decayed count refers to the newest event of its kind and item. A newer event first lets the count decay up to its
 * own time; a late one is added with the decay that it has suffered by then. Both give the same number, up to rounding;
 * since the log has one order, replaying it gives the same bits. Events of one time may come in any order.
 */
import { DAY } from "../core/index.ts";
import { type InteractionType, isVeto } from "../events/index.ts";
import {
  HALF_LIVES_DAYS,
  type ItemColumns,
  type ItemStatistics,
  RATE_HALF_LIVES_DAYS,
  TREND_HALF_LIFE,
} from "./catalog.ts";
import { FIRST_CAPACITY, type NumberColumn, widened } from "./columns.ts";
import { ANSWERS, ItemSums, SHARE_UNIT, SHOWN, SUMS, TAKEN, WATCHED, WATCHES } from "./item-sums.ts";
import { RowJournal } from "./row-changes.ts";
import { TALLIES, talliesOf } from "./tallies.ts";

/** Values of one half-life in a row of `recent`: shown, and the answers by tally. */
const RECENT = 1 + TALLIES.length;
const RECENT_ROW = RATE_HALF_LIVES_DAYS.length * RECENT;

/** A column of an image: so many values an item. */
export interface WideColumn {
  readonly column: NumberColumn;
  readonly width: number;
}

export class ItemCounters implements ItemStatistics {
  readonly changes = new RowJournal();
  engagements = new Float64Array(FIRST_CAPACITY);
  vetoes = new Float64Array(FIRST_CAPACITY);
  decayed: Float64Array[] = HALF_LIVES_DAYS.map(() => new Float64Array(FIRST_CAPACITY));
  decayedAt = new Float64Array(FIRST_CAPACITY).fill(-Infinity);
  heat = new Float64Array(FIRST_CAPACITY).fill(-Infinity);
  counts = new Float64Array(FIRST_CAPACITY * SUMS);
  recent = new Float32Array(FIRST_CAPACITY * RECENT_ROW);
  shownAt = new Float64Array(FIRST_CAPACITY).fill(-Infinity);
  answeredAt = new Float64Array(FIRST_CAPACITY).fill(-Infinity);
  readonly sums = new ItemSums();
  totalEngagements = 0;
  engagedItems = 0;
  newest = -Infinity;

  /** Makes room for `capacity` items. */
  widen(capacity: number): void {
    this.engagements = widened(this.engagements, capacity);
    this.vetoes = widened(this.vetoes, capacity);
    this.decayed = this.decayed.map((column) => widened(column, capacity));
    this.decayedAt = widened(this.decayedAt, capacity, -Infinity);
    this.heat = widened(this.heat, capacity, -Infinity);
    this.counts = widened(this.counts, capacity * SUMS);
    this.recent = widened(this.recent, capacity * RECENT_ROW);
    this.shownAt = widened(this.shownAt, capacity, -Infinity);
    this.answeredAt = widened(this.answeredAt, capacity, -Infinity);
  }

  /** The order is that of an image. */
  columns(): readonly WideColumn[] {
    const { engagements, vetoes, decayed, decayedAt, heat, counts, recent, shownAt, answeredAt } = this;
    const narrow = [engagements, vetoes, ...decayed, decayedAt, heat, shownAt, answeredAt];
    return [
      ...narrow.map((column) => ({ column, width: 1 })),
      { column: counts, width: SUMS },
      { column: recent, width: RECENT_ROW },
    ];
  }

  /**
   * Counts an interaction.
   *
   * @param value NaN where it had none
   * @param answered whether it names the request that it answers
   */
  count(
    row: number,
    type: InteractionType,
    time: number,
    value: number,
    answered: boolean,
    items: ItemColumns,
  ): void {
    if (time > this.newest) this.newest = time;
    if (isVeto(type)) {
      this.vetoes[row] = this.vetoes[row]! + 1;
      return;
    }
    this.engage(row, time);
    const tallies = talliesOf(type, value, items.duration[row]!);
    for (let t = 0; t < TALLIES.length; t++) {
      if (((tallies >> t) & 1) === 0) continue;
      this.add(row, TAKEN + t, 1, items);
      if (answered) this.add(row, ANSWERS + t, 1, items);
    }
    if (type === "watch" && !Number.isNaN(value)) {
      this.add(row, WATCHES, 1, items);
      this.add(row, WATCHED, Math.round(Math.fround(value) * SHARE_UNIT), items);
    }
    if (answered && tallies !== 0) {
      this.refresh(row, time, this.answeredAt, 1, RECENT, tallies);
    }
  }

  /** Counts a slot of an impression. */
  show(row: number, time: number, items: ItemColumns): void {
    this.add(row, SHOWN, 1, items);
    this.refresh(row, time, this.shownAt, 0, 1, 1);
  }

  /** Puts the item's counts into the sums of its creator and categories, or, with -1, takes them out. */
  regroup(row: number, sign: 1 | -1, items: ItemColumns): void {
    for (let which = 0; which < SUMS; which++) {
      const amount = this.counts[row * SUMS + which]!;
      if (amount !== 0) this.sums.addToGroups(row, which, sign * amount, items);
    }
  }

  /** Makes what is over all of the first `size` items, out of nothing. */
  sumUp(size: number, items: ItemColumns): void {
    for (let row = 0; row < size; row++) {
      if (this.engagements[row]! > 0) this.engagedItems++;
      this.totalEngagements += this.engagements[row]!;
      for (let which = 0; which < SUMS; which++) {
        const amount = this.counts[row * SUMS + which]!;
        if (amount !== 0) this.sums.add(row, which, amount, items);
      }
    }
  }

  private add(row: number, which: number, amount: number, items: ItemColumns): void {
    const at = row * SUMS + which;
    this.counts[at] = this.counts[at]! + amount;
    this.sums.add(row, which, amount, items);
  }

  private engage(row: number, time: number): void {
    if (this.engagements[row] === 0) this.engagedItems++;
    this.engagements[row] = this.engagements[row]! + 1;
    this.totalEngagements++;
    const reference = this.decayedAt[row]!;
    const age = Math.abs(time - reference); // Infinity at the first engagement: the empty count decays to nothing
    for (let h = 0; h < HALF_LIVES_DAYS.length; h++) {
      const column = this.decayed[h]!;
      const decay = 2 ** (-age / (HALF_LIVES_DAYS[h]! * DAY));
      column[row] = time >= reference ? column[row]! * decay + 1 : column[row]! + decay;
    }
    if (time > reference) this.decayedAt[row] = time;
    this.heat[row] =
      Math.log2(this.decayed[TREND_HALF_LIFE]![row]!) +
      this.decayedAt[row]! / (HALF_LIVES_DAYS[TREND_HALF_LIFE] * DAY);
    this.changes.add(row);
  }

  /** Adds to the decayed counts [from, to) of each half-life those whose bit is set. */
  private refresh(
    row: number,
    time: number,
    references: Float64Array,
    from: number,
    to: number,
    bits: number,
  ): void {
    const reference = references[row]!;
    const age = Math.abs(time - reference);
    for (let h = 0; h < RATE_HALF_LIVES_DAYS.length; h++) {
      const decay = 2 ** (-age / (RATE_HALF_LIVES_DAYS[h]! * DAY));
      const first = row * RECENT_ROW + h * RECENT;
      for (let i = from; i < to; i++) {
        const added = (bits >> (i - from)) & 1;
        const held = this.recent[first + i]!;
        // Rounded before the addition: then two events of one time may come in either order.
        this.recent[first + i] = time >= reference ? Math.fround(held * decay) + added : held + added * decay;
      }
    }
    if (time > reference) references[row] = time;
  }
}
