import type { Source } from "../retrieval/index.ts";
import { affinity } from "./affinity.ts";
import { context } from "./context.ts";
import { type FeatureGroup, type FeatureSet, featureSet } from "./feature-set.ts";
import { item } from "./item.ts";
import { provenance } from "./provenance.ts";

/** Every feature group. A new one is a file and a line here. */
export const FEATURE_GROUPS: readonly FeatureGroup[] = [provenance, item, affinity, context];

/** The features of candidates that come from these sources. */
export function featuresFor(sources: readonly Pick<Source, "name" | "signalNames">[]): FeatureSet {
  return featureSet(
    FEATURE_GROUPS,
    sources.map((source) => source.name),
    sources.flatMap((source) => [...source.signalNames]),
  );
}

export { type FeatureContext, type FeatureGroup, type FeatureSet, featureSet } from "./feature-set.ts";
