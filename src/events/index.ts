export type {
  Erasure,
  Event,
  EventKind,
  Impression,
  ImpressionContext,
  Interaction,
  ItemFacts,
  ItemRemoval,
  ItemUpsert,
  Slot,
  UserFacts,
  UserUpsert,
} from "./event.ts";
export type { AppendResult, EventLog, Fold, LoggedEvent } from "./event-log.ts";
export {
  INTERACTION_TYPE_NAMES,
  INTERACTION_TYPES,
  type InteractionType,
  interactionCode,
  isVeto,
} from "./interaction-type.ts";
