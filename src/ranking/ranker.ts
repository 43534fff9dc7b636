/** A ranker: precise scores for the hundreds of candidates that retrieval found. */
import type { Candidates, Query } from "../retrieval/index.ts";

export interface RankingInput {
  /** The user's touches and the moment, for rankers that encode the history. */
  readonly query: Query;
  readonly candidates: Candidates;
  /** (n, features) row-major, one row a candidate, of the feature set with the ranker's fingerprint. */
  readonly features: Float32Array;
}

export interface Ranker {
  readonly name: string;
  /** Names of the heads that it predicts, a part of HEADS. */
  readonly heads: readonly string[];
  /** Fingerprint of the feature set that it reads. */
  readonly fingerprint: string;
  /**
   * [head] (n) probabilities. The values of a candidate do not depend on the others in the batch. Rejects with
   * `internal` where the features do not fit.
   */
  score(input: RankingInput): Promise<readonly Float32Array[]>;
  close(): Promise<void>;
}
