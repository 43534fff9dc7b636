/** What is measured: rungs as training hands them over, on a system in which each of them could serve. */
import type { Catalog } from "../catalog/index.ts";
import type { EpochMs } from "../core/index.ts";
import type { FeatureSet } from "../features/index.ts";
import type { PathSettings } from "../pipeline/index.ts";
import type { Ranker, RankerHeader } from "../ranking/index.ts";
import type { LoadedSource } from "../retrieval/index.ts";
import type { UserState } from "../state/index.ts";
import type { Spread } from "./spread.ts";

/** A ranker as it lies in a bundle. */
export interface RankerOnDisk {
  readonly header: RankerHeader;
  readonly models: readonly Uint8Array[];
}

/** One kind of ranker, fitted and evaluated. */
export interface MeasuredRung {
  readonly name: string;
  /** As a part of a sentence: "the student". */
  readonly noun: string;
  /** What it is, in one line. */
  readonly about: string;
  /** Whether others were distilled from it. */
  readonly teacher: boolean;
  readonly ranker: Ranker;
  readonly files: RankerOnDisk;
  readonly trainSeconds: number;
  /** (metrics) in the order of `System.metrics`, means with intervals of 95 % over users; null where one has no value. */
  readonly quality: readonly (Spread | null)[];
  /**
   * Of the first metric: this rung's mean minus the other's, with the interval of 95 % of the paired differences; null
   * where there are too few users for one.
   */
  differenceTo(other: string): Spread | null;
}

/** The system around the rungs: all of a request but the ranker. */
export interface System {
  readonly catalog: Catalog;
  readonly sources: readonly LoadedSource[];
  readonly featureSet: FeatureSet;
  readonly settings: PathSettings;
  /** States of real users, those with the longest histories first. */
  readonly states: readonly UserState[];
  /** When all requests are made: the end of the log. */
  readonly now: EpochMs;
  /** Names of what the rungs were evaluated by. The first decides, and more of it is better. */
  readonly metrics: readonly [string, ...(readonly string[])];
  /** From simple to complex. */
  readonly rungs: readonly [MeasuredRung, ...(readonly MeasuredRung[])];
}
