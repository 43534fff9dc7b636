import { affinity } from "./affinity.ts";
import { context } from "./context.ts";
import type { FeatureGroup } from "./feature-set.ts";
import { item } from "./item.ts";
import { provenance } from "./provenance.ts";

/** Every feature group. A new one is a file and a line here. */
export const FEATURE_GROUPS: readonly FeatureGroup[] = [provenance, item, affinity, context];

export { type FeatureContext, type FeatureGroup, type FeatureSet, featureSet } from "./feature-set.ts";
