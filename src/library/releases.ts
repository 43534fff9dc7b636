/** What of an instance the release gate runs with: bundles judged, promoted, and taken back. */
import type { Catalog } from "../catalog/index.ts";
import type { ResolvedConfig } from "../config/index.ts";
import {
  type BundleId,
  type Clock,
  type Progress,
  processCpu,
  UpnextError,
  type UserId,
} from "../core/index.ts";
import type { FileLog } from "../events/index.ts";
import type { PathParts, PathSettings, ServingModels } from "../pipeline/index.ts";
import type { Registry } from "../registry/index.ts";
import { type GateReport, release } from "../release/index.ts";
import type { Snapshots } from "../snapshots/index.ts";
import { readHistory, type Trained } from "../training/index.ts";
import type { States } from "./states.ts";

export interface ReleaseParts {
  readonly config: ResolvedConfig;
  readonly registry: Registry;
  readonly catalog: Catalog;
  readonly log: FileLog;
  readonly snapshots: Snapshots;
  readonly states: States;
  readonly settings: PathSettings;
  readonly clock: Clock;
  /** What a request of a user runs with, with these models. */
  readonly partsOf: (user: UserId, models: ServingModels) => PathParts;
}

/** What a training has made, before the gate: nothing serves it where it is refused. */
export function releaseTrained(
  { report, history, heldOut }: Trained,
  parts: ReleaseParts,
  progress: Progress,
) {
  return release(report.bundle, { ...gateParts(parts, progress), history: async () => history, heldOut });
}

/** Any bundle of the registry. Rejects with `invalid_request` for a reason that is none. */
export async function releaseNamed(
  bundle: BundleId,
  despite: string | undefined,
  parts: ReleaseParts,
  progress: Progress,
): Promise<GateReport> {
  if (despite?.trim() === "") {
    throw new UpnextError("invalid_request", "promote: despite: expected a reason, got an empty one");
  }
  return release(bundle, gateParts(parts, progress), despite);
}

function gateParts(parts: ReleaseParts, progress: Progress) {
  const { config, log, snapshots, states } = parts;
  return {
    ...parts,
    history: async () => {
      progress.step("read the log");
      return readHistory(log, log.first > 0 ? await snapshots.base() : undefined);
    },
    heldOut: null,
    limits: states.limits,
    slo: config.slo,
    cpu: processCpu,
    progress,
  };
}
