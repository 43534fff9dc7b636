/**
 * Turns for those who compute for milliseconds in one go: one a turn of the event loop. Two in a row, and whatever has
 * come meanwhile waits for both: requests in the kernel, where nobody knows how old they are, and what threads have
 * computed for requests that are nearly answered. One that has several parts pauses between them for as long as it takes
 * the loop to read all that, and nobody else computes before it goes on.
 */
import type { Clock, Ms } from "../../core/index.ts";

/** Those whose time is over compute little: so many of them, beside one who computes. */
const LATE_A_TURN = 4;

interface Waiting {
  /** Monotonic: the oldest request's turn comes first. */
  readonly since: Ms;
  /** Whether what it wants to compute would come too late. */
  readonly late: () => boolean;
  readonly begin: (late: boolean) => void;
}

export class LongTurns {
  private readonly clock: Clock;
  private readonly onRoom: () => void;
  private readonly waiting: Waiting[] = [];
  /** Those that are between two parts. */
  private readonly paused: (() => void)[] = [];
  private scheduled = false;
  /** When the newest computation began, until the loop has read what came since. */
  private began: Ms | undefined;

  /** @param onRoom called when somebody's turn has come */
  constructor(clock: Clock, onRoom: () => void) {
    this.clock = clock;
    this.onRoom = onRoom;
  }

  get depth(): number {
    return this.waiting.length;
  }

  /** Resolves at the turn of a request that waits since then, the oldest one first, with whether it is too late by then. */
  take(since: Ms, late: () => boolean): Promise<boolean> {
    return new Promise((begin) => {
      const younger = this.waiting.findIndex((other) => other.since > since);
      this.waiting.splice(younger < 0 ? this.waiting.length : younger, 0, { since, late, begin });
      this.schedule();
    });
  }

  /** Resolves when the loop has read what came during the part before. */
  pause(): Promise<void> {
    return new Promise((resume) => {
      this.paused.push(resume);
      this.schedule();
    });
  }

  /** From when on a request may have been waiting that is read now. */
  arrivedAt(): Ms {
    return this.began ?? this.clock.monotonic();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(this.turn);
  }

  private readonly turn = (): void => {
    this.scheduled = false;
    this.began = undefined;
    if (this.waiting.length + this.paused.length === 0) return;
    this.began = this.clock.monotonic();
    const resume = this.paused.shift();
    if (resume !== undefined) {
      resume();
      this.schedule();
      return;
    }
    for (let late = 0; late < LATE_A_TURN && this.waiting[0]?.late(); late++)
      this.waiting.shift()!.begin(true);
    const first = this.waiting[0];
    if (first !== undefined && !first.late()) this.waiting.shift()!.begin(false);
    // By the next turn everything has been read that came during this one.
    this.schedule();
    this.onRoom();
  };
}
