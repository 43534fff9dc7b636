/** Time enters the program here and nowhere else: replay and tests hand in their own clock. */
import type { EpochMs, Ms } from "./units.ts";

export interface Clock {
  /** Wall-clock time, for facts about the world. */
  now(): EpochMs;
  /** Monotonic time with an arbitrary zero, for durations and deadlines. */
  monotonic(): Ms;
}

export const systemClock: Clock = {
  now: () => Date.now() as EpochMs,
  monotonic: () => performance.now() as Ms,
};

/** A clock that moves only when told to. */
export class ManualClock implements Clock {
  private wall: number;
  private mono = 0;

  constructor(start: EpochMs = 0 as EpochMs) {
    this.wall = start;
  }

  now(): EpochMs {
    return this.wall as EpochMs;
  }

  monotonic(): Ms {
    return this.mono as Ms;
  }

  /** Moves both times forward by `ms`. */
  advance(ms: number): void {
    this.wall += ms;
    this.mono += ms;
  }
}

/** CPU time that the process has used up to now, all its threads, user and system. */
export function processCpu(): Ms {
  const { user, system } = process.cpuUsage();
  return ((user + system) / 1_000) as Ms;
}
