export { blendHeads } from "./blend-heads.ts";
export { HEADS, type Head } from "./heads.ts";
export { type NetworkRanker, networkRanker, type RankerHeader } from "./network-ranker.ts";
export type { Ranker, RankingInput } from "./ranker.ts";
