/** Two bundles on the same examples: the mean of each, and the difference with an interval over users. */
import { clusteredMean, type Estimate } from "../evaluation/index.ts";

export interface Paired {
  readonly examples: number;
  readonly users: number;
  readonly candidate: number;
  readonly reference: number;
  /** Candidate minus reference; the half-width is that of the interval of 95 %. */
  readonly difference: Estimate;
}

/**
 * @param candidate (n)
 * @param reference (n)
 * @param users (n)
 */
export function paired(candidate: Float64Array, reference: Float64Array, users: ArrayLike<number>): Paired {
  return {
    examples: candidate.length,
    users: new Set(Array.from(users)).size,
    candidate: clusteredMean(candidate, users).mean,
    reference: clusteredMean(reference, users).mean,
    difference: clusteredMean(
      candidate.map((value, i) => value - reference[i]!),
      users,
    ),
  };
}

/**
 * A loss that is allowed: retraining moves quality by about as much (guess), and 5 % must be refused also where the
 * sample shows a little less of it.
 */
const ALLOWED_LOSS = 0.02;

/** Whether the candidate is worse by more than noise: the interval leaves out 0, and the loss is no trifle. */
export function isWorse({ reference, difference: { mean, halfWidth } }: Omit<Paired, "candidate">): boolean {
  return mean + halfWidth < 0 && mean < -ALLOWED_LOSS * reference;
}

/** "-6.1 % ± 2.0 %" of the reference. */
export function lossText({ reference, difference }: Omit<Paired, "candidate">): string {
  const percent = (value: number) => `${((100 * value) / reference).toFixed(1)} %`;
  if (reference === 0) return `${difference.mean.toFixed(4)} ± ${difference.halfWidth.toFixed(4)}`;
  return `${difference.mean > 0 ? "+" : ""}${percent(difference.mean)} ± ${percent(difference.halfWidth)}`;
}
