/**
 * Which features set an item apart from the others of its slate, by standard deviations: scales of features cannot be
 * compared, and what is the same for all explains no order.
 */
import type { Why } from "./api.ts";

export interface StandingOut {
  readonly name: string;
  readonly value: number;
  readonly mean: number;
  readonly deviations: number;
}

export function standingOut(own: Why, all: readonly Why[], most: number): readonly StandingOut[] {
  return Object.entries(own.features)
    .flatMap(([name, value]): StandingOut[] => {
      if (value === null) return [];
      const values = all.flatMap(({ features }) => features[name] ?? []);
      const mean = values.reduce((sum, each) => sum + each, 0) / values.length;
      const variance = values.reduce((sum, each) => sum + (each - mean) ** 2, 0) / values.length;
      return variance > 0 ? [{ name, value, mean, deviations: (value - mean) / Math.sqrt(variance) }] : [];
    })
    .sort((a, b) => Math.abs(b.deviations) - Math.abs(a.deviations))
    .slice(0, most);
}
