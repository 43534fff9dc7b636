/**
 * How many requests are worked on at once: as many as make no request much slower.
 *
 * Beyond that number they wait for each other somewhere out of sight, for a thread or for a store; before it, they wait
 * in the queue, where their age is known. The limit follows the ratio of how long a request takes among few to how long
 * it takes now: the gradient of Netflix' concurrency-limits (https://github.com/Netflix/concurrency-limits, GradientLimit),
 * after TCP Vegas (Brakmo and Peterson, 1995). As there, a few requests are let through alone now and then, to see how
 * long they take then; a mean over the last minutes instead would learn the overload as normal.
 */
import type { Ms } from "../../core/index.ts";

/** So few never wait for each other for long; what they take is what others are compared with. */
const LEAST = 4;
const MOST = 256;
const FIRST = 16;
/** Requests under a limit that is in the way, until the next few are let through alone (guess). */
const PROBE_EVERY = 1_000;
const PROBED = 8;
/** How much longer than among few a request may take before the limit shrinks. */
const TOLERANCE = 1.5;
/** What is added at each request: so many may wait for each other, which is how a larger limit is found (guess). */
const ROOM = 2;
const SMOOTHING = 0.2;

export class ConcurrencyLimit {
  private limit = FIRST;
  /** Milliseconds that a request takes among few. */
  private few = 0;
  private probed = 0;
  private sum = 0;
  private untilProbe = PROBE_EVERY;

  /** Requests that may be worked on at once. */
  get value(): number {
    return this.untilProbe === 0 ? LEAST : Math.floor(this.limit);
  }

  /** One request took `ms`, and `atOnce` were worked on when it was over, itself included. */
  observe(ms: Ms, atOnce: number): void {
    if (atOnce <= LEAST) this.compareWith(ms);
    // Where the limit was not in the way, nothing is learned about it.
    if (this.untilProbe === 0 || this.few === 0 || atOnce < this.limit / 2) return;
    this.untilProbe--;
    const gradient = Math.max(0.5, Math.min(1, (TOLERANCE * this.few) / Math.max(ms, 1e-3)));
    const wanted = this.limit * gradient + ROOM;
    this.limit += SMOOTHING * (wanted - this.limit);
    this.limit = Math.max(LEAST, Math.min(MOST, this.limit));
  }

  /** Takes a request among few into the mean of the newest few. */
  private compareWith(ms: Ms): void {
    this.sum += ms;
    if (++this.probed < PROBED) return;
    this.few = this.sum / PROBED;
    this.probed = 0;
    this.sum = 0;
    if (this.untilProbe === 0) this.untilProbe = PROBE_EVERY;
  }
}
