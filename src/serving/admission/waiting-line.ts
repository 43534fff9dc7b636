/** The requests of one lane that wait, oldest first, with what tells how long a newcomer will wait. */
import type { Ms } from "../../core/index.ts";

/** Weight of the newest interval in the mean (guess: a dozen turns tell a new pace). */
const NEWEST = 0.1;

export interface Waiting {
  /** Monotonic. */
  readonly since: Ms;
  /** Milliseconds for the answer, waiting included. */
  readonly budget: Ms;
}

export class WaitingLine<T extends Waiting> {
  private readonly overAfter: number;
  private jobs: (T | undefined)[] = [];
  private head = 0;
  /** Milliseconds from a turn that counts to the next one. */
  private pace = 0;
  /** When the newest turn was, if it counts and left somebody waiting. */
  private turnAt: number | undefined;

  /** @param overAfter budgets after which a request is not answered any more */
  constructor(overAfter: number) {
    this.overAfter = overAfter;
  }

  get length(): number {
    return this.jobs.length - this.head;
  }

  get oldest(): T | undefined {
    return this.jobs[this.head];
  }

  push(job: T): void {
    this.jobs.push(job);
  }

  /** Takes out the oldest one. */
  shift(now: Ms): T | undefined {
    const job = this.jobs[this.head];
    if (job === undefined) return undefined;
    this.jobs[this.head++] = undefined;
    // What is in front is given back now and then: each entry is moved once for every two that came.
    if (this.head > 64 && this.head * 2 > this.jobs.length) {
      this.jobs = this.jobs.slice(this.head);
      this.head = 0;
    }
    if (this.turnAt !== undefined) this.pace += NEWEST * (now - this.turnAt - this.pace);
    // Nobody is left waiting, so the line keeps up: a pace that was learned from one long pause must not stay.
    else if (this.length === 0) this.pace *= 1 - NEWEST;
    this.turnAt = undefined;
    return job;
  }

  /** The pace is measured from the turn that has just begun: it was as cheap as a turn can be. */
  counts(now: Ms): void {
    if (this.length > 0) this.turnAt = now;
  }

  /** How long the oldest one has waited; 0 where nobody waits. */
  age(now: Ms): Ms {
    const oldest = this.jobs[this.head];
    return (oldest === undefined ? 0 : now - oldest.since) as Ms;
  }

  /** How long the oldest one may still wait; for ever where nobody waits. */
  left(now: Ms): Ms {
    const oldest = this.jobs[this.head];
    return oldest === undefined ? (Number.POSITIVE_INFINITY as Ms) : this.leftOf(oldest, now);
  }

  leftOf({ since, budget }: Waiting, now: Ms): Ms {
    return (since + this.overAfter * budget - now) as Ms;
  }

  /** How long somebody who comes now is going to wait at least, by the pace of the turns before. */
  expectedWait(): Ms {
    return (this.length * this.pace) as Ms;
  }
}
