import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EpochMs } from "../../src/core/index.ts";
import type { ItemFacts } from "../../src/events/index.ts";
import { buildMask, FILTERS, type FilterRules } from "../../src/policy/index.ts";
import type { UserState } from "../../src/state/index.ts";
import { catalogOf, item, NOW, stateOf } from "./world.ts";

const catalog = catalogOf({
  a: { creator: "ann", categories: ["cats"] },
  b: { creator: "ann", categories: ["dogs", "cats"] },
  c: { creator: "bob", categories: ["dogs"] },
  d: {},
  gone: null,
  soon: { publishedAt: (NOW + 1) as EpochMs },
});

/** Ids that may be shown. */
function shown(state: UserState, rules: FilterRules = {}, now = NOW): string[] {
  const mask = buildMask(catalog, state, rules, now);
  const ids = Array.from(mask.allowed.keys()).filter((row) => mask.allowed[row] === 1);
  expect(mask.count).toBe(ids.length);
  return ids.map((row) => catalog.idOf(row));
}

function reason(id: string, state: UserState, rules: FilterRules = {}): string | null {
  return buildMask(catalog, state, rules, NOW).reasonFor(catalog.rowOf(item(id))!);
}

describe("the mask", () => {
  it("has the length of the catalog, and lets everything pass that is live and published", () => {
    expect(buildMask(catalog, stateOf(), {}, NOW).allowed).toHaveLength(6);
    expect(shown(stateOf())).toEqual(["a", "b", "c", "d"]);
    expect(reason("a", stateOf())).toBeNull();
    expect(reason("gone", stateOf())).toBe("It was removed from the catalog.");
  });

  it("lets an item pass from the millisecond of its publication on", () => {
    expect(shown(stateOf(), {}, (NOW + 1) as EpochMs)).toContain("soon");
    expect(reason("soon", stateOf())).toMatch(/^It is published at 2023-11-14T22:13:20.001Z/);
  });

  it("is empty over an empty catalog, whatever the request asks for", () => {
    const rules = { include: [item("a")], exclude: [item("a")], categories: ["cats"] };
    expect(buildMask(catalogOf({}), stateOf(["block", "a"], ["click", "b"]), rules, NOW)).toMatchObject({
      count: 0,
    });
  });

  it("takes what the user has touched, unless seen items may come back", () => {
    expect(shown(stateOf(["watch", "a"], ["click", "a"], ["click", "unheard of"]))).toEqual(["b", "c", "d"]);
    expect(shown(stateOf(["watch", "a"]), { allowSeen: true })).toContain("a");
    expect(reason("a", stateOf(["watch", "a"]))).toContain('"watch"');
  });

  it("takes what the user disliked or hid, even where seen items may come back", () => {
    expect(shown(stateOf(["dislike", "a"], ["hide", "c"]), { allowSeen: true })).toEqual(["b", "d"]);
    expect(reason("c", stateOf(["hide", "c"]))).toBe('The user reacted to it with "hide".');
  });

  it("takes a blocked item and everything of its creator", () => {
    expect(shown(stateOf(["block", "a"]))).toEqual(["c", "d"]);
    expect(reason("a", stateOf(["block", "a"]))).toBe("The user blocked it.");
    expect(reason("b", stateOf(["block", "a"]))).toBe('The user blocked an item of its creator "ann".');
  });

  it("takes a blocked item without a creator alone: having none is nothing in common", () => {
    expect(shown(stateOf(["block", "d"]))).toEqual(["a", "b", "c"]);
  });

  it("takes everything off the include list, after the other filters", () => {
    expect(shown(stateOf(["click", "a"]), { include: ["a", "c", "gone", "x"].map(item) })).toEqual(["c"]);
    expect(shown(stateOf(), { include: [] })).toEqual([]);
    expect(reason("b", stateOf(), { include: [item("a")] })).toContain("include list");
  });

  it("takes what the request excludes, also when it includes it", () => {
    const rules = { include: [item("a"), item("c")], exclude: [item("a"), item("a"), item("x")] };
    expect(shown(stateOf(), rules)).toEqual(["c"]);
    expect(reason("a", stateOf(), rules)).toContain("exclude list");
  });

  it("takes items with none of the asked categories", () => {
    expect(shown(stateOf(), { categories: ["cats"] })).toEqual(["a", "b"]);
    expect(shown(stateOf(), { categories: ["cats", "dogs", "no such"] })).toEqual(["a", "b", "c"]);
    expect(shown(stateOf(), { categories: [] })).toEqual([]);
    expect(shown(stateOf(), { categories: [""] })).toEqual([]);
    expect(reason("c", stateOf(), { categories: ["cats"] })).toBe(
      'The request asks for "cats"; its categories are "dogs".',
    );
    expect(reason("d", stateOf(), { categories: ["cats"] })).toContain("it has no category");
  });

  it("gives the first rule in the order of the list where several take an item", () => {
    expect(reason("a", stateOf(["block", "a"], ["click", "a"]), { exclude: [item("a")] })).toBe(
      "The user blocked it.",
    );
  });

  it("stays what it was when the catalog grows under the request", () => {
    const growing = catalogOf({ a: {} });
    const mask = buildMask(growing, stateOf(), { exclude: [item("a")] }, NOW);
    expect(mask.reasonFor(1)).toBe("It became known after the request began.");
  });

  it("gives a reason for exactly those rows that it takes", () => {
    const creators = fc.option(fc.constantFrom("ann", "bob"), { nil: undefined });
    const facts = fc.record({
      creator: creators,
      categories: fc.subarray(["cats", "dogs", "cars"]),
      late: fc.boolean(),
    });
    const ids = ["0", "1", "2", "3", "4", "5", "unknown"];
    const touches = fc.array(
      fc.tuple(fc.constantFrom("watch", "like", "dislike", "hide", "block"), fc.constantFrom(...ids)),
      { maxLength: 5 },
    );
    const rules = fc.record(
      {
        allowSeen: fc.boolean(),
        include: fc.subarray(ids.map(item)),
        exclude: fc.subarray(ids.map(item)),
        categories: fc.subarray(["cats", "dogs", "cars", "none"]),
      },
      { requiredKeys: [] },
    );
    const items = fc.array(fc.option(facts), { maxLength: 6 });
    fc.assert(
      fc.property(items, touches, rules, (list, touched, rules) => {
        const world = catalogOf(Object.fromEntries(list.map((facts, at) => [at, facts && toFacts(facts)])));
        const context = { catalog: world, state: stateOf(...touched), rules, now: NOW };
        const mask = buildMask(world, context.state, rules, NOW);
        for (let row = 0; row < world.size; row++) {
          const first =
            FILTERS.map((filter) => filter.reason(context, row)).find((text) => text !== null) ?? null;
          expect(mask.allowed[row]).toBe(first === null ? 1 : 0);
          expect(mask.reasonFor(row)).toBe(first);
        }
        expect(mask.count).toBe(mask.allowed.reduce((sum, bit) => sum + bit, 0));
      }),
      { numRuns: 300 },
    );
  });
});

function toFacts(drawn: { creator: string | undefined; categories: string[]; late: boolean }): ItemFacts {
  return {
    categories: drawn.categories,
    ...(drawn.creator === undefined ? {} : { creator: drawn.creator }),
    ...(drawn.late ? { publishedAt: (NOW + 5) as EpochMs } : {}),
  };
}
