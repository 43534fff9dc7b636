/** What is special about an item among those it is shown with. */

export interface StandingOut {
  readonly name: string;
  readonly value: number;
  /** Standard deviations from the mean over the shown items. */
  readonly deviations: number;
}

/**
 * For each item its `count` features that differ most from those of the other items, by standard deviations: scales
 * of features cannot be compared, and what is the same for all explains no order.
 */
export function standingOut(
  items: readonly Readonly<Record<string, number>>[],
  count: number,
): readonly (readonly StandingOut[])[] {
  const spread = new Map<string, { readonly mean: number; readonly deviation: number }>();
  for (const name of new Set(items.flatMap((features) => Object.keys(features)))) {
    const values = items.map((features) => features[name] ?? Number.NaN).filter(Number.isFinite);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    if (variance > 0) spread.set(name, { mean, deviation: Math.sqrt(variance) });
  }
  return items.map((features) =>
    Object.entries(features)
      .flatMap(([name, value]) => {
        const known = spread.get(name);
        if (known === undefined || !Number.isFinite(value)) return [];
        return [{ name, value, deviations: (value - known.mean) / known.deviation }];
      })
      .sort((a, b) => Math.abs(b.deviations) - Math.abs(a.deviations))
      .slice(0, count),
  );
}
