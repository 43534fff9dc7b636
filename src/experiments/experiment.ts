/** What an experiment is: two ways to answer, and which users get which. */
import type { BundleId, EpochMs, Offset } from "../core/index.ts";

/** What an arm does otherwise than the configuration. Nothing of it is the configuration's answer. */
export interface ArmSettings {
  /** Answers with this bundle, whichever is in service. */
  readonly bundle?: BundleId;
  /** Weights of heads in the score; those that are not named stay. */
  readonly headWeights?: Readonly<Record<string, number>>;
  /** Rules of the slate: see the configuration's `policy`. */
  readonly policy?: {
    readonly maxPerCreator?: number;
    readonly diversity?: number;
    readonly explore?: number;
  };
  /** Candidates that are ranked at most. */
  readonly candidates?: number;
}

export interface Arm extends ArmSettings {
  readonly name: string;
  /** Of all users, 0 to 1. Who is in no arm is answered as ever, and is not counted. */
  readonly share: number;
}

/** What is asked for. The first arm is what the second one is compared with. */
export interface ExperimentStart {
  /** Salts the assignment, so that it is one of its own; no two experiments of a directory ever share one. */
  readonly name: string;
  readonly arms: readonly [Arm, Arm];
  /** By which it is decided; see METRICS. Others are shown beside it. */
  readonly metric?: string;
  /** The smallest relative difference worth knowing of: 0.05 for 5 %. Intervals are tightest when they are as wide. */
  readonly smallest?: number;
  /** Why it is run, in words. */
  readonly about?: string;
}

/** What runs, with everything said. */
export interface Definition extends Required<ExperimentStart> {
  readonly startedAt: EpochMs;
  /** Events before it were there already. */
  readonly from: Offset;
}

/** What an answer says of an experiment that its user is in. */
export interface ServedArm {
  readonly experiment: string;
  readonly arm: string;
  /** False where the arm's bundle could not be loaded here: the user got what everybody gets. */
  readonly served: boolean;
}

export const DEFAULT_METRIC = "long-watch-rate";
/** Guess: what a team would act on. */
export const DEFAULT_SMALLEST = 0.05;
