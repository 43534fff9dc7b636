/** An experiment's arms, as requests are answered with them. */
import type { BundleId } from "../core/index.ts";
import type { Arm, Assigned, ServedArm } from "../experiments/index.ts";
import type { PathSettings } from "../pipeline/index.ts";

/** The bundle that one of the arms answers with; no two running experiments name one. */
export function bundleOf(assigned: readonly Assigned[]): BundleId | undefined {
  return assigned.find(({ arm }) => arm.bundle !== undefined)?.arm.bundle;
}

/** Which of the arms can be served with a bundle: all of an arm is, or nothing. */
export function servedWith(assigned: readonly Assigned[], bundle: BundleId | null): readonly ServedArm[] {
  return assigned.map(({ experiment, arm }) => ({
    experiment,
    arm: arm.name,
    served: arm.bundle === undefined || arm.bundle === bundle,
  }));
}

export function withArms(settings: PathSettings, arms: readonly Arm[]): PathSettings {
  let { candidates, headWeights, policy } = settings;
  for (const arm of arms) {
    candidates = arm.candidates ?? candidates;
    headWeights = { ...headWeights, ...arm.headWeights };
    policy = { ...policy, ...arm.policy };
  }
  return { ...settings, candidates, headWeights, policy };
}
