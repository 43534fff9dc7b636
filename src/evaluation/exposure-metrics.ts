/**
 * What one column of probabilities is worth on exposures, made ready for being measured again and again with other
 * weights of the users: one sort, then a linear pass over rows (AUC) and one over users (the rest) a measurement.
 */
import type { Buckets, GroupedRows } from "./exposures.ts";
import { intoBuckets } from "./exposures.ts";
import { ascendingOrder } from "./score-order.ts";

/** Ratios of sums over users, but for `auc`, which compares rows of different users. */
const RATIOS = ["gauc", "ndcg@10", "logLoss", "calibrationRatio"] as const;
export const METRICS = ["auc", ...RATIOS] as const;
export type Metric = (typeof METRICS)[number];

const CUT = 10;
const DISCOUNTS = Float64Array.from({ length: CUT }, (_, position) => 1 / Math.log2(position + 2));
const BINS = 20;
/** Probabilities are kept so far from 0 and 1 for the log loss: float32 has 1 - 6e-8 next to 1. */
const LEAST = 1e-6;

export interface ScoredColumn {
  readonly positives: number;
  /** Groups of at least two rows with a positive, which `ndcg@10` is the mean over, and how many rows they have. */
  readonly groups: number;
  readonly rowsOfGroups: number;
  readonly calibrationError: number;
  /** (N) user x 2 + label, by ascending score */
  readonly codes: Int32Array;
  /** (N) 1 at the last row of those of equal score */
  readonly ends: Uint8Array;
  /** [RATIOS] (users) */
  readonly numerators: readonly Float64Array[];
  readonly denominators: readonly Float64Array[];
}

/**
 * @param labels (N) 0 or 1
 * @param probabilities (N)
 */
export function scoredColumn(
  grouped: GroupedRows,
  labels: ArrayLike<number>,
  probabilities: Float32Array,
): ScoredColumn {
  const { rows, users, userOfRow } = grouped;
  const order = ascendingOrder(probabilities);
  const codes = new Int32Array(rows);
  const ends = new Uint8Array(rows);
  let positives = 0;
  for (let i = 0; i < rows; i++) {
    const row = order[i]!;
    const label = labels[row]! > 0 ? 1 : 0;
    positives += label;
    codes[i] = userOfRow[row]! * 2 + label;
    ends[i] = i + 1 === rows || probabilities[order[i + 1]!] !== probabilities[row] ? 1 : 0;
  }
  const gauc = userAucs(intoBuckets(order, userOfRow, users), labels, probabilities);
  const ndcg = groupGains(grouped, order, labels, probabilities);
  const { losses, counts, predicted, observed } = sumsOfUsers(grouped, labels, probabilities);
  return {
    positives,
    groups: ndcg.counts.reduce((sum, count) => sum + count, 0),
    rowsOfGroups: ndcg.rows,
    calibrationError: calibrationError(order, ends, labels, probabilities),
    codes,
    ends,
    numerators: [gauc.sums, ndcg.sums, losses, predicted],
    denominators: [gauc.counts, ndcg.counts, counts, observed],
  };
}

/**
 * How often each user counts. By code too, once for rows of each label: a loop that asks for the label instead is four
 * times slower, since the processor guesses half of the answers wrong.
 */
export interface UserWeights {
  /** (users) */
  readonly ofUsers: Uint8Array;
  /** (users x 2) at user x 2 + 1 the user's weight, else 0 */
  readonly ofPositives: Uint8Array;
  /** (users x 2) at user x 2 the user's weight, else 0 */
  readonly ofNegatives: Uint8Array;
}

export function userWeights(users: number): UserWeights {
  return {
    ofUsers: new Uint8Array(users),
    ofPositives: new Uint8Array(users * 2),
    ofNegatives: new Uint8Array(users * 2),
  };
}

/** @param counts (users) */
export function setWeights({ ofUsers, ofPositives, ofNegatives }: UserWeights, counts: Uint8Array): void {
  ofUsers.set(counts);
  for (let user = 0; user < counts.length; user++) {
    ofPositives[user * 2 + 1] = counts[user]!;
    ofNegatives[user * 2] = counts[user]!;
  }
}

/** Writes METRICS into `out` from `at` on; NaN where one is not defined. */
export function measureColumn(
  column: ScoredColumn,
  weights: UserWeights,
  out: Float64Array,
  at: number,
): void {
  out[at] = weightedAuc(column, weights);
  for (let ratio = 0; ratio < RATIOS.length; ratio++)
    out[at + 1 + ratio] = weightedRatio(
      column.numerators[ratio]!,
      column.denominators[ratio]!,
      weights.ofUsers,
    );
}

function weightedRatio(numerators: Float64Array, denominators: Float64Array, weights: Uint8Array): number {
  let numerator = 0;
  let denominator = 0;
  for (let user = 0; user < weights.length; user++) {
    numerator += weights[user]! * numerators[user]!;
    denominator += weights[user]! * denominators[user]!;
  }
  return denominator === 0 ? Number.NaN : numerator / denominator;
}

/** Share of pairs of a positive and a negative row where the positive one has the higher score; ties count half. */
function weightedAuc({ codes, ends }: ScoredColumn, { ofPositives, ofNegatives }: UserWeights): number {
  let below = 0;
  let tiedNegatives = 0;
  let tiedPositives = 0;
  let positives = 0;
  let won = 0;
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i]!;
    tiedPositives += ofPositives[code]!;
    tiedNegatives += ofNegatives[code]!;
    if (ends[i] === 1) {
      won += tiedPositives * (below + tiedNegatives / 2);
      positives += tiedPositives;
      below += tiedNegatives;
      tiedPositives = 0;
      tiedNegatives = 0;
    }
  }
  return positives === 0 || below === 0 ? Number.NaN : won / (positives * below);
}

/**
 * User-grouped AUC (Zhou et al. 2018, Deep Interest Network): of users with both classes, their AUC, weighted by their
 * number of rows.
 */
function userAucs({ starts, rows }: Buckets, labels: ArrayLike<number>, probabilities: Float32Array) {
  const users = starts.length - 1;
  const sums = new Float64Array(users);
  const counts = new Float64Array(users);
  for (let user = 0; user < users; user++) {
    const from = starts[user]!;
    const to = starts[user + 1]!;
    let won = 0;
    let below = 0;
    let positives = 0;
    for (let i = from, next = from; i < to; i = next) {
      let tied = 0;
      const score = probabilities[rows[i]!]!;
      for (; next < to && probabilities[rows[next]!] === score; next++)
        tied += labels[rows[next]!]! > 0 ? 1 : 0;
      const negatives = next - i - tied;
      won += tied * (below + negatives / 2);
      below += negatives;
      positives += tied;
    }
    if (positives === 0 || below === 0) continue;
    counts[user] = to - from;
    sums[user] = ((to - from) * won) / (positives * below);
  }
  return { sums, counts };
}

/**
 * NDCG@10 within each day of a user (Järvelin and Kekäläinen 2002), relevance 0 or 1; groups without a positive and
 * groups of one row say nothing and are left out.
 *
 * Where rows tie, the gain is the mean over all orders of the tied ones (McSherry and Najork 2008): like the half that
 * AUC counts, it gives equal scores what chance would give, neither hurting nor helping a ranker whose scores are
 * coarse, an int8 one for instance.
 */
function groupGains(
  { groups, users, groupOfRow, userOfGroup }: GroupedRows,
  order: Int32Array,
  labels: ArrayLike<number>,
  probabilities: Float32Array,
) {
  const sums = new Float64Array(users);
  const counts = new Float64Array(users);
  const { starts, rows } = intoBuckets(order, groupOfRow, groups);
  let included = 0;
  for (let group = 0; group < groups; group++) {
    const from = starts[group]!;
    const to = starts[group + 1]!;
    let positives = 0;
    for (let i = from; i < to; i++) positives += labels[rows[i]!]! > 0 ? 1 : 0;
    if (positives === 0 || to - from < 2) continue;
    let gain = 0;
    // From the best down; a run of equal scores takes the positions begin .. end.
    for (let i = to - 1, begin = 0; i >= from && begin < CUT; ) {
      const score = probabilities[rows[i]!]!;
      let tied = 0;
      let end = begin;
      let discounts = 0;
      for (; i >= from && probabilities[rows[i]!] === score; i--, end++) {
        tied += labels[rows[i]!]! > 0 ? 1 : 0;
        if (end < CUT) discounts += DISCOUNTS[end]!;
      }
      gain += (tied * discounts) / (end - begin);
      begin = end;
    }
    let best = 0;
    for (let position = 0; position < Math.min(CUT, positives); position++) best += DISCOUNTS[position]!;
    sums[userOfGroup[group]!]! += gain / best;
    counts[userOfGroup[group]!]!++;
    included += to - from;
  }
  return { sums, counts, rows: included };
}

/** Per user: log losses, rows, probabilities and labels, each summed. */
function sumsOfUsers(
  { rows, users, userOfRow }: GroupedRows,
  labels: ArrayLike<number>,
  probabilities: Float32Array,
) {
  const losses = new Float64Array(users);
  const counts = new Float64Array(users);
  const predicted = new Float64Array(users);
  const observed = new Float64Array(users);
  for (let row = 0; row < rows; row++) {
    const user = userOfRow[row]!;
    const probability = Math.min(1 - LEAST, Math.max(LEAST, probabilities[row]!));
    const positive = labels[row]! > 0;
    losses[user]! -= Math.log(positive ? probability : 1 - probability);
    counts[user]!++;
    predicted[user]! += probabilities[row];
    if (positive) observed[user]!++;
  }
  return { losses, counts, predicted, observed };
}

/**
 * Expected calibration error (Naeini et al. 2015) over 20 bins of equal size by probability; rows of equal probability
 * stay together in the bin of the first of them.
 */
function calibrationError(
  order: Int32Array,
  ends: Uint8Array,
  labels: ArrayLike<number>,
  probabilities: Float32Array,
): number {
  const n = order.length;
  const gaps = new Float64Array(BINS);
  let run = 0;
  for (let i = 0; i < n; i++) {
    const row = order[i]!;
    gaps[Math.floor((run * BINS) / n)]! += probabilities[row]! - (labels[row]! > 0 ? 1 : 0);
    if (ends[i] === 1) run = i + 1;
  }
  let error = 0;
  for (let bin = 0; bin < BINS; bin++) error += Math.abs(gaps[bin]!);
  return n === 0 ? Number.NaN : error / n;
}
