/**
 * Shares of the budget, and what fits into what is left of it.
 *
 * A stage ends at an absolute share of what there was at the call, so that time one stage saves is there for the next
 * ones, and time spent in a queue before it is missing for all.
 */
import type { Deadline, Ms } from "../core/index.ts";

/** By when a stage has to be over, as a share of the budget. The rest is for policy, answer and noise. */
export const STAGE_ENDS = { state: 0.3, encode: 0.45, retrieve: 0.6, rank: 0.9 } as const;

/** What is left of a request's budget for its stages. */
export class StageBudget {
  readonly deadline: Deadline;
  /** Milliseconds that were over at the call, and those that were left. */
  private readonly waited: number;
  private readonly whole: number;

  constructor(deadline: Deadline) {
    this.deadline = deadline;
    this.waited = deadline.elapsed();
    this.whole = deadline.remaining();
  }

  /** Milliseconds until the stage has to be over; negative once it is late. */
  left(stage: keyof typeof STAGE_ENDS): Ms {
    const { waited, whole } = this;
    return (waited + Math.max(0, whole) * STAGE_ENDS[stage] - this.deadline.elapsed()) as Ms;
  }
}

/** The rankers that a bundle may have: the one that it is released for, and one that costs less. */
const RANKERS = ["ranker", "cheaperRanker"] as const;
export type RankerPlace = (typeof RANKERS)[number];

/** Weight of the newest request in the mean, where one follows the other. */
const NEWEST = 0.2;
/** After each of these milliseconds of silence the newest weighs as much as one more of its kind would (guess). */
const SILENCE_MS = 100;
/** Before the first request (measured: some 2 µs on a slow core, with a margin). */
const FIRST_GUESS_MS = 0.005;
/** Of the mean, which is exceeded half of the time; who is late after all is answered in the order of retrieval (guess). */
const MARGIN = 1.5;
/** Fewer candidates than this are not worth ranking. */
export const FEWEST = 50;
/** A ranker that requests had no time for is measured by a request of nobody after so long (guess). */
const OVERDUE_MS = 250;

/**
 * How long each ranker takes, learned from the requests before: a decayed mean of milliseconds a candidate, features
 * and waiting for a thread included. A ranker that is not asked is not measured, so without requests of nobody
 * (`overdue`) one slow minute would switch it off for good.
 */
export class RankingCost {
  private readonly known: Readonly<Record<RankerPlace, { mean: number; at: number; declined: boolean }>> = {
    ranker: { mean: FIRST_GUESS_MS, at: Number.NEGATIVE_INFINITY, declined: false },
    cheaperRanker: { mean: FIRST_GUESS_MS, at: Number.NEGATIVE_INFINITY, declined: false },
  };

  observe(ranker: RankerPlace, candidates: number, ms: Ms, now: Ms): void {
    if (candidates === 0) return;
    const known = this.known[ranker];
    const silence = known.at === Number.NEGATIVE_INFINITY ? 0 : Math.max(0, now - known.at);
    const weight = 1 - (1 - NEWEST) ** (1 + silence / SILENCE_MS);
    known.mean += weight * (ms / candidates - known.mean);
    known.at = now;
    known.declined = false;
  }

  /** How many of `candidates` can be ranked in `left`; 0 where it is not worth beginning. */
  affordable(ranker: RankerPlace, candidates: number, left: Ms): number {
    const known = this.known[ranker];
    const fitting = Math.floor(left / (MARGIN * known.mean));
    if (fitting >= candidates) return candidates;
    known.declined = true;
    return fitting >= FEWEST ? fitting : 0;
  }

  /** Whether requests go without a ranker for want of time that nobody has measured for a while. */
  overdue(now: Ms): boolean {
    return RANKERS.some((ranker) => {
      const { declined, at } = this.known[ranker];
      return declined && now - at >= OVERDUE_MS;
    });
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
