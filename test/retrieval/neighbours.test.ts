/** Counting neighbours and adding them up, against slow plain code. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { silent } from "../../src/core/index.ts";
import {
  countNeighbours,
  type NeighbourOptions,
  NeighbourSum,
  type Neighbours,
  neighbourColumns,
  neighboursFrom,
} from "../../src/retrieval/neighbours.ts";
import { queryOver, sequencesOf } from "./checkerboard.ts";

const ITEMS = 8;

interface Entry {
  readonly item: number;
  readonly strength: number;
}

/** The lists of every item as the words of `Neighbours` and `NeighbourOptions` say. */
function plainNeighbours(users: readonly (readonly number[])[], options: NeighbourOptions): Entry[][] {
  const occurs = (item: number) => users.flat().filter((other) => other === item).length;
  return Array.from({ length: ITEMS }, (_, item) => {
    const counts = new Map<number, number>();
    for (const user of users) {
      for (let at = 0; at < user.length; at++) {
        for (let other = 0; other < user.length; other++) {
          if (user[at] !== item || user[other] === item) continue;
          const gap = other - at;
          const weight = gap > 0 ? options.forward[gap - 1] : options.backward[-gap - 1];
          if (weight !== undefined) counts.set(user[other]!, (counts.get(user[other]!) ?? 0) + weight);
        }
      }
    }
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    return [...counts]
      .map(([to, count]) => ({
        item: to,
        strength: Math.fround(options.strength(count, total, occurs(item), occurs(to))),
      }))
      .sort((a, b) => b.strength - a.strength || a.item - b.item)
      .slice(0, options.keep);
  });
}

function listsOf({ offsets, neighbours, strengths }: Neighbours): Entry[][] {
  return Array.from({ length: offsets.length - 1 }, (_, item) =>
    Array.from({ length: offsets[item + 1]! - offsets[item]! }, (_, i) => ({
      item: neighbours[offsets[item]! + i]!,
      strength: strengths[offsets[item]! + i]!,
    })),
  );
}

const anyUsers = fc.array(fc.array(fc.nat(ITEMS - 1), { maxLength: 12 }), { maxLength: 6 });
/** Parts of two, so that sums are exact in any order and ties are real. */
const anyWindow = fc.array(fc.constantFrom(1, 0.5, 0.25), { maxLength: 4 });
const anyOptions = fc.record({
  forward: anyWindow,
  backward: anyWindow,
  keep: fc.integer({ min: 0, max: ITEMS }),
  strength: fc.constantFrom(
    (count: number) => count,
    (count: number, rowTotal: number, from: number, to: number) => count / (rowTotal + from * to),
  ),
});

describe("counting neighbours", () => {
  it("gives what a look at every pair of places gives, for any sequences, windows and limits", async () => {
    await fc.assert(
      fc.asyncProperty(anyUsers, anyOptions, async (users, options) => {
        const table = await countNeighbours(sequencesOf(users, ITEMS), options, silent);
        expect(listsOf(table)).toEqual(plainNeighbours(users, options));
      }),
      { numRuns: 200 },
    );
  });

  it("counts a step of a user's sequence as its weight, and nothing across users", async () => {
    const options = { forward: [1, 0.5], backward: [], keep: 9, strength: (count: number) => count };
    const lists = listsOf(await countNeighbours(sequencesOf([[0, 1, 2], [3]], 4), options, silent));
    expect(lists).toEqual([
      [
        { item: 1, strength: 1 },
        { item: 2, strength: 0.5 },
      ],
      [{ item: 2, strength: 1 }],
      [],
      [],
    ]);
  });

  it("is an empty list for every item where there is no sequence", async () => {
    const options = { forward: [1], backward: [1], keep: 9, strength: (count: number) => count };
    expect(listsOf(await countNeighbours(sequencesOf([], 3), options, silent))).toEqual([[], [], []]);
    expect(listsOf(await countNeighbours(sequencesOf([], 0), options, silent))).toEqual([]);
  });

  it("goes through columns and back", async () => {
    const options = { forward: [1], backward: [1], keep: 9, strength: (count: number) => count };
    const table = await countNeighbours(sequencesOf([[0, 1, 0, 2]], 3), options, silent);
    expect(neighboursFrom(neighbourColumns(table))).toEqual(table);
    expect(listsOf(neighboursFrom({}))).toEqual([]);
  });
});

describe("adding up the neighbours of the newest items", () => {
  const LAGS = 3;
  const DECAY = 0.5;

  interface Sums {
    readonly sum: number;
    readonly newest: number;
    readonly strongest: number;
  }

  function plainSums(lists: readonly (readonly Entry[])[], history: readonly number[], row: number): Sums {
    const strengths = history
      .slice(0, LAGS)
      .map((item) => lists[item]?.find((entry) => entry.item === row)?.strength ?? 0);
    return {
      sum: strengths.reduce((sum, strength, lag) => sum + DECAY ** lag * strength, 0),
      newest: strengths[0] ?? 0,
      strongest: Math.max(0, ...strengths),
    };
  }

  it("gives for any history, mask and k what plain sums give", async () => {
    const anyHistory = fc.array(fc.nat(ITEMS + 1), { maxLength: 6 });
    const anyMask = fc.uint8Array({ min: 0, max: 1, minLength: ITEMS + 2, maxLength: ITEMS + 2 });
    await fc.assert(
      fc.asyncProperty(anyUsers, anyHistory, anyMask, fc.nat(10), async (users, history, allowed, k) => {
        const options = { forward: [1, 0.5], backward: [0.25], keep: 4, strength: (count: number) => count };
        const table = await countNeighbours(sequencesOf(users, ITEMS), options, silent);
        const lists = listsOf(table);
        const adder = await NeighbourSum.over(table, LAGS, DECAY);
        const query = queryOver(history, { allowed });
        const rows = Array.from({ length: ITEMS + 2 }, (_, row) => row);
        const sums = rows.map((row) => plainSums(lists, history, row));

        const best = rows
          .filter((row) => allowed[row] === 1 && sums[row]!.sum > 0)
          .sort((a, b) => sums[b]!.sum - sums[a]!.sum || a - b)
          .slice(0, k);
        const found = adder.top(query, k);
        expect([...found.rows]).toEqual(best);
        expect([...found.scores]).toEqual(best.map((row) => sums[row]!.sum));

        const [out, newest, strongest] = [1, 2, 3].map(() => new Float32Array(rows.length).fill(9));
        adder.of(query, Int32Array.from(rows), [out!, newest!, strongest!]);
        expect([...out!]).toEqual(sums.map(({ sum }) => sum));
        expect([...newest!]).toEqual(sums.map((row) => row.newest));
        expect([...strongest!]).toEqual(sums.map((row) => row.strongest));
      }),
      { numRuns: 150 },
    );
  });
});
