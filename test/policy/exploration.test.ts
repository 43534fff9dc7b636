/** Exploration: the chances that are logged are those of the swaps, counted, and a slate is made again from its seed. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/index.ts";
import { chanceAt, explore } from "../../src/policy/exploration.ts";
import { applyPolicy, DEFAULT_POLICY } from "../../src/policy/index.ts";
import { catalogOf } from "./world.ts";

const CANDIDATES = 60;
const catalog = catalogOf(
  Object.fromEntries(Array.from({ length: CANDIDATES }, (_, at) => [`v${at}`, { creator: `c${at}` }])),
);
const rows = Int32Array.from({ length: CANDIDATES }, (_, at) => at);
const scores = Float32Array.from(rows, (row) => -row);
const slateOf = (share: number, limit: number, seed: string, candidates = CANDIDATES) =>
  applyPolicy(
    catalog,
    rows.subarray(0, candidates),
    scores.subarray(0, candidates),
    limit,
    { ...DEFAULT_POLICY, diversity: 0, explore: share },
    seed,
  );

describe("the chance of an item at a slot", () => {
  it("is what one finds by following a single item through the swaps, turn by turn", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 0, max: 9 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (slots, more, share) => {
          const places = slots + more;
          for (let from = 0; from < places; from++) {
            const at = new Float64Array(places);
            at[from] = 1;
            for (let turn = 0; turn < slots; turn++) {
              const before = at.slice();
              const swap = share / places;
              for (let place = 0; place < places; place++)
                at[place] = before[place]! * (1 - swap) + before[turn]! * swap;
              at[turn] = before[turn]! * (1 - share) + swap;
            }
            for (let slot = 0; slot < slots; slot++)
              expect(chanceAt(from, slot, slots, places, share)).toBeCloseTo(at[slot]!, 12);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("is how often the item comes there", () => {
    const [slots, places, share, draws] = [3, 6, 0.4, 40_000];
    const random = new Random("counted");
    const counts = new Float64Array(slots * places);
    for (let draw = 0; draw < draws; draw++) {
      const head = Int32Array.from({ length: places }, (_, place) => place);
      explore(head, slots, share, random);
      expect(new Set(head).size).toBe(places);
      for (let slot = 0; slot < slots; slot++) counts[slot * places + head[slot]!]!++;
    }
    for (let slot = 0; slot < slots; slot++)
      for (let from = 0; from < places; from++) {
        const chance = chanceAt(from, slot, slots, places, share);
        // Four deviations.
        const margin = 4 * Math.sqrt((chance * (1 - chance)) / draws);
        expect(Math.abs(counts[slot * places + from]! / draws - chance)).toBeLessThan(margin);
      }
  });
});

describe("a slate with exploration", () => {
  it("is the ranking's own, for certain, where its share is 0", () => {
    const { order, propensities } = slateOf(0, 5, "r1");
    expect([...order]).toEqual([0, 1, 2, 3, 4]);
    expect([...propensities]).toEqual([1, 1, 1, 1, 1]);
  });

  it("comes out the same for one request and differs between requests", () => {
    expect(slateOf(0.5, 10, "r1")).toMatchObject({
      order: slateOf(0.5, 10, "r1").order,
      propensities: slateOf(0.5, 10, "r1").propensities,
    });
    expect([...slateOf(0.5, 10, "r1").order]).not.toEqual([...slateOf(0.5, 10, "r2").order]);
  });

  it("carries the chances of its items: inverse ones add up to the places on average", () => {
    const draws = 4_000;
    let inverse = 0;
    let changed = 0;
    for (let draw = 0; draw < draws; draw++) {
      const { order, propensities } = slateOf(0.2, 5, `r${draw}`);
      expect(new Set(order).size).toBe(5);
      for (let slot = 0; slot < 5; slot++) {
        inverse += 1 / propensities[slot]! / 5;
        if (order[slot] !== slot) changed++;
        expect(order[slot]!).toBeLessThan(20);
      }
    }
    expect(inverse / draws).toBeGreaterThan(17.5);
    expect(inverse / draws).toBeLessThan(22.5);
    // A fifth of the slots swap; some of them with another slot, a few with themselves.
    expect(changed / draws / 5).toBeGreaterThan(0.18);
    expect(changed / draws / 5).toBeLessThan(0.27);
  });

  it("draws from all candidates where there are few, down to one and none", () => {
    for (const candidates of [0, 1, 2, 7]) {
      const { order, propensities } = slateOf(1, 5, "r1", candidates);
      expect(order.length).toBe(Math.min(5, candidates));
      expect(propensities.every((chance) => chance > 0 && chance <= 1 + 1e-12)).toBe(true);
      expect(new Set(order).size).toBe(order.length);
    }
  });

  it("says of an item that lost its slot that chance took it", () => {
    const slate = slateOf(1, 5, "r1");
    const lost = [0, 1, 2, 3, 4].find((index) => !slate.order.includes(index))!;
    expect(slate.removedBy(lost)).toBe("Chance gave its slot to another item (exploration).");
  });
});
