/** Random logs of a few users and items, with ties, late events, repeats and erasures made likely. */
import fc from "fast-check";
import type { EventId, RequestId } from "../../src/core/index.ts";
import type { Event, InteractionType } from "../../src/events/index.ts";
import { at, HOUR_MS, itemId, START, userId } from "./logs.ts";

export interface LogKind {
  readonly erasures: boolean;
  /** Whether events come in the order of their times; otherwise some are late. */
  readonly ordered: boolean;
}

const USERS = ["a", "b", "c"];
const ITEMS = ["p", "q", "r", "s", "t"];
const TYPES: readonly InteractionType[] = [
  "view",
  "click",
  "watch",
  "like",
  "rate",
  "dislike",
  "hide",
  "block",
];

const time = fc.integer({ min: 0, max: 12 }).map((hour) => at(START + hour * HOUR_MS));
const user = fc.constantFrom(...USERS).map(userId);
const item = fc.constantFrom(...ITEMS).map(itemId);
const request = fc.integer({ min: 0, max: 4 }).map((r) => `r${r}` as RequestId);

const interaction = fc
  .record(
    {
      time,
      user,
      item,
      type: fc.constantFrom(...TYPES),
      request,
      surface: fc.constantFrom("home", "feed"),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    },
    { requiredKeys: ["time", "user", "item", "type", "share"] },
  )
  .map(({ share, ...event }) => ({
    kind: "interaction" as const,
    ...event,
    ...(event.type === "watch" && share > 0.1 && { value: share }),
    ...(event.type === "rate" && { value: Math.round(share * 10) / 2 }),
  }));
const impression = fc
  .record({ time, user, request, items: fc.uniqueArray(item, { minLength: 1 }) })
  .map(({ items, ...event }) => ({
    kind: "impression" as const,
    ...event,
    slots: items.map((item, position) => ({ item, position })),
  }));
const upsert = fc.record({ time, item, publishedAt: fc.option(time, { nil: undefined }) }).map((event) => ({
  kind: "item" as const,
  time: event.time,
  item: event.item,
  facts: event.publishedAt === undefined ? {} : { publishedAt: event.publishedAt },
}));
const removal = fc.record({ time, item }).map((event) => ({ kind: "item-removal" as const, ...event }));
const erasure = fc.record({ time, user }).map((event) => ({ kind: "erasure" as const, ...event }));

/** Ids are in no order: neither that of the log nor that of time. */
export function anyLog({ erasures, ordered }: LogKind): fc.Arbitrary<readonly Event[]> {
  const event = fc.oneof(
    { weight: 12, arbitrary: interaction },
    { weight: 3, arbitrary: impression },
    { weight: 2, arbitrary: upsert },
    { weight: 1, arbitrary: removal },
    { weight: erasures ? 1 : 0, arbitrary: erasure },
  );
  return fc
    .array(fc.tuple(event, fc.integer({ min: 0, max: 999 })), { maxLength: 60 })
    .map((drawn) => drawn.map(([body, n], i): Event => ({ ...body, id: `e${n}-${i}` as EventId })))
    .map((events) => (ordered ? [...events].sort((a, b) => a.time - b.time) : events));
}
