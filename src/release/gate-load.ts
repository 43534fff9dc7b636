/** Whether a bundle can serve: everything that loading it checks, and which of these checks refused it. */
import type { Catalog } from "../catalog/index.ts";
import { type BundleId, type ErrorCode, UpnextError } from "../core/index.ts";
import { type ServingModels, servingModels } from "../pipeline/index.ts";
import type { Manifest, Registry } from "../registry/index.ts";
import { CHECKS, type CheckName, type GateCheck } from "./gate-report.ts";

export interface Loaded {
  readonly manifest: Manifest;
  readonly models: ServingModels;
}

/** In the order in which loading makes them: what comes after the one that refused was not asked. */
const EXPECTED: readonly (readonly [CheckName, string])[] = [
  ["integrity", "every file of the manifest, with its hash and in its form"],
  ["schema", "features, heads and sources that this version has"],
  ["items", "the items of the catalog in the same rows"],
  ["dimension", "a ranker that takes the columns of its features and gives one score for each head"],
  ["finite", "finite scores for the golden inputs"],
  ["golden", "the golden scores"],
];

/**
 * The models, which the caller closes; null where the bundle is refused, and the checks say why. Rejects with
 * `no_bundle`.
 */
export async function load(
  id: BundleId,
  registry: Registry,
  catalog: Catalog,
): Promise<{ readonly loaded: Loaded | null; readonly checks: readonly GateCheck[] }> {
  try {
    const bundle = await registry.open(id);
    const models = await servingModels(bundle, catalog);
    const files = Object.keys(bundle.manifest.files).length;
    return {
      loaded: { manifest: bundle.manifest, models },
      checks: EXPECTED.map(([name, expected]) => ({
        name,
        passed: true,
        expected,
        came: "that",
        evidence: name === "integrity" ? { files } : {},
      })),
    };
  } catch (cause) {
    if (cause instanceof UpnextError && cause.code === "no_bundle") throw cause;
    return { loaded: null, checks: refusedBy(cause) };
  }
}

function refusedBy(cause: unknown): readonly GateCheck[] {
  const refused = checkOf(cause);
  const at = EXPECTED.findIndex(([name]) => name === refused);
  const message = cause instanceof Error ? cause.message : String(cause);
  const code = cause instanceof UpnextError ? cause.code : "internal";
  return EXPECTED.map(([name, expected], i) => ({
    name,
    passed: i < at ? true : i === at ? false : null,
    expected,
    came: i < at ? "that" : i === at ? message : `not asked: ${refused} was refused`,
    ...(i === at && { cure: "Train again: upnext train." }),
    evidence: i === at ? { code } : {},
  }));
}

/** What has no code of a bundle's own is a model that no session can be made of. */
function checkOf(cause: unknown): CheckName {
  const code: ErrorCode = cause instanceof UpnextError ? cause.code : "bundle_corrupt";
  return EXPECTED.find(([name]) => CHECKS[name] === code)?.[0] ?? "integrity";
}
