/** A request's budget as an absolute moment on the monotonic clock; stages take shares of what is left. */
import type { Clock } from "./clock.ts";
import type { Ms } from "./units.ts";

export class Deadline {
  readonly startedAt: Ms;
  private readonly clock: Clock;
  private readonly end: number;

  /** @param startedAt the moment from which the budget counts, where it is not this one */
  constructor(clock: Clock, budget: Ms, startedAt: Ms = clock.monotonic()) {
    this.clock = clock;
    this.startedAt = startedAt;
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
