/** The bundles that there are, for people who look at them and decide which one serves. */
import type { BundleId, EpochMs, Offset } from "../core/index.ts";
import type { BundleState, Change } from "../registry/index.ts";

export interface BundleOverview {
  readonly bundle: BundleId;
  readonly state: BundleState;
  readonly createdAt: EpochMs;
  /** Events of the log that its training has seen. */
  readonly logOffset: Offset;
  /** Kind of its ranker, where the manifest says so. */
  readonly rung: string | null;
  /** Of both stages, on what its training held out; null where nothing was. */
  readonly ndcg10: number | null;
  /** Codes of the checks that refused it; empty where none did, null where the gate has not seen it. */
  readonly refusedFor: readonly string[] | null;
  /** When the pointer came to it, and left it, and how. */
  readonly changes: readonly Change[];
}

export interface BundleDetails {
  readonly bundle: BundleId;
  readonly createdAt: EpochMs;
  readonly logOffset: Offset;
  readonly items: number;
  readonly seed: number;
  readonly rung: string | null;
  /** Test items that `systems` were measured on. */
  readonly examples: number;
  /** Every source, the blend and both stages, as its training measured them: metrics by name, `±` their half-widths. */
  readonly systems: readonly {
    readonly name: string;
    readonly metrics: Readonly<Record<string, number | null>>;
  }[];
  /** What the release gate asked, and what came; null where it has not seen the bundle. */
  readonly checks: readonly CheckMade[] | null;
  /** What was measured of every rung of rankers when this one was chosen; null where it was not chosen so. */
  readonly tradeoffs: RungEvidence | null;
}

export interface CheckMade {
  readonly name: string;
  /** null where it could not be asked. */
  readonly passed: boolean | null;
  readonly expected: string;
  readonly came: string;
  readonly cure?: string;
}

interface Measured {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
}

export interface RungEvidence {
  readonly measuredAt: EpochMs;
  /** P99 that a request has to keep, the share of it that stays free, and the candidates that were ranked. */
  readonly objective: { readonly p99Ms: number; readonly margin: number; readonly candidates: number };
  readonly metric: string;
  readonly chosen: string;
  /** What was chosen and what it gives up, as sentences. */
  readonly sentences: readonly string[];
  readonly rungs: readonly {
    readonly name: string;
    readonly quality: Measured | null;
    readonly p99Ms: Measured;
    readonly cpuMs: Measured;
    readonly verdict: string;
  }[];
}

/** How the newest training goes, or went. */
export interface TrainingRun {
  readonly startedAt: EpochMs;
  /** When it was last heard of: one that is killed does not say so. */
  readonly updatedAt: EpochMs;
  readonly endedAt: EpochMs | null;
  /** What it made, once it has. */
  readonly bundle: BundleId | null;
  /** Why it ended without a bundle. */
  readonly failure: string | null;
  readonly steps: readonly {
    readonly name: string;
    /** null where it is not known how much there is to do. */
    readonly total: number | null;
    readonly unit: string;
    readonly done: number;
    readonly startedAt: EpochMs;
    readonly endedAt: EpochMs | null;
  }[];
  readonly notes: readonly { readonly time: EpochMs; readonly text: string }[];
}

export interface ReleaseDesk {
  /** Newest first. */
  releases(): Promise<readonly BundleOverview[]>;
  /** Rejects with `no_bundle`. */
  release(bundle: BundleId): Promise<BundleDetails>;
  /** Asks the release gate, and serves the bundle where nothing refuses it, or `despite` says why all the same. */
  promote(
    bundle: BundleId,
    options?: { readonly despite?: string },
  ): Promise<{ readonly accepted: boolean; readonly checks: readonly CheckMade[] }>;
  /** Serves a bundle that served before; the previous one where none is named. Rejects with `no_bundle`. */
  rollback(bundle?: BundleId): Promise<BundleId>;
  /** The newest training of the directory, in whichever process it runs; null where there was none. */
  trainingRun(): Promise<TrainingRun | null>;
}
