/** Random logs for the catalog: every kind of event, few ids so that they meet, texts of all widths. */
import fc from "fast-check";
import { type Catalog, createCatalog } from "../../src/catalog/index.ts";
import { DAY, type EpochMs, type EventId, type Offset } from "../../src/core/index.ts";
import type { ItemUpsert, LoggedEvent, StoredEvent } from "../../src/events/index.ts";

const TEXTS = ["ada", "Zoë", "映画", "🎬", "", "\u0000", "x".repeat(300)];
const text = fc.constantFrom(...TEXTS);
const item = fc.integer({ min: 0, max: 14 }).map((i) => `${TEXTS[i % TEXTS.length]}${i}`);
const time = fc.integer({ min: 0, max: 90 }).map((day) => day * DAY + day);
export const USERS = ["u1", "Zoë", "映画"];
const user = fc.constantFrom(...USERS);
const facts = fc.record(
  {
    title: text,
    creator: text,
    categories: fc.array(text, { maxLength: 4 }),
    duration: fc.double({ min: 0.1, max: 900, noNaN: true }),
    publishedAt: time,
    attributes: fc.dictionary(text, fc.oneof(text, fc.boolean(), fc.integer()), {
      maxKeys: 2,
      noNullPrototype: true,
    }),
  },
  { requiredKeys: [] },
);

const event = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record(
      {
        kind: fc.constant("interaction"),
        time,
        user,
        item,
        type: fc.constantFrom("watch", "click", "like", "view", "hide"),
        value: fc.double({ min: 0, max: 1, noNaN: true }),
        request: fc.constant("r"),
      },
      { requiredKeys: ["kind", "time", "user", "item", "type"] },
    ),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("item"), time, item, facts }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("item-removal"), time, item }) },
  {
    weight: 2,
    arbitrary: fc
      .record({ time, user, items: fc.array(item, { maxLength: 5 }) })
      .map(({ items, ...base }) => ({
        ...base,
        kind: "impression",
        request: "r",
        slots: items.map((one, position) => ({ item: one, position })),
      })),
  },
  {
    weight: 1,
    arbitrary: fc.record(
      {
        kind: fc.constant("anonymous"),
        time,
        items: fc.array(item, { minLength: 1, maxLength: 1 }),
        type: fc.constantFrom("watch", "hide", undefined),
        value: fc.float({ min: 0, max: 1, noNaN: true }),
        answered: fc.constant(true),
      },
      { requiredKeys: ["kind", "time", "items"] },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("user"),
      time,
      user,
      facts: fc.dictionary(text, text, { maxKeys: 2, noNullPrototype: true }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("erasure"), time, user }) },
);

export const anyEvents: fc.Arbitrary<readonly LoggedEvent[]> = fc
  .array(event, { maxLength: 60 })
  .map((events) =>
    events.map((one, i) => ({
      offset: i as Offset,
      event: { ...one, id: `e${i}` as EventId } as StoredEvent,
    })),
  );

export function catalogOf(events: readonly LoggedEvent[]): Catalog {
  const catalog = createCatalog();
  catalog.apply(events);
  return catalog;
}

/** `count` items with everything an item can have, each with an interaction. */
export function manyItems(count: number, story = "story"): LoggedEvent[] {
  const events: StoredEvent[] = [];
  for (let i = 0; i < count; i++) {
    const base = { time: (1_700_000_000_000 + i) as EpochMs, item: `video-${i}` as ItemUpsert["item"] };
    const facts = {
      title: `The ${story} of ${i}`,
      creator: `creator-${(i + story.length) % 997}`,
      categories: [`c${(i + story.length) % 31}`, `d${i % 7}`],
      duration: 10 + (i % 600),
      attributes: { year: 1990 + (i % 30) },
    };
    events.push({ kind: "item", id: `i${i}` as EventId, ...base, facts });
    events.push({
      kind: "interaction",
      id: `e${i}`,
      ...base,
      user: `u${i % 99}`,
      type: "watch",
    } as StoredEvent);
  }
  return events.map((one, offset) => ({ offset: offset as Offset, event: one }));
}
