export { answerOf } from "./answer.ts";
export { RankingCost } from "./budget.ts";
export { BundleWatch } from "./bundle-watch.ts";
export { checkLimit, checkMoment, checkRequest, checkUser, DEFAULT_LIMIT } from "./check-request.ts";
export { EncodeAhead } from "./encode-ahead.ts";
export { EncodingCache, type EncodingFigures } from "./encoding-cache.ts";
export { Erasures } from "./erasure.ts";
export { exposureOf } from "./exposure.ts";
export { findItems } from "./find-items.ts";
export { type FollowedStore, Follower, type StateRead } from "./follower.ts";
export { Housekeeping, takingTurns } from "./housekeeping.ts";
export { impressionOf } from "./impressions.ts";
export type { ModelsInService } from "./in-service.ts";
export { pressureOf } from "./ladder.ts";
export { newestSlates } from "./newest-slates.ts";
export type { Exposure, FeaturesNow, ItemOverview, ItemQuery, NewestSlates, RecentUser } from "./overview.ts";
export type { PathParts, PathSettings } from "./path-parts.ts";
export { recentUsers } from "./recent-users.ts";
export type {
  Arrival,
  Check,
  ErasureReceipt,
  Moment,
  Reason,
  Recommendation,
  RecommendedItem,
  Recommender,
  RecommendRequest,
  Rung,
  SimilarItems,
  StageTrace,
  Status,
  TrackResult,
  WhatIf,
  Why,
  WhyNot,
} from "./recommender.ts";
export { RUNGS } from "./recommender.ts";
export type { BundleDetails, BundleOverview, CheckMade, RungEvidence, TrainingRun } from "./release-desk.ts";
export { type Bases, replayRequest, startingFolds } from "./replay.ts";
export { type PathResult, runPath } from "./request-path.ts";
export { type ServingModels, servingModels, untrainedModels } from "./serving-models.ts";
export { similarItems } from "./similar.ts";
export { stateAt } from "./state-at.ts";
export { statusOf } from "./status.ts";
export { supposing } from "./what-if.ts";
