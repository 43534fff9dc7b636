/** What may be shown to anybody, kept while the catalog changes, against a look at every item. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createCatalog } from "../../src/catalog/index.ts";
import type { EpochMs, EventId, ItemId, Offset } from "../../src/core/index.ts";
import type { Event } from "../../src/events/index.ts";
import { showableOf } from "../../src/policy/showable.ts";

const START = 1_700_000_000_000;

/** An item is new or has other facts (published at a time or never told), or is removed; then somebody asks. */
const anySteps = fc.array(
  fc.record({
    item: fc.nat(1_500).map((n) => (n < 1_490 ? n % 8 : n)),
    what: fc.constantFrom("removal", "facts", "published"),
    publishedAt: fc.integer({ min: -3, max: 3 }),
    asked: fc.option(fc.integer({ min: -4, max: 4 }), { nil: undefined }),
  }),
  { maxLength: 40 },
);

describe("what may be shown to anybody", () => {
  it("is what is live and published, whatever changed, and whether time goes on or back", () => {
    fc.assert(
      fc.property(anySteps, (steps) => {
        const catalog = createCatalog();
        const showable = showableOf(catalog.items);
        steps.forEach(({ item, what, publishedAt, asked }, i) => {
          const time = START as EpochMs;
          const base = { id: `e${i}` as EventId, item: `v${item}` as ItemId, time };
          const facts = what === "published" ? { publishedAt: (START + publishedAt) as EpochMs } : {};
          const event: Event =
            what === "removal" ? { kind: "item-removal", ...base } : { kind: "item", ...base, facts };
          catalog.apply([{ offset: i as Offset, event }]);
          if (asked === undefined) return;
          const now = START + asked;
          const { live, publishedAt: times } = catalog.items;
          const wanted = Array.from({ length: catalog.size }, (_, row) =>
            times[row]! > now ? 0 : live[row]!,
          );
          const allowed = new Uint8Array(catalog.size).fill(7);
          const count = showable.fill(allowed, now);
          expect([...allowed]).toEqual(wanted);
          expect(count).toBe(wanted.reduce((sum, bit) => sum + bit, 0));
        });
      }),
      { numRuns: 300 },
    );
  });

  it("grows with the catalog past its first capacity, and is right after more changes than are remembered", () => {
    const catalog = createCatalog();
    const showable = showableOf(catalog.items);
    const upsert = (n: number) => ({
      offset: catalog.applied,
      event: {
        kind: "item",
        id: `e${catalog.applied}` as EventId,
        item: `v${n}` as ItemId,
        time: START as EpochMs,
        facts: {},
      } as Event,
    });
    for (const [from, to] of [
      [0, 3],
      [3, 1_100],
      [1_100, 20_000],
    ] as const) {
      for (let n = from; n < to; n++) catalog.apply([upsert(n)]);
      const allowed = new Uint8Array(catalog.size);
      expect(showable.fill(allowed, START)).toBe(to);
      expect(allowed.every((bit) => bit === 1)).toBe(true);
    }
  });
});
