/**
 * Learning rates by step: pure functions of the number of steps done, so that a training that goes on from a
 * checkpoint goes on with the right rate.
 */

/** The learning rate of the step that follows `done` steps. */
export type Schedule = (done: number) => number;

export interface WarmUpOptions {
  /** The largest rate. */
  readonly peak: number;
  /** Steps over which the rate rises linearly to the peak: peak / warmup at first. 0 for none. */
  readonly warmup: number;
}

export interface WarmUpCosineOptions extends WarmUpOptions {
  /** Steps in all; the last of them has a rate just above the floor. */
  readonly steps: number;
  /** Where the cosine ends, and the rate of all steps behind; 0 unless told. */
  readonly floor?: number;
}

/** Rises to the peak, then falls to the floor along half a cosine (I. Loshchilov, F. Hutter, "SGDR", ICLR 2017). */
export function warmupCosine({ peak, warmup, steps, floor = 0 }: WarmUpCosineOptions): Schedule {
  const rise = warmupConstant({ peak, warmup });
  return (done) => {
    if (done < warmup) return rise(done);
    const share = Math.min(1, (done - warmup) / Math.max(1, steps - warmup));
    return floor + ((peak - floor) * (1 + Math.cos(Math.PI * share))) / 2;
  };
}

/** Rises to the peak and stays there. */
export function warmupConstant({ peak, warmup }: WarmUpOptions): Schedule {
  return (done) => (done < warmup ? (peak * (done + 1)) / warmup : peak);
}
