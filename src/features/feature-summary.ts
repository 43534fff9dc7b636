/**
 * What values of a feature look like, small enough for a bundle, and how far others have moved from them.
 *
 * Movement is the population stability index: the sum over bins of (p - q) ln(p / q), where p and q are the shares of
 * the two samples. Its users take less than 0.1 for none and more than 0.25 for a lot (a convention of credit scoring).
 */

export interface FeatureSummary {
  /** Share of the rows where it says something. */
  readonly known: number;
  readonly mean: number;
  readonly deviation: number;
  /** (11) from the smallest value over the deciles to the largest. */
  readonly quantiles: readonly number[];
  /** Shares of the rows up to each different quantile, one after the other; none lay beyond the first and the last. */
  readonly shares: readonly number[];
}

const DECILES = 10;
/** A value this near to "unknown" is rounding. */
const NEAR = 1e-6;
/** An empty bin counts as this share, or one value would make the index infinite. */
const LEAST_SHARE = 1e-4;

/** @param unknown the value that says nothing, if there is one. Of no values at all every number is 0 */
export function summaryOf(values: Float32Array, unknown: number | undefined): FeatureSummary {
  const n = values.length;
  let known = 0;
  let sum = 0;
  for (const value of values) {
    if (unknown === undefined || Math.abs(value - unknown) > NEAR) known++;
    sum += value;
  }
  const mean = n === 0 ? 0 : sum / n;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  const sorted = values.slice().sort();
  const quantiles = Array.from({ length: DECILES + 1 }, (_, q) =>
    n === 0 ? 0 : sorted[Math.round((q / DECILES) * (n - 1))]!,
  );
  return {
    known: n === 0 ? 0 : known / n,
    mean,
    deviation: n === 0 ? 0 : Math.sqrt(squares / n),
    quantiles,
    shares: sharesUpTo(edgesOf(quantiles), values).slice(1, -1),
  };
}

/** How far these values have moved from those of the summary; 0 where there are none. */
export function stabilityIndex(before: FeatureSummary, values: Float32Array): number {
  if (values.length === 0) return 0;
  const now = sharesUpTo(edgesOf(before.quantiles), values);
  let index = 0;
  for (let bin = 0; bin < now.length; bin++) {
    const p = Math.max(now[bin]!, LEAST_SHARE);
    const q = Math.max(before.shares[bin - 1] ?? 0, LEAST_SHARE);
    index += (p - q) * Math.log(p / q);
  }
  return index;
}

/** The summary that `value` is, as JSON had it; undefined where it is none. */
export function parseFeatureSummary(value: unknown): FeatureSummary | undefined {
  const { known, mean, deviation, quantiles, shares } = Object(value) as Partial<FeatureSummary>;
  const numbers = [known, mean, deviation].every((number) => typeof number === "number");
  if (!numbers || !isNumbers(quantiles) || !isNumbers(shares)) return undefined;
  return { known, mean, deviation, quantiles, shares } as FeatureSummary;
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((number) => typeof number === "number");
}

function edgesOf(quantiles: readonly number[]): readonly number[] {
  return [...new Set(quantiles)];
}

/** Shares of the values below all edges, up to each edge, and beyond all. */
function sharesUpTo(edges: readonly number[], values: Float32Array): readonly number[] {
  const counts = new Array<number>(edges.length + 2).fill(0);
  for (const value of values) {
    let bin = value < edges[0]! ? 0 : 1;
    while (bin > 0 && bin <= edges.length && value > edges[bin - 1]!) bin++;
    counts[bin] = counts[bin]! + 1;
  }
  return counts.map((count) => count / Math.max(1, values.length));
}
