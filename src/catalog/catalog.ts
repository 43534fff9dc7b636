/**
 * The catalog: item and user facts and item statistics folded from the log, as columns in memory.
 *
 * An item gets its row when the log first mentions it, by an upsert or an interaction, and keeps it for ever; so rows
 * are the same for everyone who folds the same log, and every table about items is a plain column. All columns may
 * have more capacity than `size`; rows at and above `size` are undefined. A column may be replaced by a larger one
 * while the catalog grows: read it from the catalog anew in each request, never keep it.
 */
import type { ItemId, ItemRow, Offset, UserId } from "../core/index.ts";
import type { Fold, ItemFacts, LoggedEvent, UserFacts } from "../events/index.ts";
import type { Moment } from "./moment.ts";
import type { RowChanges } from "./row-changes.ts";

export interface Catalog extends Fold {
  /** Number of item rows. */
  readonly size: number;
  /** Every event before this offset was applied. */
  readonly applied: Offset;
  /** To be asked by whoever applies events while requests are answered. */
  readonly moment: Moment;
  rowOf(item: ItemId): ItemRow | undefined;
  idOf(row: number): ItemId;
  /** Facts as they were last upserted; undefined for items known from interactions alone. */
  factsOf(row: number): ItemFacts | undefined;
  /** Whether `factsOf` has something to say; cheaper where it is asked of all rows. */
  hasFacts(row: number): boolean;
  userFacts(user: UserId): UserFacts | undefined;
  /** The time of the upsert that gave these facts, EpochMs. */
  factsTime(user: UserId): number | undefined;
  /** The newest erasure of each user who was ever forgotten, EpochMs. */
  readonly erasures: ReadonlyMap<UserId, number>;
  /** Every erasure of the log lies before this offset; 0 where there is none. */
  readonly erasedThrough: Offset;
  readonly items: ItemColumns;
  readonly statistics: ItemStatistics;
  /** Categories by code, creators by code. Code 0 stands for "none". */
  readonly categoryNames: readonly string[];
  readonly creatorNames: readonly string[];
  apply(batch: readonly LoggedEvent[]): void;
  /** The whole catalog as it is now, to be written out; what is applied afterwards is not in it. */
  image(): CatalogImage;
}

/** See catalog-image.ts. `restoreCatalog` makes the same catalog of it again. */
export interface CatalogImage {
  /** Every event before it is in the image, and none after. */
  readonly offset: Offset;
  /** The image's bytes, in pieces of which each takes some milliseconds to make. To be taken once. */
  chunks(): Iterable<Buffer>;
}

/** Item facts. Each (size). */
export interface ItemColumns {
  /** Of every item that is new, upserted or removed, and of those that were seen earlier than was known. */
  readonly changes: RowChanges;
  /** 1 where the item may be recommended: known and not removed. */
  readonly live: Uint8Array;
  /** Code of the creator, 0 where unknown. */
  readonly creator: Int32Array;
  /** Item r has category codes categories[categoryOffsets[r]] .. [categoryOffsets[r] + categoryCounts[r]]. */
  readonly categoryOffsets: Int32Array;
  readonly categoryCounts: Int32Array;
  readonly categories: Int32Array;
  /** Seconds, NaN where unknown. */
  readonly duration: Float32Array;
  /** EpochMs, NaN where unknown. */
  readonly publishedAt: Float64Array;
  /** EpochMs: the earliest time of all upserts and interactions of the item, whichever came into the log first. */
  readonly firstSeen: Float64Array;
  /** EpochMs from which the item's age counts: publishedAt, or firstSeen where that is unknown. */
  readonly bornAt: Float64Array;
}

/** Half-lives of the decayed counters, in days: "now", "this week", "this month" (guesses; features choose). */
export const HALF_LIVES_DAYS = [1, 7, 30] as const;
/** Index in HALF_LIVES_DAYS of the half-life that "trending" means: a week. */
export const TREND_HALF_LIFE = 1;
/** Half-lives of the decayed counts that rates are made of, in days (guesses). */
export const RATE_HALF_LIVES_DAYS = [1, 7] as const;

/** Sums of the counts of `ItemStatistics.records`. */
export interface Sums {
  /** (SUMS) */
  readonly all: Float64Array;
  /** (creators × SUMS) by code; codes beyond its end have no counts. */
  readonly byCreator: Float64Array;
  /** (categories × SUMS) by code; codes beyond its end have no counts. */
  readonly byCategory: Float64Array;
}

/**
 * Item statistics, folded from interactions and impressions in log order, so that replaying the log gives the same
 * bits. A decayed count at time t is what was counted, times 2^(-(t - as of when) / half-life).
 */
export interface ItemStatistics {
  /** Of every engagement: what is computed from engagements and heat is good while its version stays. */
  readonly changes: RowChanges;
  /** (size) engagements ever. */
  readonly engagements: Float64Array;
  /**
   * (size) log2 of the decayed count with the half-life TREND_HALF_LIFE, as if carried back to time 0: log2(count) +
   * its time / halfLife. It orders items by trend at every moment alike, since all counts decay by the same factor.
   * -Infinity before the first engagement.
   */
  readonly heat: Float64Array;
  /**
   * (size × RECORD) row-major: how often the item was shown, answered, taken and vetoed, ever and lately, and how much of
   * it was watched. Where in a row each number stands, item-record.ts says.
   */
  readonly records: Float64Array;
  /** Of all items, and of those that share a creator or a category. */
  readonly sums: Sums;
  /** Sum of `engagements` over all items. */
  readonly totalEngagements: number;
  /** Items with an engagement. */
  readonly engagedItems: number;
  /** EpochMs of the newest interaction of the log, -Infinity before the first. */
  readonly newest: number;
}
