/** One score out of the heads: the weighted sum of their probabilities. */

/**
 * @param probabilities [head] (n)
 * @param weights (heads)
 * @returns (n)
 */
export function blendHeads(probabilities: readonly Float32Array[], weights: readonly number[]): Float32Array {
  const n = probabilities[0]?.length ?? 0;
  const scores = new Float32Array(n);
  for (let h = 0; h < probabilities.length; h++) {
    const column = probabilities[h]!;
    const weight = weights[h]!;
    for (let i = 0; i < n; i++) scores[i] = scores[i]! + weight * column[i]!;
  }
  return scores;
}
