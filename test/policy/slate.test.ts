import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyPolicy, DEFAULT_POLICY, type PolicySettings, type Slate } from "../../src/policy/index.ts";
import { similarity } from "../../src/policy/similarity.ts";
import { catalogOf } from "./world.ts";

const OFF: PolicySettings = { maxPerCreator: 0, diversity: 0, pool: 100, explore: 0 };

/** Candidates are rows 0, 1, 2 … with these creators ("" for none), best first. */
function slateOf(
  creators: readonly string[],
  limit: number,
  settings: Partial<PolicySettings>,
  scores?: number[],
): Slate {
  const catalog = catalogOf(Object.fromEntries(creators.map((creator, at) => [`v${at}`, { creator }])));
  const values = scores ?? creators.map((_, at) => -at);
  const rows = Int32Array.from(creators.keys());
  return applyPolicy(catalog, rows, Float32Array.from(values), limit, { ...OFF, ...settings }, "r1");
}

describe("a slate without rules", () => {
  it("is the order of the scores, cut at the limit", () => {
    expect([...slateOf(["a", "a", "a", "a"], 3, {}).order]).toEqual([0, 1, 2]);
  });

  it("is as long as there are candidates, down to none", () => {
    expect([...slateOf(["a", "a"], 3, {}).order]).toEqual([0, 1]);
    expect([...slateOf([], 3, {}).order]).toEqual([]);
    expect([...slateOf(["a"], 0, {}).order]).toEqual([]);
  });

  it("leaves nobody out but those who rank below it", () => {
    const slate = slateOf(["a", "a", "a"], 2, {});
    expect([0, 1, 2].map((index) => slate.removedBy(index))).toEqual([null, null, null]);
  });
});

describe("the creator cap", () => {
  it("gives the slots beyond it to the next creators in order", () => {
    const slate = slateOf(["a", "a", "a", "b", "b", "c"], 4, { maxPerCreator: 2 });
    expect([...slate.order]).toEqual([0, 1, 3, 4]);
    expect(slate.overCap).toBe(0);
  });

  it("says whom it kept out, and nothing of those that rank below the slate", () => {
    const slate = slateOf(["a", "a", "b", "c", "a"], 2, { maxPerCreator: 1 });
    expect([...slate.order]).toEqual([0, 2]);
    expect(slate.removedBy(1)).toBe('Its creator "a" already has 1 of the slots (creator cap).');
    expect(slate.removedBy(0)).toBeNull();
    expect(slate.removedBy(3)).toBeNull();
    expect(slate.removedBy(4)).toBeNull();
  });

  it("does not hold for items without a creator", () => {
    expect([...slateOf(["", "", "", "a"], 3, { maxPerCreator: 1 }).order]).toEqual([0, 1, 2]);
  });

  it("yields where it would leave the slate short, and says for how many slots", () => {
    const slate = slateOf(["a", "a", "a", "b"], 4, { maxPerCreator: 1 });
    expect([...slate.order]).toEqual([0, 3, 1, 2]);
    expect(slate.overCap).toBe(2);
  });

  it("reaches beyond the pool when the pool is all of one creator", () => {
    const slate = slateOf(["a", "a", "a", "a", "b", "c"], 3, { maxPerCreator: 1, diversity: 0.3, pool: 2 });
    expect([...slate.order]).toEqual([0, 4, 5]);
  });
});

describe("diversity", () => {
  it("puts another creator before an almost equal score of the same one", () => {
    // Relevance 1, .9, .8, 0; d = .5: after v0, v1 has .45 - .25, v2 has .4 - 0.
    const slate = slateOf(["a", "a", "b", "c"], 2, { diversity: 0.5 }, [10, 9, 8, 0]);
    expect([...slate.order]).toEqual([0, 2]);
    expect(slate.removedBy(1)).toBe("Items less like those above it took its place (diversity).");
  });

  it("keeps the same creator where it is better by more than likeness costs", () => {
    // Now v2 has .5 * .3: v1's .2 is more.
    expect([...slateOf(["a", "a", "b", "c"], 2, { diversity: 0.5 }, [10, 9, 3, 0]).order]).toEqual([0, 1]);
  });

  it("does not depend on the scale of the scores", () => {
    const scores = [10, 9, 8, 0];
    for (const scale of [1e-6, 1, 1e6]) {
      const slate = slateOf(
        ["a", "a", "b", "c"],
        4,
        { diversity: 0.5 },
        scores.map((score) => score * scale - scale),
      );
      expect([...slate.order]).toEqual([0, 2, 1, 3]);
    }
  });

  it("tells equal scores apart by likeness alone, then by order", () => {
    expect([...slateOf(["a", "a", "b", "b"], 4, { diversity: 0.5 }, [1, 1, 1, 1]).order]).toEqual([
      0, 2, 1, 3,
    ]);
  });

  it("compares late entrants of the pool with all that was chosen before", () => {
    // A pool of two: v2 enters after v0 was chosen, and has to pay for being of its creator.
    const slate = slateOf(["a", "b", "a", "c"], 3, { diversity: 0.9, pool: 2 }, [3, 2.9, 2.8, 2.7]);
    expect([...slate.order]).toEqual([0, 1, 3]);
  });

  it("agrees with the formula computed plainly", () => {
    fc.assert(
      fc.property(
        candidates,
        fc.integer({ min: 1, max: 30 }),
        fc.double({ min: 0.05, max: 0.95, noNaN: true }),
        (drawn, limit, d) => {
          const { catalog, rows, scores } = worldOf(drawn);
          const settings = { maxPerCreator: 0, diversity: d, pool: rows.length, explore: 0 };
          const { order } = applyPolicy(catalog, rows, scores, limit, settings, "r1");
          const low = Math.min(...scores);
          const span = Math.max(...scores) - low;
          const chosen: number[] = [];
          for (const index of order) {
            const value = (candidate: number) => {
              const relevance = span > 0 ? (scores[candidate]! - low) / span : 0;
              const alike = chosen.map((other) => similarity(catalog.items, rows[candidate]!, rows[other]!));
              return (1 - d) * relevance - d * Math.max(0, ...alike);
            };
            const best = Math.max(...[...rows.keys()].filter((other) => !chosen.includes(other)).map(value));
            expect(value(index)).toBeCloseTo(best, 5);
            chosen.push(index);
          }
        },
      ),
    );
  });
});

describe("similarity", () => {
  const catalog = catalogOf({
    a: { creator: "ann", categories: ["x", "y"] },
    b: { creator: "ann", categories: ["y", "z"] },
    c: { creator: "bob", categories: ["x", "y"] },
    d: {},
    e: {},
  });
  const of = (a: number, b: number) => similarity(catalog.items, a, b);

  it("is half creator, half overlap of categories", () => {
    expect(of(0, 0)).toBe(1);
    expect(of(0, 1)).toBeCloseTo(0.5 + 0.5 / 3);
    expect(of(0, 2)).toBe(0.5);
    expect(of(1, 0)).toBe(of(0, 1));
  });

  it("is zero between items of which nothing is known", () => {
    expect(of(3, 4)).toBe(0);
  });
});

const candidates = fc.array(
  fc.record({
    creator: fc.constantFrom("", "a", "b", "c"),
    categories: fc.subarray(["x", "y", "z"]),
    score: fc.integer({ min: -20, max: 20 }),
  }),
  { minLength: 1, maxLength: 40 },
);

function worldOf(drawn: readonly { creator: string; categories: string[]; score: number }[]) {
  const best = drawn.toSorted((a, b) => b.score - a.score);
  return {
    catalog: catalogOf(
      Object.fromEntries(best.map(({ creator, categories }, at) => [`v${at}`, { creator, categories }])),
    ),
    rows: Int32Array.from(best.keys()),
    scores: Float32Array.from(best, ({ score }) => score),
  };
}

describe("every slate", () => {
  const settings = fc.record({
    maxPerCreator: fc.integer({ min: 0, max: 4 }),
    diversity: fc.constantFrom(0, 0.1, 0.5, 0.9),
    pool: fc.integer({ min: 1, max: 50 }),
    explore: fc.constant(0),
  });

  it("is a subset of the candidates without repeats, as long as can be, and holds the cap before it is relaxed", () => {
    fc.assert(
      fc.property(candidates, fc.integer({ min: 0, max: 45 }), settings, (drawn, limit, settings) => {
        const { catalog, rows, scores } = worldOf(drawn);
        const { order, overCap } = applyPolicy(catalog, rows, scores, limit, settings, "r1");
        expect(order).toHaveLength(Math.min(limit, rows.length));
        expect(new Set(order).size).toBe(order.length);
        for (const index of order) expect(index >= 0 && index < rows.length).toBe(true);

        const counts = new Map<number, number>();
        for (const index of order.subarray(0, order.length - overCap)) {
          const creator = catalog.items.creator[rows[index]!]!;
          counts.set(creator, (counts.get(creator) ?? 0) + 1);
          if (creator !== 0 && settings.maxPerCreator > 0) {
            expect(counts.get(creator)).toBeLessThanOrEqual(settings.maxPerCreator);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it("never loses the order of relevance when the rules are off", () => {
    fc.assert(
      fc.property(candidates, fc.integer({ min: 0, max: 45 }), (drawn, limit) => {
        const { catalog, rows, scores } = worldOf(drawn);
        expect([...applyPolicy(catalog, rows, scores, limit, OFF, "r1").order]).toEqual([
          ...rows.subarray(0, limit).keys(),
        ]);
      }),
    );
  });

  it("begins with the best candidate, whatever the diversity", () => {
    fc.assert(
      fc.property(candidates, settings, (drawn, settings) => {
        const { catalog, rows, scores } = worldOf(drawn);
        expect(applyPolicy(catalog, rows, scores, 5, settings, "r1").order[0]).toBe(0);
      }),
    );
  });

  it("explains exactly those that others overtook", () => {
    fc.assert(
      fc.property(candidates, fc.integer({ min: 1, max: 20 }), (drawn, limit) => {
        const { catalog, rows, scores } = worldOf(drawn);
        const { order, removedBy } = applyPolicy(catalog, rows, scores, limit, DEFAULT_POLICY, "r1");
        const last = Math.max(...order);
        for (const index of rows.keys()) {
          expect(removedBy(index) !== null).toBe(index < last && !order.includes(index));
        }
      }),
    );
  });
});
