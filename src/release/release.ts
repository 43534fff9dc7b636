/** From a published bundle to the one that serves, and back. Servers look at the registry themselves. */
import { type BundleId, UpnextError } from "../core/index.ts";
import { servingModels } from "../pipeline/index.ts";
import type { Registry, Verdict } from "../registry/index.ts";
import { type GateParts, gate } from "./gate.ts";
import type { GateReport } from "./gate-report.ts";

/** How often a gate is begun anew because somebody else has moved the pointer meanwhile. */
const ATTEMPTS = 3;

/**
 * Asks the gate, keeps its verdict beside the bundle, and promotes the bundle where nothing refused it. Killed in
 * between, the registry has the bundle as a candidate, and the current one goes on.
 *
 * @param despite why it is promoted although a check refuses it; nothing makes up for a bundle that does not load
 */
export async function release(bundle: BundleId, parts: GateParts, despite?: string): Promise<GateReport> {
  const { registry, clock } = parts;
  for (let attempt = 1; ; attempt++) {
    const current = await currentOf(registry);
    const report = await gate(bundle, current === bundle ? null : current, parts);
    const { accepted, loads } = report;
    await judge(bundle, registry, { accepted, time: clock.now(), report });
    if (!loads || (!accepted && despite === undefined)) return report;
    // What it was compared with has to be what it takes the place of.
    if ((await currentOf(registry)) !== current && attempt < ATTEMPTS) continue;
    await registry.promote(bundle, accepted ? undefined : despite);
    return report;
  }
}

/** A pointer that cannot be read points to nothing that serves; promoting writes it anew. */
async function currentOf(registry: Registry): Promise<BundleId | null> {
  try {
    return await registry.current();
  } catch (error) {
    if (error instanceof UpnextError) return null;
    throw error;
  }
}

/** A bundle whose manifest cannot be read is none that a verdict could be kept for. */
async function judge(bundle: BundleId, registry: Registry, verdict: Verdict): Promise<void> {
  try {
    await registry.judge(bundle, verdict);
  } catch (error) {
    if (!(error instanceof UpnextError)) throw error;
  }
}

/**
 * Points back to the previous bundle, or to `bundle`. Rejects with `no_bundle` where there is none to go back to, and
 * with the gate's reason where it no longer loads; the pointer then stays.
 */
export async function rollback(
  { registry, catalog }: Pick<GateParts, "registry" | "catalog">,
  bundle?: BundleId,
): Promise<BundleId> {
  const target = bundle ?? (await registry.list()).find(({ state }) => state === "previous")?.id;
  if (target !== undefined) {
    const models = await servingModels(await registry.open(target), catalog).catch((cause: unknown) => {
      if (!(cause instanceof UpnextError)) throw cause;
      throw new UpnextError(
        cause.code,
        `rollback: expected a bundle that loads, got ${target}: ${cause.message}. Roll back to another one: upnext release list, then upnext release rollback ID.`,
        { cause },
      );
    });
    await models.close();
  }
  return registry.rollback(bundle);
}
