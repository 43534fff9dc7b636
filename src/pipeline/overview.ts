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

export interface Overview {
  /** Rejects with `invalid_request`. Looks through the whole catalogue: milliseconds for some ten thousand items. */
  items(query: ItemQuery): Promise<readonly ItemOverview[]>;
  /** Users of the newest events, the one who came last first. */
  recentUsers(limit: number): Promise<readonly RecentUser[]>;
  exposure(): Promise<Exposure>;
}
