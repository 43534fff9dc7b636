/** The ranker of a bundle, once it has said again what it said when it was made. */
import { type BundleId, UpnextError } from "../core/index.ts";
import type { FeatureSet } from "../features/index.ts";
import {
  type Calibration,
  type ModelLoader,
  type NetworkRanker,
  networkRanker,
  type Ranker,
  type RankerHeader,
  type Vocabulary,
} from "../ranking/index.ts";
import type { GoldenScores, RankerFiles } from "../registry/index.ts";

/** Golden scores may differ by this much between machines: other vector widths add in another order. */
const GOLDEN_TOLERANCE = 1e-4;

/** Rejects with `bundle_corrupt`, `bundle_wrong_dimension`, `bundle_not_finite` or `bundle_golden_mismatch`. */
export async function loadRanker(
  id: BundleId,
  files: RankerFiles,
  featureSet: FeatureSet,
  load?: ModelLoader,
): Promise<Ranker> {
  const ranker = await networkRanker(headerOf(id, files.header), files.models, load).catch(
    (cause: unknown) => {
      if (cause instanceof UpnextError && cause.code !== "internal") throw cause;
      throw new UpnextError(
        "bundle_corrupt",
        `bundle ${id}: ranker: expected networks that can be loaded, got: ${messageOf(cause)}. Train again: upnext train`,
        { cause },
      );
    },
  );
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
  golden: GoldenScores,
  featureSet: FeatureSet,
): Promise<void> {
  if (ranker.fingerprint !== featureSet.fingerprint) {
    throw new UpnextError(
      "bundle_corrupt",
      `bundle ${id}: ranker.json: expected the fingerprint of the manifest, got another`,
    );
  }
  const scored = await ranker.scoreInputs(feedsOf(golden)).catch((cause: unknown) => {
    throw new UpnextError(
      "bundle_wrong_dimension",
      `bundle ${id}: ranker: expected ${ranker.heads.length} heads for the columns of the golden inputs, got: ${messageOf(cause)}. Train again: upnext train`,
      { cause },
    );
  });
  scored.forEach((column, h) => {
    for (let row = 0; row < column.length; row++) {
      const expected = golden.probabilities[h]?.[row];
      const got = column[row]!;
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
  });
}

function feedsOf({ inputs }: GoldenScores) {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { type, dims, data }]) => [
      name,
      { dims, data: type === "int32" ? Int32Array.from(data) : Float32Array.from(data) },
    ]),
  );
}

/** The first line: the runtime's messages go on with its own source code. */
function messageOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.split("\n")[0]!;
}

function headerOf(id: BundleId, value: unknown): RankerHeader {
  const { name, fingerprint, heads, requestFeatures, candidateFeatures, vocabulary, calibration } = Object(
    value,
  ) as Partial<RankerHeader>;
  if (
    typeof name === "string" &&
    typeof fingerprint === "string" &&
    Array.isArray(heads) &&
    heads.every((head) => typeof head === "string") &&
    typeof requestFeatures === "number" &&
    typeof candidateFeatures === "number" &&
    isVocabulary(vocabulary) &&
    Array.isArray(calibration) &&
    calibration.length === heads.length &&
    calibration.every(isCalibration)
  ) {
    return { name, fingerprint, heads, requestFeatures, candidateFeatures, vocabulary, calibration };
  }
  throw new UpnextError(
    "bundle_corrupt",
    `bundle ${id}: ranker.json: expected name, heads, fingerprint, requestFeatures, candidateFeatures, vocabulary and calibration`,
  );
}

function isVocabulary(value: unknown): value is Vocabulary {
  const { items, creators, categories } = Object(value) as Partial<Vocabulary>;
  return [items, creators, categories].every((size) => Number.isInteger(size));
}

function isCalibration(value: unknown): value is Calibration {
  const { scale, shift } = Object(value) as Partial<Calibration>;
  return Number.isFinite(scale) && Number.isFinite(shift);
}
