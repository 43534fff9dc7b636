/**
 * A clock on which every look costs time, and nothing else does: what learns until its time is over takes as many steps
 * on a slow machine as on a fast one, so that two trainings are equal, and few where looks are dear.
 */
import type { Clock, EpochMs, Ms } from "../src/core/index.ts";

export function tickingClock(tick: number, now: number = 0): Clock {
  let looks = 0;
  return { now: () => now as EpochMs, monotonic: () => (looks++ * tick) as Ms };
}
