/**
 * The bootstrap over clusters (Efron and Tibshirani 1993): users are drawn with replacement, and a user's rows come
 * along as often as the user was drawn, since they are not independent of each other.
 */
import { Random } from "../core/index.ts";
import type { Estimate } from "./ranking-metrics.ts";

export interface BootstrapSettings {
  /** How often users are drawn anew. Percentiles of fewer than 500 jump about by more than a tenth of the interval. */
  readonly resamples: number;
  /** The same seed draws the same users, so that differences are paired. */
  readonly seed: number | string;
}

export const BOOTSTRAP: BootstrapSettings = { resamples: 500, seed: "bootstrap" };

/** Of the whole sample, with what the resamples say: NaN where the metric is not defined. */
export interface BootstrapEstimate extends Estimate {
  /** 2.5th percentile of the resamples. */
  readonly lower: number;
  /** 97.5th percentile of the resamples. */
  readonly upper: number;
}

/**
 * Values of several metrics with intervals.
 *
 * @param clusters how many there are
 * @param measure writes the metrics into `out` where cluster c is there `counts[c]` times; NaN where undefined
 */
export function bootstrap(
  clusters: number,
  metrics: number,
  measure: (counts: Uint8Array, out: Float64Array) => void,
  { resamples, seed }: BootstrapSettings,
): readonly BootstrapEstimate[] {
  // No cluster of many is drawn 256 times: the chance of 6 is 0.0005, of 20 it is 1e-19.
  const counts = new Uint8Array(clusters).fill(1);
  const whole = new Float64Array(metrics);
  measure(counts, whole);
  const out = new Float64Array(metrics);
  const drawn = Array.from({ length: metrics }, () => new Float64Array(resamples));
  const random = new Random(seed);
  for (let resample = 0; resample < resamples; resample++) {
    counts.fill(0);
    for (let i = 0; i < clusters; i++) counts[random.int(clusters)]!++;
    measure(counts, out);
    for (let metric = 0; metric < metrics; metric++) drawn[metric]![resample] = out[metric]!;
  }
  return drawn.map((values, metric) => estimateOf(whole[metric]!, values, clusters));
}

/** One cluster says nothing of how another one would differ: its interval is infinite. */
function estimateOf(mean: number, drawn: Float64Array, clusters: number): BootstrapEstimate {
  if (Number.isNaN(mean)) return { mean, halfWidth: Number.NaN, lower: Number.NaN, upper: Number.NaN };
  const values = drawn.filter((value) => !Number.isNaN(value)).sort();
  if (clusters < 2 || values.length < 2)
    return { mean, halfWidth: Infinity, lower: -Infinity, upper: Infinity };
  let sum = 0;
  for (const value of values) sum += value;
  const centre = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - centre) ** 2;
  return {
    mean,
    halfWidth: 1.96 * Math.sqrt(squares / (values.length - 1)),
    lower: percentile(values, 0.025),
    upper: percentile(values, 0.975),
  };
}

/** Of ascending values, interpolated. */
function percentile(values: Float64Array, share: number): number {
  const at = share * (values.length - 1);
  const below = Math.floor(at);
  const above = Math.min(values.length - 1, below + 1);
  return values[below]! + (at - below) * (values[above]! - values[below]!);
}
