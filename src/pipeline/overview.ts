/** Looks at what there is: the items of the catalog, and the users who came last. For people; no request needs them. */
import type { EpochMs, ItemId, UserId } from "../core/index.ts";
import type { ItemFacts } from "../events/index.ts";

/** `popular`: by engagements ever; `trending`: by those of the last days; `newest`: by the time of their birth. */
export const ITEM_ORDERS = ["popular", "trending", "newest"] as const;
export type ItemOrder = (typeof ITEM_ORDERS)[number];

export interface ItemQuery {
  /** These items alone, in this order; those that the catalog does not have are left out. */
  readonly ids?: readonly ItemId[];
  /** Only items whose id, title, creator or category holds the text, upper and lower case alike. */
  readonly search?: string;
  /** Default `popular`. Of no meaning with `ids`. */
  readonly order?: ItemOrder;
  /** 1 to 200. Default 20. */
  readonly limit?: number;
}

/** An item with what was counted of it. */
export interface ItemOverview {
  readonly item: ItemId;
  /** Whether it may be recommended: known and not removed. */
  readonly live: boolean;
  readonly facts?: ItemFacts;
  /** From when its age counts: when it was published or, where that is unknown, first seen. */
  readonly bornAt: EpochMs;
  readonly engagements: number;
  readonly vetoes: number;
  /** How often it was in a slate, and how many of those were answered. */
  readonly shown: number;
  readonly answered: number;
  /** Mean share watched; null where no watch told it. */
  readonly watched: number | null;
}

/** A user who was active lately. */
export interface RecentUser {
  readonly user: UserId;
  /** Of the newest interaction that was looked at. */
  readonly time: EpochMs;
  /** Interactions among the events that were looked at. */
  readonly interactions: number;
}

/** How the shown items are spread over the catalogue. */
export interface Exposure {
  /** Items that may be recommended. */
  readonly live: number;
  /** Of those, items that were ever in a slate. */
  readonly shown: number;
  /** Slots of all slates. */
  readonly slots: number;
  /** 0: every item is shown equally often; 1: one item has every slot. Over the live items. */
  readonly gini: number;
  /**
   * (at most 101) shares of the slots that the least shown items have, by equal steps of the items' share: the Lorenz
   * curve, from 0 to 1.
   */
  readonly lorenz: readonly number[];
  /** By age of the items: how many there are, how many of them were shown, and their slots. */
  readonly ages: readonly {
    /** Upper end in days; null for all older ones. */
    readonly days: number | null;
    readonly items: number;
    readonly shown: number;
    readonly slots: number;
  }[];
}

/** Of the newest events: what slates held. */
export interface NewestSlates {
  readonly slates: number;
  readonly slots: number;
  /** By what is known of their users now; of at most 1,000 users. */
  readonly users: readonly {
    /** Upper end of touches in the state; null for all with more. */
    readonly touches: number | null;
    readonly users: number;
    readonly slates: number;
    readonly slots: number;
    /** Slots whose item was taken in answer to the slate. */
    readonly taken: number;
  }[];
  /** By how often the items were engaged with until now. */
  readonly items: readonly {
    /** Upper end of engagements; null for all with more. */
    readonly engagements: number | null;
    /** Items that may be recommended. */
    readonly items: number;
    readonly slots: number;
    readonly taken: number;
  }[];
  /** Sources by the slots that they had found, of one item where that was asked; many find the same. */
  readonly finders: readonly {
    readonly source: string;
    readonly slots: number;
    /** Those that no other source had found. */
    readonly alone: number;
    readonly taken: number;
  }[];
}

/** What rankers read, in the newest data and as the bundle in service was trained on it. */
export interface FeaturesNow {
  readonly readAt: EpochMs;
  /** null without one: then there is nothing to compare with. */
  readonly bundle: string | null;
  /** Slates and next items that values were taken from. */
  readonly exposures: number;
  readonly nextItems: number;
  readonly features: readonly {
    readonly name: string;
    readonly group: string;
    readonly per: "request" | "candidate";
    /** Share of the rows where it says something. */
    readonly known: number;
    readonly mean: number;
    readonly deviation: number;
    /** Population stability index: below 0.1 the values are as they were, above 0.25 they are not. */
    readonly drift: number | null;
  }[];
}

export interface Overview {
  /** Rejects with `invalid_request`. Looks through the whole catalogue: milliseconds for some ten thousand items. */
  items(query: ItemQuery): Promise<readonly ItemOverview[]>;
  /** Users of the newest events, the one who came last first. */
  recentUsers(limit: number): Promise<readonly RecentUser[]>;
  exposure(): Promise<Exposure>;
  /** Reads the log from its beginning: seconds to minutes. Rejects with `not_enough_data`. */
  features(): Promise<FeaturesNow>;
  /** @param item whose finders are wanted; those of all slots where absent */
  newestSlates(item?: ItemId): Promise<NewestSlates>;
}
