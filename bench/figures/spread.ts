/** How figures of several rounds are told. */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Median and extremes of what was measured. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    median: rounded(sorted[sorted.length >> 1]!),
    min: rounded(sorted[0]!),
    max: rounded(sorted.at(-1)!),
  };
}

/** Of each figure by name; one that a round lacks counts in the others. */
export function spreads(rounds: readonly Readonly<Record<string, number>>[]): Record<string, Spread> {
  const names = [...new Set(rounds.flatMap((figures) => Object.keys(figures)))];
  return Object.fromEntries(
    names.map((name) => [name, spread(rounds.flatMap((figures) => figures[name] ?? []))]),
  );
}

export function median(values: readonly number[]): number {
  return spread(values).median;
}

/** Three digits are more than the spread leaves certain. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
