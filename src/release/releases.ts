/** The bundles of a registry in short: what each is, what its training measured, and why it was refused. */
import type { BundleId } from "../core/index.ts";
import type { BundleOverview } from "../pipeline/index.ts";
import type { Registry } from "../registry/index.ts";
import { CHECKS, type CheckName } from "./gate-report.ts";
import { twoStageOf } from "./held-out-figure.ts";

/** Newest first. */
export async function releases(registry: Registry): Promise<readonly BundleOverview[]> {
  const [bundles, changes] = await Promise.all([registry.list(), registry.changes().catch(() => [])]);
  return Promise.all(
    bundles.map(async ({ id, state, manifest }) => ({
      bundle: id,
      state,
      createdAt: manifest.createdAt,
      logOffset: manifest.logOffset,
      rung: rungOf(manifest.metrics),
      ndcg10: twoStageOf(manifest)?.mean ?? null,
      refusedFor: await reasonsOf(id, registry),
      changes: changes.filter(({ bundle }) => bundle === id),
    })),
  );
}

async function reasonsOf(id: BundleId, registry: Registry): Promise<readonly string[] | null> {
  const verdict = await registry.verdict(id);
  if (verdict === null) return null;
  const { checks } = Object(verdict.report) as { checks?: unknown };
  if (!Array.isArray(checks)) return [];
  return checks
    .filter((check) => check?.passed === false && Object.hasOwn(CHECKS, check.name))
    .map(({ name }) => CHECKS[name as CheckName]);
}

function rungOf(metrics: unknown): string | null {
  const { rung } = Object(metrics) as { rung?: unknown };
  return typeof rung === "string" ? rung : null;
}
