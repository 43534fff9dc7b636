export { open } from "./open.ts";
export type { EventInput, OpenOptions, RecommendRequest, TrainOptions, Upnext } from "./types.ts";
