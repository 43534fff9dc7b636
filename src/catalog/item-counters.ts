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
import {
  ANSWERED_AT,
  clearRecords,
  DECAYED,
  DECAYED_AT,
  LATELY,
  RECENT,
  RECORD,
  SHOWN_AT,
  VETOES,
} from "./item-record.ts";
import { ANSWERS, ItemSums, SHARE_UNIT, SHOWN, SUMS, TAKEN, WATCHED, WATCHES } from "./item-sums.ts";
import { RowJournal } from "./row-changes.ts";
import { TALLIES, talliesOf } from "./tallies.ts";

/** A column of an image: one of its own, or numbers out of the records. */
type ImageColumn =
  | "engagements"
  | "heat"
  | { readonly at: number; readonly width: number; readonly bits: 32 | 64 };

const IMAGE: readonly ImageColumn[] = [
  "engagements",
  { at: VETOES, width: 1, bits: 64 },
  ...HALF_LIVES_DAYS.map((_, h) => ({ at: DECAYED + h, width: 1, bits: 64 }) as const),
  { at: DECAYED_AT, width: 1, bits: 64 },
  "heat",
  { at: SHOWN_AT, width: 1, bits: 64 },
  { at: ANSWERED_AT, width: 1, bits: 64 },
  { at: 0, width: SUMS, bits: 64 },
  { at: LATELY, width: RATE_HALF_LIVES_DAYS.length * RECENT, bits: 32 },
];

export class ItemCounters implements ItemStatistics {
  readonly changes = new RowJournal();
  engagements = new Float64Array(FIRST_CAPACITY);
  heat = new Float64Array(FIRST_CAPACITY).fill(-Infinity);
  records = new Float64Array(FIRST_CAPACITY * RECORD);
  readonly sums = new ItemSums();
  totalEngagements = 0;
  engagedItems = 0;
  newest = -Infinity;

  constructor() {
    clearRecords(this.records, 0);
  }

  /** Makes room for `capacity` items. */
  widen(capacity: number): void {
    const before = this.engagements.length;
    this.engagements = widened(this.engagements, capacity);
    this.heat = widened(this.heat, capacity, -Infinity);
    this.records = widened(this.records, capacity * RECORD);
    clearRecords(this.records, before);
  }

  /** The columns of an image of the first `size` items as they are now, in pieces of at most `most` numbers or one row. */
  copy(size: number, most: number): Iterable<NumberColumn> {
    const engagements = this.engagements.slice(0, size);
    const heat = this.heat.slice(0, size);
    const records = this.records.slice(0, size * RECORD);
    function* pieces(): Generator<NumberColumn> {
      for (const column of IMAGE) {
        if (column === "engagements") yield engagements;
        else if (column === "heat") yield heat;
        else {
          const rows = Math.max(1, Math.floor(most / column.width));
          for (let from = 0; from < size; from += rows) {
            yield packed(records, column, from, Math.min(size, from + rows));
          }
        }
      }
    }
    return pieces();
  }

  /** The columns of an image of `size` items, empty: what `fill` takes when they are filled in. */
  blank(size: number): readonly NumberColumn[] {
    return IMAGE.map((column) => {
      if (typeof column === "string") return new Float64Array(size);
      return column.bits === 32
        ? new Float32Array(size * column.width)
        : new Float64Array(size * column.width);
    });
  }

  /** Takes the columns of an image. */
  fill(columns: readonly NumberColumn[]): void {
    IMAGE.forEach((column, c) => {
      if (typeof column === "string") this[column].set(columns[c]!);
      else unpack(columns[c]!, column, this.records);
    });
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
      const at = row * RECORD + VETOES;
      this.records[at] = this.records[at]! + 1;
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
      this.refresh(row, time, ANSWERED_AT, 1, RECENT, tallies);
    }
  }

  /** Counts a slot of an impression. */
  show(row: number, time: number, items: ItemColumns): void {
    this.add(row, SHOWN, 1, items);
    this.refresh(row, time, SHOWN_AT, 0, 1, 1);
  }

  /** Puts the item's counts into the sums of its creator and categories, or, with -1, takes them out. */
  regroup(row: number, sign: 1 | -1, items: ItemColumns): void {
    for (let which = 0; which < SUMS; which++) {
      const amount = this.records[row * RECORD + which]!;
      if (amount !== 0) this.sums.addToGroups(row, which, sign * amount, items);
    }
  }

  /** Makes what is over all of the first `size` items, out of nothing. */
  sumUp(size: number, items: ItemColumns): void {
    for (let row = 0; row < size; row++) {
      if (this.engagements[row]! > 0) this.engagedItems++;
      this.totalEngagements += this.engagements[row]!;
      for (let which = 0; which < SUMS; which++) {
        const amount = this.records[row * RECORD + which]!;
        if (amount !== 0) this.sums.add(row, which, amount, items);
      }
    }
  }

  private add(row: number, which: number, amount: number, items: ItemColumns): void {
    const at = row * RECORD + which;
    this.records[at] = this.records[at]! + amount;
    this.sums.add(row, which, amount, items);
  }

  private engage(row: number, time: number): void {
    const { records } = this;
    const own = row * RECORD;
    if (this.engagements[row] === 0) this.engagedItems++;
    this.engagements[row] = this.engagements[row]! + 1;
    this.totalEngagements++;
    const reference = records[own + DECAYED_AT]!;
    const age = Math.abs(time - reference); // Infinity at the first engagement: the empty count decays to nothing
    for (let h = 0; h < HALF_LIVES_DAYS.length; h++) {
      const at = own + DECAYED + h;
      const decay = 2 ** (-age / (HALF_LIVES_DAYS[h]! * DAY));
      records[at] = time >= reference ? records[at]! * decay + 1 : records[at]! + decay;
    }
    if (time > reference) records[own + DECAYED_AT] = time;
    this.heat[row] =
      Math.log2(records[own + DECAYED + TREND_HALF_LIFE]!) +
      records[own + DECAYED_AT]! / (HALF_LIVES_DAYS[TREND_HALF_LIFE] * DAY);
    this.changes.add(row);
  }

  /** Adds to the recent counts [from, to) of each half-life those whose bit is set; `asOf` is where their time stands. */
  private refresh(row: number, time: number, asOf: number, from: number, to: number, bits: number): void {
    const { records } = this;
    const own = row * RECORD;
    const reference = records[own + asOf]!;
    const age = Math.abs(time - reference);
    for (let h = 0; h < RATE_HALF_LIVES_DAYS.length; h++) {
      const decay = 2 ** (-age / (RATE_HALF_LIVES_DAYS[h]! * DAY));
      const first = own + LATELY + h * RECENT;
      for (let i = from; i < to; i++) {
        const added = (bits >> (i - from)) & 1;
        const held = records[first + i]!;
        // Rounded before the addition: then two events of one time may come in either order.
        records[first + i] = Math.fround(
          time >= reference ? Math.fround(held * decay) + added : held + added * decay,
        );
      }
    }
    if (time > reference) records[own + asOf] = time;
  }
}

type RecordColumn = Exclude<ImageColumn, string>;

/** Numbers of the records of rows `from` .. `to` - 1 as a column of their own. */
function packed(
  records: Float64Array,
  { at, width, bits }: RecordColumn,
  from: number,
  to: number,
): NumberColumn {
  const count = (to - from) * width;
  const column = bits === 32 ? new Float32Array(count) : new Float64Array(count);
  for (let row = from, i = 0; row < to; row++) {
    const own = row * RECORD + at;
    for (let k = 0; k < width; k++) column[i++] = records[own + k]!;
  }
  return column;
}

/** The other way: a column's numbers into the records of the first rows. */
function unpack(column: NumberColumn, { at, width }: RecordColumn, records: Float64Array): void {
  for (let own = at, i = 0; i < column.length; own += RECORD) {
    for (let k = 0; k < width; k++) records[own + k] = column[i++]!;
  }
}
