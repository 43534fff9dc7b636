/**
 * Item statistics, added to in log order.
 *
 * A decayed count refers to the newest engagement of its item. A newer event first lets the count decay up to its own
 * time; a late one is added with the decay that it has suffered by then. Both give the same number, up to rounding;
 * since the log has one order, replaying it gives the same bits.
 */
import { DAY } from "../core/index.ts";
import { HALF_LIVES_DAYS, type ItemStatistics, TREND_HALF_LIFE } from "./catalog.ts";
import { FIRST_CAPACITY, type NumberColumn, widened } from "./columns.ts";

export class ItemCounters implements ItemStatistics {
  engagements = new Float64Array(FIRST_CAPACITY);
  vetoes = new Float64Array(FIRST_CAPACITY);
  impressions = new Float64Array(FIRST_CAPACITY);
  decayed: Float64Array[] = HALF_LIVES_DAYS.map(() => new Float64Array(FIRST_CAPACITY));
  decayedAt = new Float64Array(FIRST_CAPACITY).fill(-Infinity);
  heat = new Float64Array(FIRST_CAPACITY).fill(-Infinity);
  totalEngagements = 0;
  newest = -Infinity;

  /** Makes room for `capacity` items. */
  widen(capacity: number): void {
    this.engagements = widened(this.engagements, capacity);
    this.vetoes = widened(this.vetoes, capacity);
    this.impressions = widened(this.impressions, capacity);
    this.decayed = this.decayed.map((column) => widened(column, capacity));
    this.decayedAt = widened(this.decayedAt, capacity, -Infinity);
    this.heat = widened(this.heat, capacity, -Infinity);
  }

  /** (capacity) each; the order is that of an image. */
  columns(): readonly NumberColumn[] {
    const { engagements, vetoes, impressions, decayed, decayedAt, heat } = this;
    return [engagements, vetoes, impressions, ...decayed, decayedAt, heat];
  }

  engage(row: number, time: number): void {
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
  }

  veto(row: number): void {
    this.vetoes[row] = this.vetoes[row]! + 1;
  }

  show(row: number): void {
    this.impressions[row] = this.impressions[row]! + 1;
  }

  /** Takes note of the time of an interaction of any kind. */
  see(time: number): void {
    if (time > this.newest) this.newest = time;
  }
}
