/** Measured numbers with how far they may be off. */

/** A number with an interval: of 95 % where it says so, otherwise the smallest and the largest that was seen. */
export interface Spread {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
}

/** Median of some rounds, with the smallest and the largest of them; of an even number the upper one of the middle. */
export function medianOf(values: readonly number[]): Spread {
  const sorted = Float64Array.from(values).sort();
  return { value: sorted[sorted.length >> 1]!, lower: sorted[0]!, upper: sorted.at(-1)! };
}

/**
 * The value that a share of the values does not exceed (nearest rank), with its interval of 95 % free of any
 * distribution: how many of n values lie below a quantile is binomial, so the ranks between which it lies are known. The
 * upper end is the largest value where n is too small for more (up to 367 values for a share of 0.99).
 *
 * @param values (n), at least one
 */
export function quantileOf(values: readonly number[], share: number): Spread {
  const sorted = Float64Array.from(values).sort();
  const n = sorted.length;
  const at = (rank: number) => sorted[Math.min(n, Math.max(1, rank)) - 1]!;
  const [low, high] = ranksAround(n, share);
  return { value: at(Math.ceil(share * n - 1e-9)), lower: at(low), upper: at(high) };
}

/** 1-based ranks between which the quantile lies in 95 of 100 samples: 2.5 % on either side. */
function ranksAround(n: number, share: number): readonly [number, number] {
  // How probable it is that k values lie below the quantile; in logarithms, since 0.01^600 is no float64.
  let logTerm = n * Math.log(1 - share);
  let upToK = Math.exp(logTerm);
  let low = 0;
  for (let k = 0; k < n; k++) {
    if (upToK <= 0.025) low = k + 1;
    if (upToK >= 0.975) return [Math.max(1, low), k + 1];
    logTerm += Math.log(((n - k) / (k + 1)) * (share / (1 - share)));
    upToK += Math.exp(logTerm);
  }
  return [Math.max(1, low), n];
}
