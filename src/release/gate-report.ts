/** What the release gate asked of a bundle, and what came: kept beside the bundle as its verdict. */
import type { BundleId, EpochMs, ErrorCode } from "../core/index.ts";
import { UpnextError } from "../core/index.ts";

/** Every check, in the order in which they are made, with the code of its refusal. */
export const CHECKS = {
  integrity: "bundle_corrupt",
  schema: "bundle_incompatible",
  items: "bundle_item_map_mismatch",
  dimension: "bundle_wrong_dimension",
  finite: "bundle_not_finite",
  golden: "bundle_golden_mismatch",
  requests: "bundle_fails",
  scores: "bundle_constant_scores",
  latency: "bundle_too_slow",
  quality: "bundle_worse",
} as const satisfies Record<string, ErrorCode>;

export type CheckName = keyof typeof CHECKS;

export interface GateCheck {
  readonly name: CheckName;
  /** null where it could not be asked: `came` says why. */
  readonly passed: boolean | null;
  readonly expected: string;
  readonly came: string;
  /** What to do about it; of what did not pass. */
  readonly cure?: string;
  /** JSON: the numbers. */
  readonly evidence: Readonly<Record<string, unknown>>;
}

export interface GateReport {
  readonly bundle: BundleId;
  /** The current bundle that it was compared with; null where there was none, or none that serves. */
  readonly against: BundleId | null;
  readonly time: EpochMs;
  /** Whether no check refused it. */
  readonly accepted: boolean;
  /** Whether it can serve at all: no reason makes up for that. */
  readonly loads: boolean;
  readonly checks: readonly GateCheck[];
  readonly seconds: number;
}

/** Why the bundle was refused, the first reason first; empty where it was not. */
export function refusals({ bundle, checks }: GateReport): readonly UpnextError[] {
  return checks
    .filter(({ passed }) => passed === false)
    .map(
      ({ name, expected, came, cure }) =>
        new UpnextError(
          CHECKS[name],
          `bundle ${bundle}: ${name}: expected ${expected}, got ${came}.${cure === undefined ? "" : ` ${cure}`}`,
        ),
    );
}
