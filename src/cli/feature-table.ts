/** The report of `upnext features` as text. */
import type { FeatureLine, FeatureReport } from "../training/index.ts";
import { UsageError } from "./failure.ts";
import { type Column, textTable } from "./text-table.ts";

export const FEATURE_LEGEND =
  "coverage: share of the rows where the feature says something; drift: population stability index against what the " +
  "bundle was trained on: below 0.1 the values are as they were, above 0.25 they are not";

/** As in the legend. */
const MOVED = 0.25;

export function featureHeading({
  bundle,
  fingerprint,
  exposures,
  nextItems,
  features,
}: FeatureReport): string {
  const moved = features.filter(({ drift }) => drift !== null && drift > MOVED).length;
  const against = bundle === null ? "no bundle to compare with" : `${moved} moved since bundle ${bundle}`;
  return `${features.length} features (${fingerprint}) over ${exposures} slates and ${nextItems} next items; ${against}`;
}

const COLUMNS: readonly Column[] = [
  { title: "feature", max: 44 },
  { title: "of" },
  { title: "kind" },
  { title: "coverage", right: true },
  { title: "mean", right: true },
  { title: "deviation", right: true },
  { title: "10 %", right: true },
  { title: "median", right: true },
  { title: "90 %", right: true },
  { title: "drift", right: true },
];

/** @param groups names of the groups that are wanted; all where absent. Throws a UsageError for one that there is not */
export function featureTable({ features }: FeatureReport, groups?: readonly string[]): string {
  const known = new Set(features.map(({ group }) => group));
  const odd = groups?.find((group) => !known.has(group));
  if (odd !== undefined) {
    throw new UsageError(`option '--group <names...>': expected ${[...known].join(", ")}; got "${odd}".`);
  }
  const wanted = features.filter(({ group }) => groups === undefined || groups.includes(group));
  return textTable(COLUMNS, wanted.map(cells));
}

function cells({
  name,
  per,
  kind,
  known,
  mean,
  deviation,
  quantiles,
  drift,
}: FeatureLine): readonly string[] {
  const at = (decile: number) => number(quantiles[decile]!);
  const moved = drift === null ? "" : drift.toFixed(2);
  const coverage = `${(100 * known).toFixed(1)} %`;
  return [name, per, kind, coverage, number(mean), number(deviation), at(1), at(5), at(9), moved];
}

/** Three places that mean something. */
function number(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(1);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}
