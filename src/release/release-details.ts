/** One bundle of a registry in full: what it was trained on, what that measured, and what the gate said of it. */
import { type BundleId, UpnextError } from "../core/index.ts";
import type { BundleDetails, CheckMade } from "../pipeline/index.ts";
import type { Registry } from "../registry/index.ts";
import { evidenceIn } from "./evidence.ts";

/** Rejects with `no_bundle`. */
export async function releaseDetails(id: BundleId, registry: Registry): Promise<BundleDetails> {
  const found = (await registry.list()).find((bundle) => bundle.id === id);
  if (found === undefined) {
    throw new UpnextError(
      "no_bundle",
      "release: expected a bundle of the registry, there is none with this id",
    );
  }
  const { manifest } = found;
  const { systems, examples, rung, tradeoffs } = Object(manifest.metrics) as Record<string, unknown>;
  const verdict = await registry.verdict(id);
  return {
    bundle: id,
    createdAt: manifest.createdAt,
    logOffset: manifest.logOffset,
    items: manifest.itemCount,
    seed: manifest.seed,
    rung: typeof rung === "string" ? rung : null,
    examples: typeof examples === "number" ? examples : 0,
    systems: systemsIn(systems),
    checks: verdict === null ? null : checksIn(verdict.report),
    tradeoffs: evidenceIn(tradeoffs),
  };
}

function systemsIn(systems: unknown): BundleDetails["systems"] {
  if (!Array.isArray(systems)) return [];
  return systems.map((system) => {
    const { name, ...metrics } = Object(system) as Record<string, unknown>;
    const numbers = Object.entries(metrics).filter(
      (entry): entry is [string, number | null] => entry[1] === null || typeof entry[1] === "number",
    );
    return { name: String(name), metrics: Object.fromEntries(numbers) };
  });
}

function checksIn(report: unknown): readonly CheckMade[] {
  const { checks } = Object(report) as { checks?: unknown };
  if (!Array.isArray(checks)) return [];
  return checks.map((check) => {
    const { name, passed, expected, came, cure } = Object(check) as Record<string, unknown>;
    return {
      name: String(name),
      passed: typeof passed === "boolean" ? passed : null,
      expected: String(expected ?? ""),
      came: String(came ?? ""),
      ...(typeof cure === "string" && { cure }),
    };
  });
}
