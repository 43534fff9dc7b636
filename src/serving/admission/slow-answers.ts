/**
 * How long the slow ones among full answers take, from their turn on: a quantile that follows its requests one by one
 * (Robbins and Monro 1951). It says how much of a budget must be left for a full answer to be in time.
 */
import type { Ms } from "../../core/index.ts";

/** So many of a hundred take less. */
const QUANTILE = 0.95;
/** A request's step, in values: after a dozen slow ones in a row the value has trebled (guess). */
const GAIN = 0.1;

export class SlowAnswers {
  private value = 0;

  /** 0 before the first one. */
  get ms(): Ms {
    return this.value as Ms;
  }

  /** @param ms bounded by who calls: the value comes down by half a percent an answer, so one pause would be told for long */
  observe(ms: Ms): void {
    if (this.value === 0) this.value = ms;
    else this.value *= 1 + GAIN * (ms > this.value ? QUANTILE : QUANTILE - 1);
  }
}
