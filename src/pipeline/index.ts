export { RankingCost } from "./budget.ts";
export { whyNotOf, whyOf } from "./explain.ts";
export {
  type Check,
  type ErasureReceipt,
  REASONS,
  type Reason,
  type Recommendation,
  type RecommendedItem,
  type Recommender,
  type RecommendRequest,
  RUNGS,
  type Rung,
  type SimilarItems,
  type StageTrace,
  type Status,
  type Why,
  type WhyNot,
} from "./recommender.ts";
export { type PathParts, type PathResult, type PathSettings, runPath } from "./request-path.ts";
export { type ServingModels, servingModels, untrainedModels } from "./serving-models.ts";
