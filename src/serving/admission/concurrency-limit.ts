/**
 * How many requests are worked on at once: as many as make no request slower.
 *
 * Beyond that number they wait for each other somewhere out of sight, for a thread or for a store; before it, they wait
 * in the queue, where their age is known. The limit grows while a request takes about as long as it always did, and
 * shrinks with the ratio of the two where it takes longer: "Gradient2" of Netflix' concurrency-limits
 * (https://github.com/Netflix/concurrency-limits, Gradient2Limit), which takes the idea from TCP Vegas (Brakmo and
 * Peterson, 1995).
 */
import type { Ms } from "../../core/index.ts";

const LEAST = 4;
const MOST = 256;
const FIRST = 16;
/** Requests that the long mean is of. Gradient2's own figure, as are all below but for `ROOM`. */
const LONG = 600;
/** How much longer than usual a request may take before the limit shrinks. */
const TOLERANCE = 1.5;
/** What is added at each request: so many may wait for each other, which is how a larger limit is found (guess). */
const ROOM = 2;
const SMOOTHING = 0.2;

export class ConcurrencyLimit {
  private limit = FIRST;
  private long = 0;
  private seen = 0;

  /** Requests that may be worked on at once. */
  get value(): number {
    return Math.floor(this.limit);
  }

  /** One request took `ms`, and `atOnce` were worked on when it was over, itself included. */
  observe(ms: Ms, atOnce: number): void {
    this.seen = Math.min(LONG, this.seen + 1);
    this.long += (ms - this.long) / this.seen;
    // After an overload the long mean is the overload's own: it comes down faster than it went up.
    if (this.long > 2 * ms) this.long *= 0.95;
    // Where the limit was not in the way, nothing is learned about it.
    if (atOnce < this.limit / 2) return;
    const gradient = Math.max(0.5, Math.min(1, (TOLERANCE * this.long) / Math.max(ms, 1e-3)));
    const wanted = this.limit * gradient + ROOM;
    this.limit += SMOOTHING * (wanted - this.limit);
    this.limit = Math.max(LEAST, Math.min(MOST, this.limit));
  }
}
