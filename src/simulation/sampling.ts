/** Drawing from fixed discrete distributions in O(log n). */

/** Running sums of non-negative `weights`, same length; the last one is their total. */
export function cumulative(weights: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(weights.length);
  let total = 0;
  for (let i = 0; i < weights.length; i++) {
    total += weights[i]!;
    sums[i] = total;
  }
  return sums;
}

/** Index whose interval of the running sums holds `u` (0 <= u < 1) of the total of the first `length` entries. */
export function drawFrom(sums: Float64Array, u: number, length = sums.length): number {
  return Math.min(firstAbove(sums, u * sums[length - 1]!, length), length - 1);
}

/** Number of entries of the ascending `values` that are <= `bound`. */
export function firstAbove(values: ArrayLike<number>, bound: number, length = values.length): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Weights of Zipf's law: `(rank + 1) ^ -exponent` for ranks from 0. */
export function zipf(count: number, exponent: number): Float64Array {
  const weights = new Float64Array(count);
  for (let i = 0; i < count; i++) weights[i] = (i + 1) ** -exponent;
  return weights;
}

export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** `value` limited to `low..high`. */
export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
