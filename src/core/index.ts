export type { Brand } from "./brand.ts";
export { type Clock, ManualClock, processCpu, systemClock } from "./clock.ts";
export { Deadline } from "./deadline.ts";
export {
  errorCode,
  renameDurably,
  replaceDurably,
  syncDirectory,
  syncTree,
  writeDurably,
} from "./durable-files.ts";
export { parseDuration } from "./duration.ts";
export { ERRORS, type ErrorCode, type Problem, type Result, UpnextError } from "./errors.ts";
export type { BundleId, EventId, ItemId, ItemRow, Offset, RequestId, UserId } from "./ids.ts";
export { nodeArgs } from "./node-args.ts";
export { type Progress, silent } from "./progress.ts";
export { Random } from "./random.ts";
export { SpareMemory } from "./spare-memory.ts";
export { DAY, type EpochMs, HOUR, MINUTE, type Ms, SECOND } from "./units.ts";
