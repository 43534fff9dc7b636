/** How figures of several rounds are told. */

/** Median and extremes of what was measured. */
export function spread(values: readonly number[]) {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    median: rounded(sorted[sorted.length >> 1]!),
    min: rounded(sorted[0]!),
    max: rounded(sorted.at(-1)!),
  };
}

/** Three digits are more than the spread leaves certain. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
