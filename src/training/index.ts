export { checkpointsIn } from "./checkpoints.ts";
export { type Evaluation, type EvaluationOptions, evaluate } from "./evaluate.ts";
export { type Example, examplesBetween, visit } from "./examples.ts";
export {
  type FeatureLine,
  type FeatureReport,
  type FeatureReportOptions,
  type FeatureRows,
  featureReport,
} from "./feature-report.ts";
export { type History, readHistory } from "./history.ts";
export { fitOlderPart, measureShown, type OlderPart, type OlderPartOptions } from "./older-part.ts";
export type { RankingLists } from "./ranking/lists.ts";
export type {
  RankingEvaluation,
  RankingPeer,
  RungComparison,
  RungScores,
} from "./ranking/measure-rungs.ts";
export { RANKING_RUNGS } from "./ranking/rungs.ts";
export { everything, Replay, type TouchLimits } from "./replay.ts";
export {
  DEFAULT_TRAIN,
  type HeldOut,
  type Trained,
  type TrainReport,
  type TrainSettings,
  train,
} from "./train.ts";
