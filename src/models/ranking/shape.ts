/** What kind of ranking network, and how large. */

/** From simple to complex. */
export const RANKING_ARCHITECTURES = [
  "popularity",
  "logistic",
  "feature-network",
  "target-attention",
  "transformer",
] as const;
export type RankingArchitecture = (typeof RANKING_ARCHITECTURES)[number];

/** How features come into the network, as training saw them: F features. */
export interface FeatureScaling {
  /** (F) */
  readonly means: Float32Array;
  /** (F); 0 for a feature that never varied. */
  readonly deviations: Float32Array;
  /** (F, T) quantiles of each feature, ascending; equal ones where it never varied. */
  readonly boundaries: Float32Array;
}

export interface RankingShape {
  readonly architecture: RankingArchitecture;
  readonly requestFeatures: number;
  readonly candidateFeatures: number;
  readonly requestScaling: FeatureScaling;
  readonly candidateScaling: FeatureScaling;
  /** (heads) the candidate feature with the log-odds of each head's action for the item. */
  readonly popularityColumns: readonly number[];
  readonly heads: number;
  /** (heads) log-odds of each head's action in training: where training starts. */
  readonly baseLogits: readonly number[];
  /** Sizes of the vocabularies; code 0 is what training did not know. */
  readonly items: number;
  readonly creators: number;
  readonly categories: number;
  /** The most visits that there are in a history: H at most. */
  readonly visits: number;
  /** K, columns of a visit's facts. */
  readonly visitColumns: number;
  /** D of the attention, a multiple of `attentionHeads`. */
  readonly width: number;
  /** Of the transformer. */
  readonly blocks: number;
  readonly attentionHeads: number;
  /** Widths of the hidden layers, two at least. */
  readonly hidden: readonly number[];
  /** Whether features of candidates come in as piecewise-linear codes beside standardised numbers, as the request's do. */
  readonly piecewise: boolean;
  /** Width of an id's vector. */
  readonly embedding: number;
  /** Share of hidden values that training drops. */
  readonly dropout: number;
  /** Share of ids that training takes as unknown, so that code 0 means something. */
  readonly idDropout: number;
}
