/** The catalog as a fold of the log: known answers, replay, growth, removal, erasure. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Catalog,
  catalogDigest,
  createCatalog,
  DECAYED,
  DECAYED_AT,
  HALF_LIVES_DAYS,
  RECORD,
  SHOWN,
  VETOES,
} from "../../src/catalog/index.ts";
import {
  DAY,
  type EventId,
  type ItemId,
  type Offset,
  type RequestId,
  type UserId,
} from "../../src/core/index.ts";
import type { Event, InteractionType, ItemFacts, LoggedEvent, UserFacts } from "../../src/events/index.ts";

let ids = 0;
const base = (time: number) => ({ id: `e${ids++}` as EventId, time: time as Event["time"] });
const act = (item: string, time = 0, type: InteractionType = "watch", user = "u1"): Event => ({
  ...base(time),
  kind: "interaction",
  user: user as UserId,
  item: item as ItemId,
  type,
});
const upsert = (item: string, facts: ItemFacts = {}, time = 0): Event => ({
  ...base(time),
  kind: "item",
  item: item as ItemId,
  facts,
});
const removal = (item: string, time = 0): Event => ({
  ...base(time),
  kind: "item-removal",
  item: item as ItemId,
});
const show = (items: readonly string[], time = 0): Event => ({
  ...base(time),
  kind: "impression",
  user: "u1" as UserId,
  request: `r${ids}` as RequestId,
  slots: items.map((item, position) => ({ item: item as ItemId, position })),
});
const userUpsert = (user: string, facts: UserFacts, time = 0): Event => ({
  ...base(time),
  kind: "user",
  user: user as UserId,
  facts,
});
const erasure = (user: string, time: number): Event => ({
  ...base(time),
  kind: "erasure",
  user: user as UserId,
});

const logged = (events: readonly Event[], from = 0): LoggedEvent[] =>
  events.map((event, i) => ({ offset: (from + i) as Offset, event }));

function folded(...events: Event[]): Catalog {
  const catalog = createCatalog();
  catalog.apply(logged(events));
  return catalog;
}

function categoriesOf(catalog: Catalog, row: number): string[] {
  const { categoryOffsets, categoryCounts, categories } = catalog.items;
  const start = categoryOffsets[row]!;
  return Array.from(
    categories.subarray(start, start + categoryCounts[row]!),
    (code) => catalog.categoryNames[code]!,
  );
}

describe("catalog: items", () => {
  it("is empty before the first event", () => {
    const catalog = createCatalog();
    expect(catalog.size).toBe(0);
    expect(catalog.applied).toBe(0);
    expect(catalog.rowOf("v1" as ItemId)).toBeUndefined();
    expect(catalog.statistics.newest).toBe(-Infinity);
    catalog.apply([]);
    expect(catalog.applied).toBe(0);
  });

  it("gives rows in the order of first mention, by upsert or interaction, and keeps them", () => {
    const catalog = folded(act("b"), upsert("a"), act("c", 0, "hide"), act("a"), upsert("b"));
    expect([0, 1, 2].map((row) => catalog.idOf(row))).toEqual(["b", "a", "c"]);
    expect(catalog.rowOf("c" as ItemId)).toBe(2);
    expect(catalog.size).toBe(3);
  });

  it("makes no row for an impression or a removal of an unknown item", () => {
    const catalog = folded(show(["x"]), removal("y"), erasure("u1", 5), userUpsert("u1", {}, 9));
    expect(catalog.size).toBe(0);
    expect(catalog.applied).toBe(4);
  });

  it("holds facts as columns, with 'none' and NaN where there are none", () => {
    const facts: ItemFacts = {
      title: "T",
      creator: "ada",
      categories: ["drama", "noir", "drama"],
      duration: 90,
      publishedAt: 77 as Event["time"],
    };
    const catalog = folded(upsert("a", facts, 3), act("b", 4));
    const { items } = catalog;
    expect(catalog.factsOf(0)).toEqual(facts);
    expect(catalog.factsOf(1)).toBeUndefined();
    expect(catalog.creatorNames[items.creator[0]!]).toBe("ada");
    expect(categoriesOf(catalog, 0)).toEqual(["drama", "noir"]);
    expect([items.duration[0], items.publishedAt[0], items.firstSeen[0], items.bornAt[0]]).toEqual([
      90, 77, 3, 77,
    ]);
    expect([items.creator[1], items.categoryCounts[1], items.duration[1], items.publishedAt[1]]).toEqual([
      0,
      0,
      Number.NaN,
      Number.NaN,
    ]);
    expect([items.live[1], items.firstSeen[1]]).toEqual([1, 4]);
    expect([catalog.categoryNames[0], catalog.creatorNames[0]]).toEqual(["", ""]);
  });

  it("replaces all facts at an upsert, in the order of the log and not of the times", () => {
    const catalog = folded(
      upsert("a", { creator: "ada", categories: ["x"], duration: 9 }, 100),
      upsert("a", { categories: ["y", "x"] }, 50),
    );
    expect(catalog.factsOf(0)).toEqual({ categories: ["y", "x"] });
    expect(catalog.items.creator[0]).toBe(0);
    expect(catalog.items.duration[0]).toBeNaN();
    expect(categoriesOf(catalog, 0)).toEqual(["y", "x"]);
    expect([catalog.items.firstSeen[0], catalog.items.bornAt[0]]).toEqual([50, 50]);
  });

  it("takes a removed item out until it is upserted again; interactions do not bring it back", () => {
    const catalog = createCatalog();
    const live: (number | undefined)[] = [];
    const events = [
      upsert("a", { title: "T" }),
      removal("a"),
      act("a"),
      upsert("a"),
      removal("a"),
      removal("a"),
    ];
    for (const one of logged(events)) {
      catalog.apply([one]);
      live.push(catalog.items.live[0]);
    }
    expect(live).toEqual([1, 0, 0, 1, 0, 0]);
    expect(catalog.size).toBe(1);
    expect(catalog.statistics.engagements[0]).toBe(1);
  });

  it("keeps every row's columns when it grows past its capacity more than once", () => {
    const count = 5000;
    const events = Array.from({ length: count }, (_, i) =>
      upsert(`v${i}`, { creator: `c${i % 7}`, categories: [`k${i % 3}`], duration: i }, i),
    );
    const catalog = folded(...events, act("v0", 7), act(`v${count - 1}`, count + 8));
    expect(catalog.size).toBe(count);
    for (let row = 0; row < count; row++) {
      const { items, statistics } = catalog;
      const got = [items.duration[row], items.firstSeen[row], items.live[row], catalog.idOf(row)];
      expect(got).toEqual([row, row, 1, `v${row}`]);
      expect(catalog.creatorNames[items.creator[row]!]).toBe(`c${row % 7}`);
      expect(categoriesOf(catalog, row)).toEqual([`k${row % 3}`]);
      const edge = row === 0 || row === count - 1;
      expect(statistics.records[row * RECORD + DECAYED_AT]).toBe(
        edge ? (row === 0 ? 7 : count + 8) : -Infinity,
      );
      expect(statistics.records[row * RECORD + DECAYED]).toBe(edge ? 1 : 0);
    }
  });

  it("keeps every category list right while lists change so often that the array is compacted", () => {
    const catalog = createCatalog();
    const want = new Map<number, string[]>();
    let widest = 0;
    for (let i = 0; i < 6000; i++) {
      const item = i < 3000 ? (i * 7919) % 50 : i % 3; // then most lists rest while a few change
      const categories = Array.from({ length: i % 5 }, (_, j) => `k${(i + j) % 11}`);
      catalog.apply(logged([upsert(`v${item}`, { categories })], i));
      want.set(catalog.rowOf(`v${item}` as ItemId)!, categories);
      widest = Math.max(widest, catalog.items.categories.length);
      if (i % 50 > 0) continue;
      for (const [row, held] of want) expect(categoriesOf(catalog, row)).toEqual(held);
    }
    expect(widest).toBeLessThan(6000);
  });
});

describe("catalog: statistics", () => {
  it("counts engagements, vetoes and impressions of known items", () => {
    const { statistics } = folded(
      show(["a"]),
      act("a", 5),
      act("a", 6, "like"),
      act("a", 9, "block"),
      act("b", 2, "dislike"),
      show(["a", "b", "a", "nobody"]),
    );
    expect(Array.from(statistics.engagements.subarray(0, 2))).toEqual([2, 0]);
    expect([0, 1].map((row) => statistics.records[row * RECORD + VETOES])).toEqual([1, 1]);
    expect([0, 1].map((row) => statistics.records[row * RECORD + SHOWN])).toEqual([2, 1]);
    expect(statistics.totalEngagements).toBe(2);
    expect(statistics.newest).toBe(9);
    expect(statistics.records[RECORD + DECAYED_AT]).toBe(-Infinity);
  });

  it("gives the same bits whichever of the events of one moment came first", () => {
    const answer = (type: InteractionType, user: string, time: number) =>
      ({ ...act("a", time, type, user), request: "r" }) as Event;
    for (let i = 0; i < 50; i++) {
      const time = Math.floor(DAY * (1 + Math.sin(i)));
      const first = [show(["a"], 0), answer("click", "u1", 0), answer("like", "u1", 0)];
      const [one, other] = [answer("click", "u1", time), answer("watch", "u2", time)];
      const digest = (...events: readonly Event[]) => catalogDigest(folded(...first, ...events));
      expect(digest(one, other)).toBe(digest(other, one));
    }
  });

  it("halves a decayed count in each half-life", () => {
    for (const [h, days] of HALF_LIVES_DAYS.entries()) {
      const { statistics } = folded(act("a", 0), act("a", days * DAY), act("a", 3 * days * DAY));
      expect(statistics.records[DECAYED + h]).toBe(1 + (1 + 0.5) / 4);
      expect(statistics.records[DECAYED_AT]).toBe(3 * days * DAY);
    }
  });

  it("adds a late event with the decay that belongs to it", () => {
    const late = folded(act("a", 7 * DAY), act("a", 0)).statistics;
    const inOrder = folded(act("a", 0), act("a", 7 * DAY)).statistics;
    expect(late.records[DECAYED + 1]).toBe(1.5);
    expect(late.records[DECAYED_AT]).toBe(7 * DAY);
    for (const h of HALF_LIVES_DAYS.keys())
      expect(late.records[DECAYED + h]).toBe(inOrder.records[DECAYED + h]);
  });

  it("agrees with the sum over all events, whatever their order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 400 * DAY }), { minLength: 1, maxLength: 40 }),
        (times) => {
          const { statistics } = folded(...times.map((time) => act("a", time)));
          const newest = Math.max(...times);
          for (const [h, days] of HALF_LIVES_DAYS.entries()) {
            const want = times.reduce((sum, time) => sum + 2 ** (-(newest - time) / (days * DAY)), 0);
            expect(statistics.records[DECAYED + h]).toBeCloseTo(want, 9);
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe("catalog: users", () => {
  const u1 = "u1" as UserId;

  it("holds the newest facts of a user, of two with one time the later in the log", () => {
    expect(createCatalog().userFacts(u1)).toBeUndefined();
    expect(folded(userUpsert("u1", { a: 1 }, 5), userUpsert("u1", { a: 2 }, 3)).userFacts(u1)).toEqual({
      a: 1,
    });
    expect(folded(userUpsert("u1", { a: 1 }, 5), userUpsert("u1", { a: 2 }, 5)).userFacts(u1)).toEqual({
      a: 2,
    });
  });

  it("forgets facts at or before an erasure, also those that come later in the log", () => {
    expect(folded(userUpsert("u1", { a: 1 }, 5), erasure("u1", 5)).userFacts(u1)).toBeUndefined();
    expect(folded(erasure("u1", 5), userUpsert("u1", { a: 1 }, 5)).userFacts(u1)).toBeUndefined();
    expect(folded(userUpsert("u1", { a: 1 }, 6), erasure("u1", 5)).userFacts(u1)).toEqual({ a: 1 });
    expect(folded(erasure("u1", 9), erasure("u1", 5), userUpsert("u1", {}, 7)).userFacts(u1)).toBeUndefined();
    expect(folded(erasure("u1", 5), userUpsert("u2", { b: 1 }, 1)).userFacts("u2" as UserId)).toEqual({
      b: 1,
    });
  });

  it("leaves item statistics as they were when a user is forgotten", () => {
    expect(folded(act("a", 1), erasure("u1", 9)).statistics.engagements[0]).toBe(1);
  });
});

describe("catalog: as a fold", () => {
  const item = fc.integer({ min: 0, max: 12 }).map((i) => `v${i}`);
  const time = fc.integer({ min: 0, max: 90 }).map((day) => day * DAY + day);
  const facts = fc.record(
    {
      creator: fc.constantFrom("ada", "bob"),
      categories: fc.array(fc.constantFrom("x", "y", "z"), { maxLength: 3 }),
      duration: fc.integer({ min: 1, max: 900 }),
    },
    { requiredKeys: [] },
  );
  const user = fc.constantFrom("u1", "u2");
  const event = fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .tuple(item, time, fc.constantFrom("watch", "like", "hide"))
        .map(([i, t, y]) => act(i, t, y as InteractionType)),
    },
    { weight: 2, arbitrary: fc.tuple(item, facts, time).map(([i, f, t]) => upsert(i, f as ItemFacts, t)) },
    { weight: 1, arbitrary: fc.tuple(item, time).map(([i, t]) => removal(i, t)) },
    { weight: 2, arbitrary: fc.tuple(fc.array(item, { maxLength: 5 }), time).map(([i, t]) => show(i, t)) },
    { weight: 1, arbitrary: fc.tuple(user, time).map(([u, t]) => userUpsert(u, { t }, t)) },
    { weight: 1, arbitrary: fc.tuple(user, time).map(([u, t]) => erasure(u, t)) },
  );
  const digest = (catalog: Catalog) => catalogDigest(catalog, ["u1" as UserId, "u2" as UserId]);

  it("gives the same bits in batches of any size, and when batches are repeated or overlap", () => {
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 80 }),
        fc.array(fc.tuple(fc.nat(9), fc.nat(6)), { maxLength: 60 }),
        (events, steps) => {
          const log = logged(events);
          const whole = createCatalog();
          whole.apply(log);
          const parts = createCatalog();
          for (const [size, overlap] of steps) {
            const from = Math.max(0, parts.applied - overlap);
            parts.apply(log.slice(from, parts.applied + size));
          }
          parts.apply(log);
          parts.apply(log);
          expect(parts.applied).toBe(log.length);
          expect(digest(parts)).toBe(digest(whole));
        },
      ),
      { numRuns: 100 },
    );
  });

  it("refuses a batch that leaves out an event, and takes it once it is whole", () => {
    const catalog = createCatalog();
    const log = logged([act("a"), act("b"), act("c")]);
    expect(() => catalog.apply([log[1]!])).toThrow(/expected the event at offset 0 and got offset 1/);
    expect(() => catalog.apply([log[0]!, log[2]!])).toThrow(
      /expected the event at offset 1 and got offset 2/,
    );
    expect(catalog.applied).toBe(1);
    catalog.apply(log);
    expect([catalog.applied, catalog.size, catalog.statistics.totalEngagements]).toEqual([3, 3, 3]);
  });

  it("has another digest when any one fact, count or list differs", () => {
    const same = (): Event[] => [
      upsert("a", { creator: "ada", categories: ["x", "y"] }),
      act("a", 5),
      show(["a"]),
    ];
    const digests = new Set(
      [
        same(),
        [...same(), act("a", 5)],
        [...same(), act("a", 4)],
        [...same(), show(["a"])],
        [...same(), removal("a")],
        [...same(), act("a", 5, "hide")],
        [...same(), upsert("a", { creator: "ada", categories: ["y", "x"] })],
        [...same(), upsert("b", {})],
        [...same(), userUpsert("u1", { a: 1 })],
      ].map((events) => digest(folded(...events))),
    );
    expect(digests.size).toBe(9);
    expect(digest(folded(...same()))).toBe(digest(folded(...same())));
  });
});
