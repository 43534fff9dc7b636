/**
 * Shares of the budget, and what fits into what is left of it.
 *
 * A stage ends at an absolute share of the whole, so that time one stage saves is there for the next ones. How long
 * ranking takes is learned from the requests before: a decayed mean of milliseconds a candidate.
 */
import type { Ms } from "../core/index.ts";

/** By when a stage has to be over, as a share of the budget. The rest is for policy, answer and noise. */
export const STAGE_ENDS = { state: 0.3, encode: 0.45, retrieve: 0.6, rank: 0.9 } as const;

/** Weight of the newest request in the mean. */
const NEWEST = 0.2;
/** Before the first request (measured: some 2 µs on a slow core, with a margin). */
const FIRST_GUESS_MS = 0.005;
/** Twice the mean, since a mean is exceeded half of the time. */
const MARGIN = 2;
/** Fewer candidates than this are not worth ranking. */
const FEWEST = 50;
/**
 * How much of what the mean has above the first guess each request that is not ranked takes off (guess: a mean of ten
 * times what fits comes back within some hundred requests). A ranker that is not asked is not measured, so without
 * this one slow minute would switch ranking off for good.
 */
const FORGOTTEN = 0.02;

export class RankingCost {
  private msACandidate = FIRST_GUESS_MS;

  observe(candidates: number, ms: Ms): void {
    if (candidates === 0) return;
    this.msACandidate += NEWEST * (ms / candidates - this.msACandidate);
  }

  /** How many of `candidates` can be ranked in `left`; 0 where it is not worth beginning. */
  affordable(candidates: number, left: Ms): number {
    const fitting = Math.floor(left / (MARGIN * this.msACandidate));
    if (fitting >= candidates) return candidates;
    if (fitting >= FEWEST) return fitting;
    this.msACandidate -= FORGOTTEN * Math.max(0, this.msACandidate - FIRST_GUESS_MS);
    return 0;
  }
}

/** The promise's value, or `late` where it takes longer than `ms`. A failure later on is not left unhandled. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | "late"> {
  if (ms === Number.POSITIVE_INFINITY) return promise;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), Math.max(0, ms));
  });
  promise.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
