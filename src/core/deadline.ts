/** A request's budget as an absolute moment on the monotonic clock; stages take shares of what is left. */
import type { Clock } from "./clock.ts";
import type { Ms } from "./units.ts";

export class Deadline {
  readonly startedAt: Ms;
  private readonly clock: Clock;
  private readonly end: number;

  constructor(clock: Clock, budget: Ms) {
    this.clock = clock;
    this.startedAt = clock.monotonic();
    this.end = this.startedAt + budget;
  }

  /** Milliseconds left; negative once late. */
  remaining(): Ms {
    return (this.end - this.clock.monotonic()) as Ms;
  }

  elapsed(): Ms {
    return (this.clock.monotonic() - this.startedAt) as Ms;
  }

  expired(): boolean {
    return this.remaining() <= 0;
  }
}
