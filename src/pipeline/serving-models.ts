/**
 * What answers requests: the sources and the ranker of one bundle, or, without a bundle, the sources that need no
 * training. A bundle that does not fit this catalog, this code or its own golden scores is refused by name.
 */
import type { Catalog } from "../catalog/index.ts";
import { type BundleId, type EpochMs, type Offset, UpnextError } from "../core/index.ts";
import {
  type FeatureSet,
  featureSet as featuresOf,
  parseFeatureSchema,
  sourceSchema,
} from "../features/index.ts";
import type { ModelLoader, Ranker } from "../ranking/index.ts";
import { type Bundle, type BundleModels, decodeModels, type RankerFiles } from "../registry/index.ts";
import {
  closeSources,
  type LoadedSource,
  loadSources,
  type Source,
  sourcesNamed,
} from "../retrieval/index.ts";
import { loadRanker } from "./load-ranker.ts";

export interface ServingModels {
  /** null without a bundle. */
  readonly bundle: { readonly id: BundleId; readonly trainedAt: EpochMs; readonly logOffset: Offset } | null;
  readonly sources: readonly LoadedSource[];
  readonly ranker: Ranker | null;
  /** Of the bundle, for when there is no time for the other one; null where that one is the cheapest. */
  readonly cheaperRanker: Ranker | null;
  readonly featureSet: FeatureSet;
  close(): Promise<void>;
}

/** Live statistics alone: popular, trending, fresh. */
export async function untrainedModels(catalog: Catalog): Promise<ServingModels> {
  const sources = await loadSources(sourcesNamed(), {}, catalog);
  return {
    bundle: null,
    sources,
    ranker: null,
    cheaperRanker: null,
    featureSet: featuresOf(sourceSchema(sources.map(({ retriever }) => retriever))),
    close: () => closeSources(sources),
  };
}

/**
 * Rejects with `bundle_corrupt`, `bundle_incompatible` (other features or sources than this code has),
 * `bundle_item_map_mismatch`, `bundle_wrong_dimension`, `bundle_not_finite` or `bundle_golden_mismatch`.
 *
 * @param model where networks compute; in the caller's thread unless told
 */
export async function servingModels(
  bundle: Bundle,
  catalog: Catalog,
  model?: ModelLoader,
): Promise<ServingModels> {
  const models = decodeModels(bundle);
  checkItems(bundle.id, models, catalog);
  const kinds = sourcesNamed(sourceNames(bundle));
  const featureSet = featuresIn(bundle.id, models, kinds);
  if (featureSet.fingerprint !== bundle.manifest.fingerprint) {
    throw new UpnextError(
      "bundle_incompatible",
      `bundle ${bundle.id}: expected features with the fingerprint ${featureSet.fingerprint}, got ${bundle.manifest.fingerprint}: it was trained by another version. Train again: upnext train`,
    );
  }
  const missing = kinds.filter(({ fit, name }) => fit !== undefined && models.sources[name] === undefined);
  if (missing.length > 0) {
    throw new UpnextError(
      "bundle_corrupt",
      `bundle ${bundle.id}: expected tables of ${missing.map(({ name }) => name).join(", ")}, there are none. Train again: upnext train`,
    );
  }
  const opened: { close?(): Promise<void> }[] = [];
  const rankerOf = async (files: RankerFiles | null) => {
    if (files === null) return null;
    const ranker = await loadRanker(bundle.id, files, featureSet, model);
    opened.push(ranker);
    return ranker;
  };
  const close = async () => {
    await Promise.all(opened.map((part) => part.close?.()));
  };
  try {
    const ranker = await rankerOf(models.ranker);
    const cheaperRanker = await rankerOf(models.cheaperRanker);
    const sources = await loadSources(kinds, models.sources, catalog, model);
    opened.push({ close: () => closeSources(sources) });
    const { createdAt, logOffset } = bundle.manifest;
    return {
      bundle: { id: bundle.id, trainedAt: createdAt, logOffset },
      sources,
      ranker,
      cheaperRanker,
      featureSet,
      close,
    };
  } catch (cause) {
    await close();
    throw cause;
  }
}

/** The features of the bundle's schema, with what the sources of this code say. */
function featuresIn(id: BundleId, { features }: BundleModels, kinds: readonly Source[]): FeatureSet {
  const schema = parseFeatureSchema(Object(features).schema);
  const { sources, signals } = sourceSchema(kinds);
  if (schema !== undefined) return featuresOf({ ...schema, sources, signals });
  throw new UpnextError(
    "bundle_corrupt",
    `bundle ${id}: features.json: expected a schema of sources, signals, surfaces, devices and facts, got something else. Train again: upnext train`,
  );
}

/** Rows mean the same items in the bundle's tables and in the catalog. */
function checkItems(id: BundleId, models: BundleModels, catalog: Catalog): void {
  const { items } = models;
  if (items.length > catalog.size) {
    throw new UpnextError(
      "bundle_item_map_mismatch",
      `bundle ${id}: expected at most the ${catalog.size} items of the catalog, got ${items.length}: it belongs to another log. Train on this one: upnext train`,
    );
  }
  for (let row = 0; row < items.length; row++) {
    if (items[row] === catalog.idOf(row)) continue;
    throw new UpnextError(
      "bundle_item_map_mismatch",
      `bundle ${id}: expected item row ${row} to be the catalog's, got another: it belongs to another log. Train on this one: upnext train`,
    );
  }
}

/** The sources that the bundle was trained with, as the configuration in its manifest names them. */
function sourceNames(bundle: Bundle): readonly string[] {
  const { sources } = Object(bundle.manifest.config) as { sources?: unknown };
  if (Array.isArray(sources) && sources.every((name) => typeof name === "string")) return sources;
  throw new UpnextError(
    "bundle_corrupt",
    `bundle ${bundle.id}: manifest: config.sources: expected names of sources`,
  );
}
