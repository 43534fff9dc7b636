import { affinity } from "./affinity.ts";
import { context } from "./context.ts";
import type { FeatureSchema } from "./feature-schema.ts";
import { type FeatureGroup, type FeatureSet, featureSet as setOf } from "./feature-set.ts";
import { habits } from "./habits.ts";
import { item } from "./item.ts";
import { place } from "./place.ts";
import { provenance } from "./provenance.ts";
import { rates } from "./rates.ts";
import { taste } from "./taste.ts";
import { userFacts } from "./user-facts.ts";

/** Every feature group. A new one is a file and a line here. */
export const FEATURE_GROUPS: readonly FeatureGroup[] = [
  context,
  place,
  userFacts,
  habits,
  provenance,
  item,
  rates,
  affinity,
  taste,
];

export function featureSet(
  schema: FeatureSchema,
  groups: readonly FeatureGroup[] = FEATURE_GROUPS,
): FeatureSet {
  return setOf(schema, groups);
}

export {
  type FactSchema,
  type FeatureSchema,
  fitFeatureSchema,
  parseFeatureSchema,
  type SchemaData,
  sourceSchema,
} from "./feature-schema.ts";
export type {
  Feature,
  FeatureColumn,
  FeatureContext,
  FeatureGroup,
  FeatureKind,
  FeatureSet,
  Features,
} from "./feature-set.ts";
export {
  type FeatureSummary,
  parseFeatureSummary,
  stabilityIndex,
  summaryOf,
} from "./feature-summary.ts";
export { MAX_VISITS, type Visits, visitsOf } from "./visits.ts";
