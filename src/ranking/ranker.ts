/** A ranker: precise scores for the hundreds of candidates that retrieval found. */
import type { FeatureContext, Features } from "../features/index.ts";
import type { RunOptions } from "../tensor/index.ts";

/** A request's query, candidates and visits, and the catalog that tells what items are. */
export interface RankingInput extends FeatureContext {
  /** Of the feature set with the ranker's fingerprint. */
  readonly features: Features;
}

export interface Ranker {
  readonly name: string;
  /** Names of the heads that it predicts, a part of HEADS. */
  readonly heads: readonly string[];
  /** Fingerprint of the feature set that it reads. */
  readonly fingerprint: string;
  /**
   * [head] (n) probabilities. The values of a candidate do not depend on the others in the batch. Rejects with
   * `internal` where the features do not fit, and where it computes on another thread that has ended.
   */
  score(input: RankingInput, options?: RunOptions): Promise<readonly Float32Array[]>;
  close(): Promise<void>;
}
