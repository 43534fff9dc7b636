/**
 * The events: everything the system knows came in as one of these, through the log. Catalog, user state, counters
 * and training sets are folds of them. All are JSON-serialisable; ids are 1 to 256 characters without control
 * characters; times are integers.
 */
import type { BundleId, EpochMs, EventId, ItemId, Offset, RequestId, UserId } from "../core/index.ts";
import type { InteractionType } from "./interaction-type.ts";

interface EventBase {
  /** Given by the sender (or made at the border); appending the same id twice changes nothing. */
  readonly id: EventId;
  /** When it happened, by the sender's clock; at most one day in the future at the border. */
  readonly time: EpochMs;
}

/** A user did something with an item. */
export interface Interaction extends EventBase {
  readonly kind: "interaction";
  readonly user: UserId;
  readonly item: ItemId;
  readonly type: InteractionType;
  /** Meaning by type (INTERACTION_TYPES): share watched 0..1, rating 0..10, amount >= 0. Finite. */
  readonly value?: number;
  /** The recommendation that this answers; links the interaction to its impression. */
  readonly request?: RequestId;
  /** Where it happened, as an impression says it: 1 to 64 characters. */
  readonly surface?: string;
}

/** One shown item of a slate. */
export interface Slot {
  readonly item: ItemId;
  /** 0-based position in the slate. */
  readonly position: number;
  /** The ranking score it was shown with. */
  readonly score?: number;
  /** Probability that this item was shown here, where the policy was randomised; 1 where it was not. */
  readonly propensity?: number;
  /** Which retrieval sources had found it. */
  readonly sources?: readonly string[];
}

/** Where and on what something was shown, as far as the sender says: 1 to 64 characters each. */
export interface Place {
  /** The page, tab or shelf. */
  readonly surface?: string;
  /** The kind of device. */
  readonly device?: string;
}

/** What a user was shown. `context` is present for slates that upnext made itself and makes them replayable. */
export interface Impression extends EventBase, Place {
  readonly kind: "impression";
  readonly user: UserId;
  readonly request: RequestId;
  readonly slots: readonly Slot[];
  /** The bundle that ranked it, or any name that the sender gives its own model. */
  readonly model?: BundleId | string;
  readonly rung?: string;
  readonly context?: ImpressionContext;
}

/** What is needed, beside log and bundle, to compute the same request again. */
export interface ImpressionContext {
  /** Every event before this offset was reflected, none after it. */
  readonly offset: Offset;
  /** The request as it was parsed. */
  readonly request: unknown;
  /** Fingerprint of the features it was scored with. */
  readonly fingerprint: string;
}

/** Facts about an item; an upsert replaces all facts of the item. */
export interface ItemUpsert extends EventBase {
  readonly kind: "item";
  readonly item: ItemId;
  readonly facts: ItemFacts;
}

export interface ItemFacts {
  readonly title?: string;
  readonly creator?: string;
  readonly categories?: readonly string[];
  /** Length in seconds. */
  readonly duration?: number;
  readonly publishedAt?: EpochMs;
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
}

/** The item must not be recommended any more. Interactions with it stay in the log. */
export interface ItemRemoval extends EventBase {
  readonly kind: "item-removal";
  readonly item: ItemId;
}

export interface UserUpsert extends EventBase {
  readonly kind: "user";
  readonly user: UserId;
  readonly facts: UserFacts;
}

export type UserFacts = Readonly<Record<string, string | number | boolean>>;

/** Forget this user: every event of the user with `time <=` this event's time counts as not having happened. */
export interface Erasure extends EventBase {
  readonly kind: "erasure";
  readonly user: UserId;
}

/**
 * What compaction leaves of an event of a user who was forgotten: enough for the item statistics and the items' rows to
 * come out to the bit as before, and nothing of the user. The log alone makes it; no border takes it.
 */
export interface Anonymous {
  readonly kind: "anonymous";
  /** Not the event's id, which is gone: the hash by which the log still knows a repetition, as 24 hex digits. */
  readonly id: EventId;
  /** 0 where nothing but the place in the log is left. */
  readonly time: EpochMs;
  /** The item of an interaction, those of an impression's slots, none for user facts. */
  readonly items: readonly ItemId[];
  /** Of an interaction; absent for all else. */
  readonly type?: InteractionType;
  /** The share watched or the rating, in 32 bits; absent where there was none, and for amounts. */
  readonly value?: number;
  /** Present where the interaction named the request that it answers; which one is gone. */
  readonly answered?: true;
}

/** What can be appended. */
export type Event = Interaction | Impression | ItemUpsert | ItemRemoval | UserUpsert | Erasure;
/** What can be read. */
export type StoredEvent = Event | Anonymous;
export type EventKind = Event["kind"];
