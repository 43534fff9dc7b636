/**
 * How well probabilities order and predict exposures, for each head: AUC, AUC within users, NDCG@10 within a user's
 * day, log loss and calibration, with intervals over users; and the same of two systems' differences, paired.
 */
import { UpnextError } from "../core/index.ts";
import { BOOTSTRAP, type BootstrapEstimate, type BootstrapSettings, bootstrap } from "./bootstrap.ts";
import {
  METRICS,
  type Metric,
  measureColumn,
  type ScoredColumn,
  scoredColumn,
  setWeights,
  userWeights,
} from "./exposure-metrics.ts";
import { type Exposures, type GroupedRows, groupRows } from "./exposures.ts";

/** One line of an evaluation table: a head of a system. Metrics that are not defined on these rows are NaN. */
export interface HeadScores extends Readonly<Record<Metric, BootstrapEstimate>> {
  readonly head: string;
  readonly exposures: number;
  readonly users: number;
  readonly positives: number;
  /** Days of users that `ndcg@10` is the mean over, and how many exposures they have on average. */
  readonly groups: number;
  readonly groupSize: number;
  /** Expected calibration error, 20 bins of equal size. Chance alone makes it larger than 0. */
  readonly calibrationError: number;
}

/** System a minus system b; what is below 0 for log loss is better. */
export interface HeadDifferences extends Readonly<Record<Metric, BootstrapEstimate>> {
  readonly head: string;
  readonly calibrationError: number;
}

/**
 * Takes about a second for 200,000 exposures and two heads.
 *
 * @param heads names of the label columns
 * @param probabilities [head] (N)
 */
export function exposureScores(
  exposures: Exposures,
  heads: readonly string[],
  probabilities: readonly Float32Array[],
  settings: BootstrapSettings = BOOTSTRAP,
): readonly HeadScores[] {
  const grouped = groupRows(exposures);
  const columns = columnsOf(exposures, grouped, heads, probabilities);
  const weights = userWeights(grouped.users);
  const size = METRICS.length;
  const estimates = bootstrap(
    grouped.users,
    heads.length * size,
    (counts, out) => {
      setWeights(weights, counts);
      for (let head = 0; head < columns.length; head++)
        measureColumn(columns[head]!, weights, out, head * size);
    },
    settings,
  );
  return columns.map((column, head) => ({
    head: heads[head]!,
    exposures: grouped.rows,
    users: grouped.users,
    positives: column.positives,
    groups: column.groups,
    groupSize: column.rowsOfGroups / column.groups,
    calibrationError: column.calibrationError,
    ...byMetric(estimates, head * size),
  }));
}

/**
 * Differences a - b on the same resamples of users: their intervals are much narrower than those of a and of b, since
 * what makes a user easy or hard for both is not in them.
 *
 * @param a [head] (N)
 * @param b [head] (N)
 */
export function exposureDifferences(
  exposures: Exposures,
  heads: readonly string[],
  a: readonly Float32Array[],
  b: readonly Float32Array[],
  settings: BootstrapSettings = BOOTSTRAP,
): readonly HeadDifferences[] {
  const grouped = groupRows(exposures);
  const first = columnsOf(exposures, grouped, heads, a);
  const second = columnsOf(exposures, grouped, heads, b);
  const weights = userWeights(grouped.users);
  const size = METRICS.length;
  const other = new Float64Array(size);
  const estimates = bootstrap(
    grouped.users,
    heads.length * size,
    (counts, out) => {
      setWeights(weights, counts);
      for (let head = 0; head < heads.length; head++) {
        measureColumn(first[head]!, weights, out, head * size);
        measureColumn(second[head]!, weights, other, 0);
        for (let metric = 0; metric < size; metric++) out[head * size + metric]! -= other[metric];
      }
    },
    settings,
  );
  return heads.map((head, at) => ({
    head,
    calibrationError: first[at]!.calibrationError - second[at]!.calibrationError,
    ...byMetric(estimates, at * size),
  }));
}

function columnsOf(
  exposures: Exposures,
  grouped: GroupedRows,
  heads: readonly string[],
  probabilities: readonly Float32Array[],
): readonly ScoredColumn[] {
  return heads.map((head, at) => {
    const labels = exposures.labels[at];
    const column = probabilities[at];
    if (labels?.length !== grouped.rows || column?.length !== grouped.rows)
      throw new UpnextError(
        "internal",
        `evaluation: expected ${grouped.rows} labels and probabilities of ${head}, got ${labels?.length} and ${column?.length}`,
      );
    return scoredColumn(grouped, labels, column);
  });
}

function byMetric(
  estimates: readonly BootstrapEstimate[],
  from: number,
): Readonly<Record<Metric, BootstrapEstimate>> {
  return Object.fromEntries(METRICS.map((metric, at) => [metric, estimates[from + at]!])) as Record<
    Metric,
    BootstrapEstimate
  >;
}
