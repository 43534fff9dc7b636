export { clusteredMean, type Estimate, hitAt, ndcgAt, pessimisticRank } from "./ranking-metrics.ts";
export { parseSplit, type Split } from "./split.ts";
export { type SystemScores, SystemTally } from "./system-scores.ts";
