/**
 * How long the slow ones among full answers take, once they are computed: a quantile of the newest ones. It says how much
 * of a budget must be left for a full answer to be in time.
 */
import type { Ms } from "../../core/index.ts";

/** Answers that are looked back at: two seconds of 32 a second. */
const NEWEST = 64;
/** So many of them take longer than what is told: one pause of the machine makes a few late, and tells nothing. */
const LONGER = 3;
/** Where few get a full answer, those of long ago would keep it so: they count for so long (guess). */
const KNOWN_FOR_MS = 2_000;

export class SlowAnswers {
  private readonly newest: { readonly ms: Ms; readonly at: Ms }[] = [];
  private next = 0;
  private value = 0 as Ms;
  private observedAt = Number.NEGATIVE_INFINITY;

  /** 0 while no more than a few are known. */
  ms(now: Ms): Ms {
    return now - this.observedAt > KNOWN_FOR_MS ? (0 as Ms) : this.value;
  }

  observe(ms: Ms, now: Ms): void {
    this.observedAt = now;
    this.newest[this.next] = { ms, at: now };
    this.next = (this.next + 1) % NEWEST;
    const known = this.newest.flatMap(({ ms, at }) => (now - at > KNOWN_FOR_MS ? [] : [ms]));
    this.value = known.sort((a, b) => b - a)[LONGER] ?? (0 as Ms);
  }
}
