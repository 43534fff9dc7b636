/**
 * Metrics of one ranked list with one relevant item, and their means with intervals.
 *
 * All items of the catalogue are ranked (a sample of negatives is not comparable: Krichene and Rendle 2020), and a tie
 * counts against the model. With one relevant item HR@k = Recall@k and NDCG@k = 1 / log2(rank + 1).
 */

/**
 * 1-based rank of `target` among scored rows, or Infinity where it is not among them. Whatever is not scored below it
 * counts against it: ties, and scores that are NaN, its own included.
 */
export function pessimisticRank(rows: Int32Array, scores: Float32Array, target: number): number {
  const at = rows.indexOf(target);
  if (at < 0) return Infinity;
  const score = scores[at]!;
  let rank = 0;
  for (let i = 0; i < rows.length; i++) if (!(scores[i]! < score)) rank++;
  return rank;
}

export function hitAt(rank: number, k: number): number {
  return rank <= k ? 1 : 0;
}

export function ndcgAt(rank: number, k: number): number {
  return rank <= k ? 1 / Math.log2(rank + 1) : 0;
}

/** A mean with the half-width of its 95 % interval. */
export interface Estimate {
  readonly mean: number;
  readonly halfWidth: number;
}

/**
 * Mean over examples with a normal interval whose variance is taken over clusters (users), since the examples of one
 * user are not independent. Infinite half-width with fewer than two clusters.
 *
 * @param values (n)
 * @param clusters (n) cluster of each value
 */
export function clusteredMean(values: ArrayLike<number>, clusters: ArrayLike<number>): Estimate {
  const n = values.length;
  let sum = 0;
  for (let i = 0; i < n; i++) sum += values[i]!;
  const mean = n === 0 ? 0 : sum / n;
  const residuals = new Map<number, number>();
  for (let i = 0; i < n; i++) {
    const cluster = clusters[i]!;
    residuals.set(cluster, (residuals.get(cluster) ?? 0) + values[i]! - mean);
  }
  const groups = residuals.size;
  if (groups < 2) return { mean, halfWidth: Infinity };
  let squares = 0;
  for (const residual of residuals.values()) squares += residual * residual;
  const variance = (squares * groups) / (groups - 1) / (n * n);
  return { mean, halfWidth: 1.96 * Math.sqrt(variance) };
}
