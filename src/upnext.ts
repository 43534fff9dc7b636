/**
 * upnext as a library: the package's door. `open` opens a directory (log, state, bundles), follows the log, answers
 * requests; library/ has the parts.
 */
export { defineConfig, dynamodb, redis, redisCluster, type UpnextConfig } from "./config/index.ts";
export { UpnextError } from "./core/index.ts";
export type { Event } from "./events/index.ts";
export {
  type EventInput,
  type OpenOptions,
  open,
  type RecommendRequest,
  type TrainOptions,
  type Upnext,
} from "./library/index.ts";
export type {
  ErasureReceipt,
  Recommendation,
  SimilarItems,
  Status,
  TrackResult,
} from "./pipeline/index.ts";
