/** Logs for the training tests, made from a few words, and the slow plain folds that they are compared with. */
import { type Catalog, createCatalog } from "../../src/catalog/index.ts";
import type { EpochMs, EventId, ItemId, Offset, RequestId, UserId } from "../../src/core/index.ts";
import {
  type Event,
  type EventLog,
  type Interaction,
  type InteractionType,
  type LoggedEvent,
  memoryLog,
} from "../../src/events/index.ts";

/** A moment at which nothing special happens; a year of hours fits before today. */
export const START = 1_700_000_000_000;
export const HOUR_MS = 3_600_000;

export const userId = (name: string) => name as UserId;
export const itemId = (name: string) => name as ItemId;
export const at = (time: number) => time as EpochMs;

let made = 0;

/** An interaction with a fresh id, unless `more` gives one. */
export function took(user: string, item: string, time: number, more: Partial<Interaction> = {}): Interaction {
  return {
    kind: "interaction",
    id: `t${made++}` as EventId,
    user: userId(user),
    item: itemId(item),
    type: "click" satisfies InteractionType,
    time: at(time),
    ...more,
  };
}

export function shown(
  user: string,
  request: string,
  time: number,
  items: readonly string[],
): Extract<Event, { kind: "impression" }> {
  return {
    kind: "impression",
    id: `i-${request}` as EventId,
    user: userId(user),
    request: request as RequestId,
    time: at(time),
    slots: items.map((item, position) => ({ item: itemId(item), position })),
  };
}

export async function logOf(events: readonly Event[]): Promise<EventLog> {
  const log = memoryLog();
  await log.append(events);
  return log;
}

export function logged(events: readonly LoggedEvent["event"][]): LoggedEvent[] {
  return events.map((event, offset) => ({ offset: offset as Offset, event }));
}

export function catalogOf(events: readonly Event[]): Catalog {
  const catalog = createCatalog();
  catalog.apply(logged(events));
  return catalog;
}

/** Without what erasures took: events of a user at or before the newest erasure of that user. */
export function withoutErased(events: readonly Event[]): readonly Event[] {
  const erasedAt = new Map<UserId, number>();
  for (const event of events) {
    if (event.kind !== "erasure") continue;
    erasedAt.set(event.user, Math.max(erasedAt.get(event.user) ?? -Infinity, event.time));
  }
  return events.filter(
    (event) =>
      !("user" in event) || event.kind === "erasure" || event.time > (erasedAt.get(event.user) ?? -Infinity),
  );
}
