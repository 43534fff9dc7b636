export { ACTIONS, type Action, actionsOf, evidence } from "./actions.ts";
export {
  type AppendClient,
  type AppendServer,
  connectAppends,
  serveAppends,
} from "./append-socket.ts";
export type {
  Anonymous,
  Erasure,
  Event,
  EventKind,
  Impression,
  ImpressionContext,
  Interaction,
  ItemFacts,
  ItemRemoval,
  ItemUpsert,
  Place,
  Slot,
  StoredEvent,
  UserFacts,
  UserUpsert,
} from "./event.ts";
export type { AppendResult, EventLog, Fold, LoggedEvent } from "./event-log.ts";
export {
  EVENT_LIMITS,
  EVENT_SCHEMAS,
  eventSchema,
  interactionSchema,
  isValidId,
  isValidPlace,
  itemFactsSchema,
  userUpsertSchema,
  valueProblem,
} from "./event-schema.ts";
export { type FileLogOptions, openFileLog } from "./file-log.ts";
export type { Compaction, Dropped, FileLog, LogVerification, SegmentView } from "./file-log-contract.ts";
export {
  INTERACTION_TYPE_NAMES,
  INTERACTION_TYPES,
  type InteractionType,
  interactionCode,
  isVeto,
} from "./interaction-type.ts";
export { memoryLog } from "./memory-log.ts";
export { nearest } from "./nearest.ts";
export { type ParseContext, parseEvent } from "./parse-event.ts";
