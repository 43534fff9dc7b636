/** Rates of which little is known are drawn towards what is likely: empirical Bayes with a beta prior of given strength. */
import type { ColumnBlock } from "../tensor/index.ts";

/**
 * No rate is taken to be smaller, nor nearer to 1 (guess). What never happened would otherwise become less likely by the
 * year and by the level, and say how long a log is and not what an item is like.
 */
const LEAST_RATE = 1e-4;
const MOST_ODDS = (1 - LEAST_RATE) / LEAST_RATE;

/**
 * Odds of `hits` out of `trials` with a prior of the rate `prior` that counts as much as `strength` trials, for the rows of
 * a block. More answers than impressions come from senders who log one and not the other.
 */
export function oddsColumn(
  math: ColumnBlock,
  hits: Float64Array,
  trials: Float64Array,
  prior: Float64Array,
  strength: number,
  out: Float64Array,
): void {
  math.odds(hits, trials, prior, strength, MOST_ODDS, out);
}

/** The rate itself. */
export function smoothed(hits: number, trials: number, prior: number, strength: number): number {
  const rate = (Math.min(hits, trials) + strength * prior) / (trials + strength);
  return Math.max(LEAST_RATE, Math.min(1 - LEAST_RATE, rate));
}

/** `smoothed` for the rows of a block, in their columns. */
export function smoothedColumn(
  math: ColumnBlock,
  hits: Float64Array,
  trials: Float64Array,
  prior: Float64Array,
  strength: number,
  out: Float64Array,
): void {
  math.rate(hits, trials, prior, strength, LEAST_RATE, out);
}
