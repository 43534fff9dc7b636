/** Rows with exact scores, and with those of a first look: the best of them, and the sum of a softmax by both. */
import { bestOf } from "./best-of.ts";
import type { DistinctRows } from "./distinct-rows.ts";
import type { Kernels } from "./kernels.ts";
import { FEWEST } from "./shortlist.ts";

export interface Top {
  /** (m) allowed rows, best first, equal scores by the lower row; m <= n, less where fewer rows are allowed. */
  readonly rows: Int32Array;
  /** (m) their dot products. */
  readonly scores: Float32Array;
}

export interface SoftmaxTop extends Top {
  readonly logSum: number;
}

export class FoundRows {
  count = 0;
  /** (count) addresses. */
  readonly rows: number;
  readonly scores: number;
  private readonly looked: number;
  private readonly heads: number;
  private readonly kernels: Kernels;
  private readonly distinct: DistinctRows;
  private readonly allowed: number;

  constructor(kernels: Kernels, distinct: DistinctRows, allowed: number, capacity: number) {
    this.kernels = kernels;
    this.distinct = distinct;
    this.allowed = allowed;
    this.rows = kernels.reserve(capacity * 4);
    this.scores = kernels.reserve(capacity * 4);
    this.looked = kernels.reserve(capacity * 4);
    this.heads = kernels.reserve(capacity * 4);
  }

  /** The allowed rows of places, without those whose score is NaN; addresses of (count) places and scores. */
  of(places: number, exact: number, looked: number, count: number): void {
    const { kernels, distinct, allowed, heads, rows, scores } = this;
    this.count = kernels.call.rowsOfPlaces(
      ...([places, exact, looked, count, distinct.first, distinct.next, allowed, heads] as const),
      ...([rows, scores, this.looked] as const),
    );
  }

  best(wanted: number): Top {
    const { kernels, rows, scores, count } = this;
    return bestOf(kernels.ints(rows, count), kernels.floats(scores, count), count, wanted);
  }

  /** Looks up what a first look said of rows that were found otherwise. @param room (count) for their places */
  lookedAt(byPlace: number, room: number): void {
    const { call } = this.kernels;
    call.scoresOfRows(this.distinct.placeOf, this.rows, this.count, room);
    call.scoresOfRows(byPlace, room, this.count, this.looked);
  }

  /**
   * log of a sum in which the best have their exact scores and not those of the first look.
   *
   * @param best of these rows, one or more
   * @param sum Σ exp(first look - top)
   */
  logSum({ rows, scores }: Top, sum: number, top: number): number {
    const last = Math.min(FEWEST, rows.length) - 1;
    const missed = this.kernels.call.sumExpOfBest(
      ...([this.rows, this.scores, this.looked, this.count, scores[last]!, rows[last]!, top] as const),
    );
    return top + Math.log(sum + missed);
  }
}
