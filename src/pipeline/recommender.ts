/** What the outside sees of a running system. The library is one; HTTP and the command line are clients of it. */
import type { BundleId, EpochMs, ItemId, Ms, Offset, RequestId, UserId } from "../core/index.ts";
import type { AppendResult, Event, InteractionType, ItemFacts, Place } from "../events/index.ts";
import type { ExperimentDesk, ServedArm } from "../experiments/index.ts";
import type { UserState } from "../state/index.ts";
import type { Overview } from "./overview.ts";
import type { ReleaseDesk } from "./release-desk.ts";

export interface RecommendRequest extends Place {
  readonly user: UserId;
  /** Number of items wanted, 1 to 500. Default 20. */
  readonly limit?: number;
  /** The name of this request in the log; made up where absent. */
  readonly request?: RequestId;
  /** The answer must reflect every event before this offset (what `track` returned). */
  readonly after?: Offset;
  /** Only these items may be returned (after the other filters). */
  readonly include?: readonly ItemId[];
  readonly exclude?: readonly ItemId[];
  /** Only items of at least one of these categories. */
  readonly categories?: readonly string[];
  /** Whether items that the user has touched may come back. Default false. */
  readonly allowSeen?: boolean;
  /** For these items the answer says why they are not in it. At most 20. */
  readonly whyNot?: readonly ItemId[];
  /** Whether each item carries its sources, features and score parts. */
  readonly explain?: boolean;
  /** Milliseconds for the whole call; the configuration's budget where absent. */
  readonly budgetMs?: Ms;
  /** Whether the slate is written to the log as an impression. Default true. */
  readonly log?: boolean;
  /** Answers as if the user's state or the weights of the heads were others. Such an answer is never logged. */
  readonly whatIf?: WhatIf;
}

/** What is to be supposed. */
export interface WhatIf {
  /** Touches that the user has made just now, the last one newest. */
  readonly add?: readonly {
    readonly item: ItemId;
    readonly type: InteractionType;
    readonly value?: number;
  }[];
  /** Items that the user has never touched. */
  readonly remove?: readonly ItemId[];
  /** Weights of heads in the score, instead of the configuration's. */
  readonly headWeights?: Readonly<Record<string, number>>;
}

/** What whoever accepted a request knows of it beside what was asked. */
export interface Arrival {
  /**
   * When it was accepted, on the monotonic clock of the instance. The budget counts from there, so that time spent in a
   * queue is spent; what is left of it at the call is what the stages share. The call itself where absent.
   */
  readonly acceptedAt?: Ms;
  /**
   * From 0, the best answer that the budget allows (and where absent), to 1, the cheapest answer that there is. While
   * more comes in than can be answered in full, a server gives a part of the requests 1 and all others 0: that way more
   * people get a full answer than if everybody got a somewhat cheaper one.
   */
  readonly pressure?: number;
  /**
   * Asked before the request computes for milliseconds in one go: resolves with the pressure when it may. At once, and
   * with the pressure above, where absent.
   */
  readonly turn?: () => Promise<number>;
  /**
   * Asked between two parts of such a computation, of which nothing else is in the way: resolves when the event loop has
   * looked at what came meanwhile. At once where absent.
   */
  readonly pause?: () => Promise<void>;
}

/** From best to simplest answer. */
export const RUNGS = ["full", "cheaper-ranker", "fewer-candidates", "retrieval-order", "popular"] as const;
export type Rung = (typeof RUNGS)[number];

/** Why a result is not personal, or not the best the system can do. */
export const REASONS = {
  unknown_user: "No event of this user is known.",
  no_history: "The user is known, but has no touches that the models can use.",
  not_trained:
    "There is no trained bundle; popular, trending and fresh items are served. Run `upnext train`.",
  state_late: "The state store did not answer within its share of the budget.",
  state_unavailable: "The state store failed.",
  source_late: "A retrieval source was skipped or dropped to stay within the budget.",
  source_failed: "A retrieval source failed.",
  ranking_late: "There was no time left to rank all candidates.",
  overloaded: "More requests came in than could be answered in full; this one got a cheaper answer.",
  ranking_failed: "The ranker failed; candidates are in retrieval order.",
  no_candidates: "Every item is filtered out.",
} as const;
export type Reason = keyof typeof REASONS;

export interface RecommendedItem {
  readonly item: ItemId;
  readonly position: number;
  readonly score: number;
  readonly facts?: ItemFacts;
  readonly why?: Why;
}

export interface Why {
  /** Sources that found it, with rank (0-based) and score within that source. */
  readonly sources: readonly { readonly name: string; readonly rank: number; readonly score: number }[];
  /** Probability-like output of each head of the ranker, and its weight in the score. */
  readonly heads: readonly { readonly name: string; readonly value: number; readonly weight: number }[];
  /** Rank before the policy (creator cap, diversity) moved it. */
  readonly rankBeforePolicy: number;
  readonly features: Readonly<Record<string, number>>;
}

/** Where an item was lost. */
export interface WhyNot {
  readonly item: ItemId;
  /** `shown` where it is in the answer after all. */
  readonly stage: "catalog" | "filter" | "retrieval" | "ranking" | "policy" | "shown";
  /** One sentence: which rule, or at which rank with which score. */
  readonly reason: string;
}

/** In the order in which a request goes through them. */
export const STAGES = [
  "state",
  "encode",
  "turn",
  "filter",
  "retrieve",
  "blend",
  "features",
  "rank",
  "policy",
] as const;
export type Stage = (typeof STAGES)[number];

export interface StageTrace {
  readonly stage: Stage;
  readonly ms: Ms;
  /**
   * Candidates that entered and left; items of the catalogue for `filter`, for `state` the touches and vetoes that
   * came, for `encode` touches and the encodings that were made of them, for `turn` (waiting until nothing else
   * computes, in a server) the request itself.
   */
  readonly in: number;
  readonly out: number;
  /** What went wrong, where the stage's fallback answered. */
  readonly fallback?: Reason;
}

export interface Recommendation {
  readonly request: RequestId;
  readonly user: UserId;
  readonly items: readonly RecommendedItem[];
  readonly rung: Rung;
  readonly personal: boolean;
  /** Empty where the answer is personal and complete. */
  readonly reasons: readonly Reason[];
  readonly bundle: BundleId | null;
  /** The user's arms in the experiments that run; empty where the user is in none. */
  readonly arms: readonly ServedArm[];
  /** Every event before this offset is reflected. */
  readonly offset: Offset;
  readonly trace: {
    readonly ms: Ms;
    readonly budgetMs: Ms;
    readonly stages: readonly StageTrace[];
    /** Per source: how many candidates it found, and its time. */
    readonly sources: readonly { readonly name: string; readonly found: number; readonly ms: Ms }[];
  };
  readonly whyNot?: readonly WhyNot[];
}

export interface SimilarItems {
  readonly item: ItemId;
  readonly items: readonly { readonly item: ItemId; readonly score: number; readonly facts?: ItemFacts }[];
  readonly reasons: readonly Reason[];
}

export interface TrackResult extends AppendResult {
  /** Events of users who were forgotten at or after their time: as if they had not happened, they were not taken. */
  readonly forgotten: number;
}

/** A moment of the past: by the times of events, or by what was in the log. */
export type Moment = { readonly time: EpochMs } | { readonly offset: Offset };

/** What `forget` did, and where. */
export interface ErasureReceipt {
  readonly user: UserId;
  /** Every event of the user at or before it counts as not having happened, those that come later included. */
  readonly time: EpochMs;
  /** From this offset on the log has the erasure. It names the user, and is all that is left. */
  readonly offset: Offset;
  readonly state: {
    readonly store: string;
    /** Touches removed from it; null where it could not be asked. */
    readonly touches: number | null;
    /** Whether the store has the erasure. Where not, it gets it when it answers again, before anything is read. */
    readonly done: boolean;
  };
  /** Events whose user, id and values were taken out of the log, and the files that were written anew for it. */
  readonly log: { readonly events: number; readonly files: number };
  /** Snapshots that were written anew or removed. */
  readonly snapshots: number;
  /** Bundles that were trained while the user's events were in the log: what they learned goes with the next training. */
  readonly bundles: readonly BundleId[];
}

/** What `doctor`, /healthz and /readyz tell. */
export interface Status {
  readonly ready: boolean;
  readonly checks: readonly Check[];
  readonly log: {
    /** Events before it were dropped by retention. */
    readonly first: Offset;
    readonly end: Offset;
    readonly tail: string | null;
    readonly bytes: number;
  };
  readonly catalog: {
    readonly items: number;
    readonly live: number;
    readonly withoutFacts: number;
    readonly engagements: number;
  };
  readonly state: {
    readonly store: string;
    readonly applied: Offset;
    /** Events that the store does not have yet; requests see them all the same. */
    readonly behind: number;
  };
  readonly bundle: { readonly id: BundleId; readonly trainedAt: EpochMs; readonly logOffset: Offset } | null;
  /** What requests run with. */
  readonly settings: {
    readonly budgetMs: Ms;
    /** Candidates that are ranked at most, and that are asked of each source. */
    readonly candidates: number;
    readonly perSource: number;
    /** By when a stage has to be over, as a share of the budget. */
    readonly stageEnds: Readonly<Partial<Record<Stage, number>>>;
    /** Names of the sources in service, and of the heads with their weights in the score. */
    readonly sources: readonly string[];
    readonly heads: readonly { readonly name: string; readonly weight: number }[];
  };
}

export interface Check {
  readonly name: string;
  readonly level: "ok" | "warning" | "failure";
  readonly message: string;
  /** What to do about it, as a line that can be pasted where there is one. */
  readonly cure?: string;
}

export interface Recommender extends Overview, ReleaseDesk, ExperimentDesk {
  /** Appends events; resolves when they are durable and reflected by catalog and state. */
  track(events: Event | readonly Event[]): Promise<TrackResult>;
  recommend(request: RecommendRequest, arrival?: Arrival): Promise<Recommendation>;
  /** Items that go with `item`, best first. Rejects with `unknown_item`. */
  similar(item: ItemId, limit?: number): Promise<SimilarItems>;
  state(user: UserId): Promise<UserState>;
  /** The state as it was at a moment. */
  stateAt(user: UserId, at: Moment): Promise<UserState>;
  forget(user: UserId): Promise<ErasureReceipt>;
  status(): Promise<Status>;
}
