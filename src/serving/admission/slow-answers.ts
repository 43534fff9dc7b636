/**
 * How long the slow ones among full answers take, once they are computed: a quantile of the newest ones. It says how much
 * of a budget must be left for a full answer to be in time.
 */
import type { Ms } from "../../core/index.ts";

/** Answers that are looked back at: two seconds of 32 a second. */
const NEWEST = 64;
/** So many of them take longer than what is told: one pause of the machine makes a few late, and tells nothing. */
const LONGER = 3;

export class SlowAnswers {
  private readonly newest: Ms[] = [];
  private next = 0;
  private value = 0 as Ms;

  /** 0 before there are some. */
  get ms(): Ms {
    return this.value;
  }

  observe(ms: Ms): void {
    this.newest[this.next] = ms;
    this.next = (this.next + 1) % NEWEST;
    const slowest = this.newest.toSorted((a, b) => b - a);
    this.value = slowest[LONGER] ?? (0 as Ms);
  }
}
