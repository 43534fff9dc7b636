/** Examination found from logs, with and without chance, and what it corrects, where the truth is known. */
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/index.ts";
import { correctedRates, examinationByEm, examinationByPropensity } from "../../src/evaluation/index.ts";

const EXAMINATION = [1, 0.6, 0.4, 0.25];
const ITEMS = 8;
const wish = (item: number) => 0.1 + 0.09 * item;

/** The policy swaps two of four slots with any of eight places, `share` of the time; its favourites are the worst items. */
function log(share: number, requests: number, seed: string) {
  const random = new Random(seed);
  const draw = () => {
    const order = Int32Array.from({ length: ITEMS }, (_, place) => place);
    if (random.next() < share) random.shuffle(order);
    return order;
  };
  const n = requests * EXAMINATION.length;
  const columns = {
    users: new Int32Array(n),
    positions: new Int32Array(n),
    clicks: new Uint8Array(n),
    items: new Int32Array(n),
    propensities: new Float64Array(n),
  };
  for (let request = 0; request < requests; request++) {
    const order = draw();
    for (let position = 0; position < EXAMINATION.length; position++) {
      const at = request * EXAMINATION.length + position;
      const item = order[position]!;
      columns.users[at] = request >> 1;
      columns.positions[at] = position;
      columns.items[at] = item;
      columns.propensities[at] = (item === position ? 1 - share : 0) + share / ITEMS;
      columns.clicks[at] = random.next() < EXAMINATION[position]! * wish(item) ? 1 : 0;
    }
  }
  return columns;
}

describe("examination by propensity", () => {
  it("is that of the world, within its intervals", () => {
    const slots = log(0.5, 20_000, "propensity");
    const found = examinationByPropensity(slots, slots.propensities, { resamples: 100, seed: "test" });
    expect(found[0]).toEqual({ mean: 1, halfWidth: 0, lower: 1, upper: 1 });
    for (let position = 1; position < EXAMINATION.length; position++) {
      const { mean, halfWidth } = found[position]!;
      expect(Math.abs(mean - EXAMINATION[position]!)).toBeLessThan(1.5 * halfWidth);
      expect(halfWidth).toBeLessThan(0.06);
    }
  });

  it("is not what plain click rates say where the better items are lower down", () => {
    const { positions, clicks } = log(0.5, 20_000, "plain");
    const rates = EXAMINATION.map((_, position) => {
      const slots = [...positions.keys()].filter((i) => positions[i] === position);
      return slots.reduce((sum, i) => sum + clicks[i]!, 0) / slots.length;
    });
    expect(rates[3]! / rates[0]!).toBeGreaterThan(1.4 * EXAMINATION[3]!);
  });
});

describe("examination by expectation-maximisation", () => {
  it("is that of the world, without propensities, where items change places", () => {
    const slots = log(0.5, 20_000, "em");
    const found = examinationByEm(slots, slots.items);
    for (let position = 0; position < EXAMINATION.length; position++)
      expect(Math.abs(found[position]! - EXAMINATION[position]!)).toBeLessThan(0.04);
  });

  it("stays finite where nothing was clicked", () => {
    const slots = log(0.5, 20, "none");
    const found = examinationByEm({ ...slots, clicks: new Uint8Array(slots.clicks.length) }, slots.items);
    expect(found.every((value) => Number.isFinite(value) && value > 0)).toBe(true);
  });
});

describe("corrected rates", () => {
  it("order the items as they are wanted, which rates of clicks do not", () => {
    const slots = log(0.3, 20_000, "rates");
    const order = (rates: Float64Array) => [...rates.keys()].sort((a, b) => rates[a]! - rates[b]!);
    const plain = correctedRates(slots, slots.items, new Float64Array(EXAMINATION.length).fill(1));
    const corrected = correctedRates(slots, slots.items, EXAMINATION);
    expect(order(corrected)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(order(plain)).not.toEqual(order(corrected));
    for (let item = 0; item < ITEMS; item++) expect(corrected[item]!).toBeCloseTo(wish(item), 1);
  });

  it("are NaN for what was never shown", () => {
    const slots = { positions: Int32Array.of(0), clicks: [1] };
    expect(correctedRates(slots, Int32Array.of(2), [1])).toEqual(Float64Array.of(Number.NaN, Number.NaN, 1));
  });
});
