/**
 * Maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998): the next slot goes to the candidate with the most
 * lambda * relevance - (1 - lambda) * (similarity to the most alike item already chosen), lambda = 1 - diversity.
 *
 * Relevance is the score, scaled so that the first window of candidates spans [0, 1]: similarities and scores of any
 * model are then on one scale. The window is the `pool` best candidates that are still in the running; as one leaves,
 * the next in order enters. So the cost is pool * limit, however many candidates there are.
 */
import type { ItemColumns } from "../catalog/index.ts";
import { type Looks, looksOf, similarity } from "./similarity.ts";

export class MarginalRelevance {
  private readonly looks: Looks;
  private readonly rows: Int32Array;
  private readonly scores: Float32Array;
  private readonly diversity: number;
  private readonly lowest: number;
  private readonly scale: number;
  /** (pool) indices of candidates, best first; (pool) their similarity to the most alike chosen item. */
  private readonly window: Int32Array;
  private readonly closest: Float32Array;
  private windowSize = 0;
  private next = 0;
  /** (limit) chosen rows; an item that enters late is compared with all of them. */
  private readonly chosen: Int32Array;
  private chosenCount = 0;

  /** `rows`, `scores`: (n) candidates, best first. `diversity` in [0, 1). */
  constructor(
    items: ItemColumns,
    rows: Int32Array,
    scores: Float32Array,
    settings: { readonly limit: number; readonly diversity: number; readonly pool: number },
  ) {
    this.looks = looksOf(items);
    this.rows = rows;
    this.scores = scores;
    this.diversity = settings.diversity;
    // Without diversity the best candidate is the next one: a window of one.
    const pool = Math.max(1, Math.min(settings.diversity > 0 ? settings.pool : 1, rows.length));
    this.window = new Int32Array(pool);
    this.closest = new Float32Array(pool);
    this.chosen = new Int32Array(settings.limit);
    this.lowest = scores[pool - 1] ?? 0;
    const span = (scores[0] ?? 0) - this.lowest;
    this.scale = span > 0 ? 1 / span : 0;
  }

  /**
   * Index of the candidate for the next slot, among those that `reached` does not hold back; -1 where none is left. From
   * one call to the next, `reached` may begin to hold back the row that was chosen and others with it, and only these.
   */
  choose(reached: (row: number) => boolean): number {
    this.fill(reached);
    let best = -1;
    let bestValue = -Infinity;
    for (let at = 0; at < this.windowSize; at++) {
      const relevance = (this.scores[this.window[at]!]! - this.lowest) * this.scale;
      const value = (1 - this.diversity) * relevance - this.diversity * this.closest[at]!;
      // Strictly greater: of equals the first in order wins.
      if (value > bestValue) {
        best = at;
        bestValue = value;
      }
    }
    if (best < 0) return -1;
    const index = this.window[best]!;
    this.leave(best);
    this.admit(this.rows[index]!);
    return index;
  }

  /** Drops who is held back by now, then lets the next in order enter until the window is full. */
  private fill(reached: (row: number) => boolean): void {
    if (this.chosenCount > 0 && reached(this.chosen[this.chosenCount - 1]!)) {
      for (let at = this.windowSize - 1; at >= 0; at--) {
        if (reached(this.rows[this.window[at]!]!)) this.leave(at);
      }
    }
    while (this.windowSize < this.window.length && this.next < this.rows.length) {
      const index = this.next++;
      const row = this.rows[index]!;
      if (reached(row)) continue;
      let closest = 0;
      if (this.diversity > 0) {
        for (let c = 0; c < this.chosenCount; c++) {
          closest = Math.max(closest, similarity(this.looks, row, this.chosen[c]!));
        }
      }
      this.window[this.windowSize] = index;
      this.closest[this.windowSize++] = closest;
    }
  }

  private leave(at: number): void {
    this.window.copyWithin(at, at + 1, this.windowSize);
    this.closest.copyWithin(at, at + 1, this.windowSize);
    this.windowSize--;
  }

  /** Remembers a chosen row, and that everyone in the window now has it beside them. */
  private admit(row: number): void {
    this.chosen[this.chosenCount++] = row;
    if (this.diversity === 0) return;
    const { looks, rows, window, windowSize, closest } = this;
    for (let at = 0; at < windowSize; at++) {
      const alike = similarity(looks, rows[window[at]!]!, row);
      if (alike > closest[at]!) closest[at] = alike;
    }
  }
}
