/** Facts of items and users as upsert events. */
import type { EpochMs, EventId, ItemId, UserId } from "../../core/index.ts";
import {
  EVENT_LIMITS,
  type ItemFacts,
  type ItemUpsert,
  type UserFacts,
  type UserUpsert,
} from "../../events/index.ts";
import { contentId } from "../content-id.ts";
import { idProblem, isAbsent, parseId, parseNames, parseNumber, parseText, shown } from "./cells.ts";
import { parseTime, TIME_UNITS, type TimeUnit } from "./timestamps.ts";

/** Cells of a row of an items file. */
export interface ItemCells {
  readonly id: unknown;
  readonly title?: unknown;
  readonly creator?: unknown;
  readonly categories?: unknown;
  readonly duration?: unknown;
  readonly publishedAt?: unknown;
}

export interface ItemRules {
  /** Units of `duration` in a second. */
  readonly durationUnits: 1 | 1000;
  readonly published: TimeUnit;
}

/** An upsert, or why the row is bad. */
export function toItem(cells: ItemCells, rules: ItemRules): ItemUpsert | string {
  const id = parseId(cells.id);
  if (id === undefined) return `id ${idProblem(cells.id)}`;
  const facts: { -readonly [K in keyof ItemFacts]: ItemFacts[K] } = {};
  const title = parseText(cells.title);
  if (title !== undefined) {
    if (title.length > EVENT_LIMITS.title) return `title is longer than ${EVENT_LIMITS.title} characters`;
    facts.title = title;
  }
  if (!isAbsent(cells.creator)) {
    const creator = parseId(cells.creator);
    if (creator === undefined) return `creator ${idProblem(cells.creator)}`;
    facts.creator = creator;
  }
  const categories = parseNames(cells.categories);
  if (categories.length > EVENT_LIMITS.categories) return `more than ${EVENT_LIMITS.categories} categories`;
  const wrong = categories.find((name) => parseId(name) === undefined);
  if (wrong !== undefined) return `a category ${idProblem(wrong)}`;
  if (categories.length > 0) facts.categories = categories;
  if (!isAbsent(cells.duration)) {
    const duration = parseNumber(cells.duration) / rules.durationUnits;
    if (!(duration >= 0)) return `duration: expected a number >= 0; got ${shown(cells.duration)}`;
    facts.duration = duration;
  }
  if (!isAbsent(cells.publishedAt)) {
    const published = parseTime(cells.publishedAt, rules.published);
    if (!Number.isSafeInteger(published)) {
      return `publishedAt: expected ${TIME_UNITS[rules.published].about}; got ${shown(cells.publishedAt)}`;
    }
    facts.publishedAt = published as EpochMs;
  }
  return itemUpsert(id, facts);
}

/**
 * An upsert with its content id. Its time is when the item was published, and the beginning of 1970 where that is not
 * known ("always known"): neither depends on when the import ran, and an old catalogue does not look fresh.
 */
export function itemUpsert(item: string, facts: ItemFacts): ItemUpsert {
  const id = contentId("item", item, JSON.stringify(facts)) as EventId;
  const time = Math.max(0, facts.publishedAt ?? 0) as EpochMs;
  return { kind: "item", id, time, item: item as ItemId, facts };
}

/** An upsert with its content id. `time` is when the facts held, 0 where that is not known. */
export function userUpsert(user: string, facts: UserFacts, time = 0): UserUpsert {
  const id = contentId("user", user, time, JSON.stringify(facts)) as EventId;
  return { kind: "user", id, time: time as EpochMs, user: user as UserId, facts };
}
