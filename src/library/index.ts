export { open } from "./open.ts";
export type {
  EventInput,
  OpenOptions,
  PromoteOptions,
  RecommendRequest,
  TrainOptions,
  TrainResult,
  Upnext,
} from "./types.ts";
