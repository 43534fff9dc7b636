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
import { type NetworkRanker, networkRanker, type Ranker, type RankerHeader } from "../ranking/index.ts";
import { type Bundle, type BundleModels, decodeModels, type RankerFiles } from "../registry/index.ts";
import {
  closeSources,
  type LoadedSource,
  loadSources,
  type Source,
  sourcesNamed,
} from "../retrieval/index.ts";

export interface ServingModels {
  /** null without a bundle. */
  readonly bundle: { readonly id: BundleId; readonly trainedAt: EpochMs; readonly logOffset: Offset } | null;
  readonly sources: readonly LoadedSource[];
  readonly ranker: Ranker | null;
  readonly featureSet: FeatureSet;
  close(): Promise<void>;
}

/** Golden scores may differ by this much between machines: other vector widths add in another order. */
const GOLDEN_TOLERANCE = 1e-4;

/** Live statistics alone: popular, trending, fresh. */
export async function untrainedModels(catalog: Catalog): Promise<ServingModels> {
  const sources = await loadSources(sourcesNamed(), {}, catalog);
  return {
    bundle: null,
    sources,
    ranker: null,
    featureSet: featuresOf(sourceSchema(sources.map(({ retriever }) => retriever))),
    close: () => closeSources(sources),
  };
}

/**
 * Rejects with `bundle_corrupt`, `bundle_incompatible` (other features or sources than this code has),
 * `bundle_item_map_mismatch`, `bundle_wrong_dimension`, `bundle_not_finite` or `bundle_golden_mismatch`.
 */
export async function servingModels(bundle: Bundle, catalog: Catalog): Promise<ServingModels> {
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
  const ranker = models.ranker === null ? null : await loadRanker(bundle.id, models.ranker, featureSet);
  let sources: readonly LoadedSource[];
  try {
    sources = await loadSources(kinds, models.sources, catalog);
  } catch (cause) {
    await ranker?.close();
    throw cause;
  }
  return {
    bundle: {
      id: bundle.id,
      trainedAt: bundle.manifest.createdAt,
      logOffset: bundle.manifest.logOffset,
    },
    sources,
    ranker,
    featureSet,
    async close() {
      await Promise.all([ranker?.close(), closeSources(sources)]);
    },
  };
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

async function loadRanker(id: BundleId, files: RankerFiles, featureSet: FeatureSet): Promise<Ranker> {
  const ranker = await networkRanker(headerOf(id, files.header), files.model).catch((cause: unknown) => {
    if (cause instanceof UpnextError && cause.code !== "internal") throw cause;
    throw new UpnextError(
      "bundle_corrupt",
      `bundle ${id}: ranker: expected a network that can be loaded, got: ${messageOf(cause)}. Train again: upnext train`,
      { cause },
    );
  });
  try {
    await checkRanker(id, ranker, files.golden, featureSet);
  } catch (cause) {
    await ranker.close();
    throw cause;
  }
  return ranker;
}

async function checkRanker(
  id: BundleId,
  ranker: NetworkRanker,
  { rows, features, probabilities }: RankerFiles["golden"],
  featureSet: FeatureSet,
): Promise<void> {
  if (ranker.fingerprint !== featureSet.fingerprint) {
    throw new UpnextError(
      "bundle_corrupt",
      `bundle ${id}: ranker.json: expected the fingerprint of the manifest, got another`,
    );
  }
  const scored = await ranker.scoreRows(Float32Array.from(features), rows).catch((cause: unknown) => {
    throw new UpnextError(
      "bundle_wrong_dimension",
      `bundle ${id}: ranker: expected ${ranker.heads.length} heads for the columns of the golden inputs, got: ${messageOf(cause)}. Train again: upnext train`,
      { cause },
    );
  });
  for (let row = 0; row < rows; row++) {
    for (let h = 0; h < scored.length; h++) {
      const expected = probabilities[row * scored.length + h];
      const got = scored[h]![row]!;
      if (!Number.isFinite(got)) {
        throw new UpnextError(
          "bundle_not_finite",
          `bundle ${id}: golden row ${row}, head ${ranker.heads[h]}: expected a finite score, got ${got}. Train again: upnext train`,
        );
      }
      if (expected !== undefined && Math.abs(expected - got) <= GOLDEN_TOLERANCE) continue;
      throw new UpnextError(
        "bundle_golden_mismatch",
        `bundle ${id}: golden row ${row}, head ${ranker.heads[h]}: expected ${expected}, got ${got}. Train again: upnext train`,
      );
    }
  }
}

/** The first line: the runtime's messages go on with its own source code. */
function messageOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.split("\n")[0]!;
}

function headerOf(id: BundleId, value: unknown): RankerHeader {
  const header = Object(value) as Partial<RankerHeader>;
  const texts = (list: unknown): list is string[] =>
    Array.isArray(list) && list.every((x) => typeof x === "string");
  if (
    typeof header.name === "string" &&
    typeof header.fingerprint === "string" &&
    texts(header.heads) &&
    texts(header.features)
  ) {
    return {
      name: header.name,
      fingerprint: header.fingerprint,
      heads: header.heads,
      features: header.features,
    };
  }
  throw new UpnextError(
    "bundle_corrupt",
    `bundle ${id}: ranker.json: expected name, heads, features and fingerprint`,
  );
}
