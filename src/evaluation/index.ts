export { BOOTSTRAP, type BootstrapEstimate, type BootstrapSettings } from "./bootstrap.ts";
export {
  exposureDifferences,
  exposureScores,
  type HeadDifferences,
  type HeadScores,
} from "./exposure-scores.ts";
export type { Exposures } from "./exposures.ts";
export {
  type LoggedSlots,
  type OffPolicyEstimates,
  type OffPolicySettings,
  offPolicy,
  type SlotRewards,
  type ValueEstimates,
} from "./off-policy.ts";
export { correctedRates, examinationByEm, examinationByPropensity } from "./position-bias.ts";
export { clusteredMean, type Estimate, hitAt, ndcgAt, pessimisticRank } from "./ranking-metrics.ts";
export { parseSplit, type Split } from "./split.ts";
export { type SystemScores, SystemTally } from "./system-scores.ts";
