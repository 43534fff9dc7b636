/** EASE over few predecessors against the dense solution, and against what is known in the head. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { silent } from "../../src/core/index.ts";
import { type EaseOptions, fitEase } from "../../src/retrieval/ease.ts";
import { sequencesOf } from "./checkerboard.ts";

const ITEMS = 6;
const OPTIONS: EaseOptions = { fade: 0.8, window: 5, most: ITEMS, ridge: 2, share: 0.3 };

/** A dense symmetric positive definite system by Gauss. */
function solve(a: readonly (readonly number[])[], b: readonly number[]): number[] {
  const m = a.map((row, i) => [...row, b[i]!]);
  const n = b.length;
  for (let i = 0; i < n; i++) {
    for (let r = 0; r < n; r++) {
      if (r === i) continue;
      const factor = m[r]![i]! / m[i]![i]!;
      for (let c = i; c <= n; c++) m[r]![c]! -= factor * m[i]![c]!;
    }
  }
  return m.map((row, i) => row[n]! / row[i]!);
}

/** B by the formula of the file, over all items that ever precede j. */
function plainWeights(users: readonly (readonly number[])[]): number[][] {
  const zeros = () => Array.from({ length: ITEMS }, () => new Array<number>(ITEMS).fill(0));
  const gram = zeros();
  const before = zeros();
  for (const user of users) {
    user.forEach((item, at) => {
      gram[item]![item]! += 1;
      for (let gap = 1; gap <= OPTIONS.window && at + gap < user.length; gap++) {
        const later = user[at + gap]!;
        gram[item]![later]! += OPTIONS.fade ** gap;
        gram[later]![item]! += OPTIONS.fade ** gap;
        if (later !== item) before[item]![later]! += OPTIONS.fade ** gap;
      }
    });
  }
  const weights = zeros();
  for (let j = 0; j < ITEMS; j++) {
    const own = [...gram.keys()].filter((a) => before[a]![j]! > 0);
    const matrix = own.map((a) =>
      own.map((b) => (a === b ? (1 + OPTIONS.share) * gram[a]![a]! + OPTIONS.ridge : gram[a]![b]!)),
    );
    solve(
      matrix,
      own.map((a) => before[a]![j]!),
    ).forEach((weight, i) => {
      weights[own[i]!]![j] = weight;
    });
  }
  return weights;
}

async function weightsOf(users: readonly (readonly number[])[], options = OPTIONS): Promise<number[][]> {
  const table = await fitEase(sequencesOf(users, ITEMS), options, silent);
  return Array.from({ length: ITEMS }, (_, item) => {
    const row = new Array<number>(ITEMS).fill(0);
    for (let e = table.offsets[item]!; e < table.offsets[item + 1]!; e++) {
      row[table.neighbours[e]!] = table.strengths[e]!;
    }
    return row;
  });
}

describe("EASE for sequences", () => {
  it("has the dense solution's weights above 0, for any sequences", async () => {
    const anyUsers = fc.array(fc.array(fc.nat(ITEMS - 1), { maxLength: 12 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(anyUsers, async (users) => {
        const plain = plainWeights(users);
        const found = await weightsOf(users);
        for (let a = 0; a < ITEMS; a++) {
          for (let j = 0; j < ITEMS; j++) {
            expect(Math.abs(found[a]![j]! - Math.max(0, plain[a]![j]!))).toBeLessThan(2e-3);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it("gives an item's weight to the one that comes right before it, not to one that comes before that", async () => {
    const users = Array.from({ length: 40 }, (_, u) => (u % 2 === 0 ? [0, 1, 2] : [3, 1, 2]));
    // Out of item 1 item 2 is sure to come, and half of the time item 0 was before it.
    const weights = await weightsOf(users, { ...OPTIONS, ridge: 0.01, share: 0 });
    expect(weights[1]![2]).toBeCloseTo(OPTIONS.fade, 2);
    expect(weights[0]![2]).toBeLessThan(0.01);
    expect(weights[2]).toEqual(new Array(ITEMS).fill(0));
  });

  it("keeps to as many predecessors as it may, the likeliest", async () => {
    const users = Array.from({ length: 30 }, (_, u) => [u % 3 === 0 ? 1 : 0, 5]);
    const weights = await weightsOf(users, { ...OPTIONS, most: 1 });
    expect(weights[0]![5]).toBeGreaterThan(0);
    expect(weights[1]![5]).toBe(0);
  });

  it("lists an item's weights highest first", async () => {
    const users = [[0, 1], [0, 2, 3], [0, 2], [4]];
    const { offsets, neighbours, strengths } = await fitEase(sequencesOf(users, ITEMS), OPTIONS, silent);
    expect([...neighbours.subarray(offsets[0], offsets[1])]).toEqual([2, 1, 3]);
    const own = [...strengths.subarray(offsets[0], offsets[1])];
    expect(own).toEqual(own.toSorted((a, b) => b - a));
  });
});
