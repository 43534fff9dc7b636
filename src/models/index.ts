export {
  POSITIONS,
  type RankingNetworkShape,
  rankingLogits,
  rankingLoss,
  rankingProbabilities,
} from "./ranking-network.ts";
export {
  type EncoderShape,
  FIRST_DEVIATION,
  itemVectors,
  sequenceLoss,
  sequenceReader,
} from "./sequence-encoder.ts";
