export {
  POSITIONS,
  type RankingNetworkShape,
  rankingLogits,
  rankingLoss,
  rankingProbabilities,
} from "./ranking-network.ts";
