export { rankingLogits, rankingServing } from "./ranking/logits.ts";
export { POSITIONS, rankingLoss } from "./ranking/loss.ts";
export {
  type FeatureScaling,
  RANKING_ARCHITECTURES,
  type RankingArchitecture,
  type RankingShape,
} from "./ranking/shape.ts";
export { hasTaste, tasteLogits, tasteLoss } from "./ranking/taste.ts";
export {
  type EncoderShape,
  FIRST_DEVIATION,
  itemVectors,
  sequenceLoss,
  sequenceReader,
} from "./sequence-encoder.ts";
