/** Rates of which little is known are drawn towards what is likely: empirical Bayes with a beta prior of given strength. */

/** Log-odds of `hits` out of `trials` with a prior of the rate `prior` that counts as much as `strength` trials. */
export function logOdds(hits: number, trials: number, prior: number, strength: number): number {
  // More answers than impressions come from senders who log one and not the other.
  const misses = Math.max(0, trials - hits);
  return Math.log((hits + strength * prior) / (misses + strength * (1 - prior)));
}

/** The rate itself. */
export function smoothed(hits: number, trials: number, prior: number, strength: number): number {
  return (Math.min(hits, trials) + strength * prior) / (trials + strength);
}
