export { answerOf } from "./answer.ts";
export { RankingCost } from "./budget.ts";
export { checksOf, type Health } from "./checks.ts";
export { whyNotOf, whyOf } from "./explain.ts";
export { Follower } from "./follower.ts";
export { impressionId, impressionOf } from "./impressions.ts";
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
export { replayRequest } from "./replay.ts";
export { type PathParts, type PathResult, type PathSettings, runPath } from "./request-path.ts";
export { type ServingModels, servingModels, untrainedModels } from "./serving-models.ts";
export { similarItems } from "./similar.ts";
