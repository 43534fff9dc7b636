import { describe, expect, it } from "vitest";
import type { UserId } from "../../src/core/index.ts";
import { armOf, placeOf } from "../../src/experiments/assignment.ts";

const USERS = Array.from({ length: 20_000 }, (_, i) => `u${i}` as UserId);
const half = (name: string) => ({
  name,
  arms: [
    { name: "A", share: 0.5 },
    { name: "B", share: 0.5 },
  ],
});

/** Of counts that should be equal: about 1 a degree of freedom where they are. */
function chiSquare(counts: readonly number[], expected: readonly number[]): number {
  return counts.reduce((sum, count, i) => sum + (count - expected[i]!) ** 2 / expected[i]!, 0);
}

describe("assignment", () => {
  it("is the same on every machine and for ever", () => {
    // printf 'calmer-feed\nu1' | sha256sum: the first twelve digits, as a share of 16^12.
    expect(placeOf("calmer-feed", "u1" as UserId)).toBe(0x8154d00115d5 / 16 ** 12);
  });

  it("is uniform: every hundredth of the range has its share of users", () => {
    const counts = new Array<number>(100).fill(0);
    for (const user of USERS) counts[Math.floor(100 * placeOf("e1", user))]!++;
    // 99 degrees of freedom: above 150 once in 1,400 times.
    expect(chiSquare(counts, new Array(100).fill(200))).toBeLessThan(150);
  });

  it("gives each arm its share, and leaves the others out", () => {
    const experiment = {
      name: "small",
      arms: [
        { name: "A", share: 0.1 },
        { name: "B", share: 0.2 },
      ],
    };
    const counts = [0, 0, 0];
    for (const user of USERS) counts[armOf(experiment, user) + 1]!++;
    expect(chiSquare(counts, [14_000, 2_000, 4_000])).toBeLessThan(14);
  });

  it("says nothing about another experiment: all four pairs of arms are alike", () => {
    for (const [one, other] of [
      ["e1", "e2"],
      ["e1", "e11"],
      ["a", "b"],
    ] as const) {
      const counts = [0, 0, 0, 0];
      for (const user of USERS) counts[2 * armOf(half(one), user) + armOf(half(other), user)]!++;
      expect(chiSquare(counts, new Array(4).fill(5_000)), `${one} ${other}`).toBeLessThan(16);
    }
  });

  it("keeps users in their arm when the shares grow from the same place", () => {
    const grown = {
      name: "e1",
      arms: [
        { name: "A", share: 0.5 },
        { name: "B", share: 0.25 },
      ],
    };
    for (const user of USERS.slice(0, 2_000)) {
      if (armOf(half("e1"), user) === 0) expect(armOf(grown, user)).toBe(0);
    }
  });
});
