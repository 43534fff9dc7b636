/** How networks are loaded is told from outside; the request path passes it on and need not know what is behind it. */
export type { ModelLoader } from "../tensor/index.ts";
export { blendHeads } from "./blend-heads.ts";
export { HEADS, type Head, headWeight, NEXT_HEAD } from "./heads.ts";
export {
  type Codes,
  makeCodes,
  VISIT_COLUMNS,
  type Vocabulary,
  vocabularyOf,
  writeCodes,
  writeVisitFacts,
} from "./network-inputs.ts";
export {
  type Calibration,
  inputsOf,
  type NetworkRanker,
  networkRanker,
  type RankerHeader,
} from "./network-ranker.ts";
export type { Ranker, RankingInput } from "./ranker.ts";
