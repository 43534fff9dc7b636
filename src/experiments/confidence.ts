/**
 * Intervals that hold at all times together, so that one may look whenever one likes and stop when one has seen enough.
 *
 * The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit
 * theory and asymptotic confidence sequences" (2021, arXiv:2103.06476), theorem 2.2:
 *
 *     estimate ± sd · sqrt( 2 (t ρ² + 1) / (t² ρ²) · log( sqrt(t ρ² + 1) / α ) )
 *
 * With t ρ² = τ² / se², which is the same in units of information rather than of observations, it is the mixture
 * sequential test of Johari, Pekelis and Walsh (2017) with effects drawn from N(0, τ²):
 *
 *     estimate ± se · sqrt( 2 (1 + se²/τ²) · log( sqrt(1 + τ²/se²) / α ) )
 *
 * τ is chosen before anything is seen. What it changes is where the interval is tightest, not whether it holds.
 */

/** Chance that an experiment without a difference ever says that there is one. */
export const ALPHA = 0.05;

/** τ²/se² at which the interval is tightest, as the paper has it: -2 log α + log(-2 log α + 1). */
const BEST = -2 * Math.log(ALPHA) + Math.log(1 - 2 * Math.log(ALPHA));

/** How many standard errors the interval is to each side, where τ²/se² is `information`. */
function reach(information: number): number {
  return Math.sqrt(2 * (1 + 1 / information) * Math.log(Math.sqrt(1 + information) / ALPHA));
}

/** The τ with which the interval is tightest when it is `width` to each side. */
export function mixtureFor(width: number): number {
  return (Math.sqrt(BEST) * width) / reach(BEST);
}

/** Half the width of the interval. Infinite where nothing is known. */
export function halfWidth(se: number, mixture: number): number {
  if (!(se > 0) || !Number.isFinite(se)) return Number.POSITIVE_INFINITY;
  return se * reach((mixture / se) ** 2);
}

/** The standard error at which the interval is `width` to each side. */
export function errorFor(width: number, mixture: number): number {
  let low = 0;
  let high = width;
  // The interval grows with the error; 60 halvings are more than a double can tell apart.
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (halfWidth(middle, mixture) > width) high = middle;
    else low = middle;
  }
  return low;
}
