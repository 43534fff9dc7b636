/** Popular, trending and fresh: the order of a column of the catalog, and what is unknown to each. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createCatalog } from "../../src/catalog/index.ts";
import { DAY, type EpochMs, HOUR } from "../../src/core/index.ts";
import { type Retrieved, sourcesNamed } from "../../src/retrieval/index.ts";
import { checkerboardCatalog, click, extend, itemOf, KNOWN, NOW, queryOver, upsert } from "./checkerboard.ts";

async function answer(
  name: string,
  events: Parameters<typeof extend>[1],
  now = NOW,
  k = 10,
): Promise<Retrieved> {
  const catalog = createCatalog();
  extend(catalog, events);
  const retriever = await sourcesNamed([name])[0]!.load({}, catalog);
  return retriever.retrieve(queryOver([], { size: catalog.size, now }), k);
}

const clicks = (row: number, count: number, time: number) =>
  Array.from({ length: count }, (_, i) => click(itemOf(row), `u${i}`, time));
const upserts = (...times: readonly number[]) => times.map((time, row) => upsert(itemOf(row), time));

describe("popular", () => {
  it("orders by engagements ever, equal ones by row, and does not know what nobody took", async () => {
    const found = await answer("popular", [
      ...upserts(NOW, NOW, NOW, NOW, NOW),
      ...clicks(1, 2, NOW - 300 * DAY),
      ...clicks(2, 3, NOW - 300 * DAY),
      ...clicks(4, 2, NOW),
    ]);
    expect([...found.rows]).toEqual([2, 1, 4]);
    expect(found.scores).toEqual(Float32Array.of(Math.log(4), Math.log(3), Math.log(3)));
    const signal = new Float32Array(2).fill(9);
    found.signals(Int32Array.of(0, 2), [signal]);
    expect(signal).toEqual(Float32Array.of(0, Math.log(4)));
  });

  it("orders the checkerboard as a sort of its counts does", async () => {
    const catalog = checkerboardCatalog();
    const retriever = await sourcesNamed(["popular"])[0]!.load({}, catalog);
    const { engagements } = catalog.statistics;
    const wanted = Array.from({ length: KNOWN }, (_, row) => row)
      .filter((row) => engagements[row]! > 0)
      .sort((a, b) => engagements[b]! - engagements[a]! || a - b);
    expect([...retriever.retrieve(queryOver([]), KNOWN).rows]).toEqual(wanted);
  });
});

describe("trending", () => {
  it("lets an engagement count half after a week", async () => {
    // Three engagements a week ago count 1.5, two now count 2, one now counts 1.
    const found = await answer("trending", [
      ...upserts(NOW, NOW, NOW, NOW),
      ...clicks(0, 3, NOW - 7 * DAY),
      ...clicks(1, 1, NOW),
      ...clicks(2, 2, NOW),
    ]);
    expect([...found.rows]).toEqual([2, 0, 1]);
    [Math.log(3), Math.log(2.5), Math.log(2)].forEach((score, i) => {
      expect(found.scores[i]).toBeCloseTo(score, 5);
    });
  });

  it("has one order at every later moment, and a smaller score", async () => {
    const events = [...upserts(NOW, NOW), ...clicks(0, 3, NOW - 7 * DAY), ...clicks(1, 1, NOW)];
    const today = await answer("trending", events);
    const later = await answer("trending", events, (NOW + 70 * DAY) as EpochMs);
    expect([...later.rows]).toEqual([...today.rows]);
    expect(later.scores[0]!).toBeLessThan(today.scores[0]! / 500);
  });

  it("forgets an item entirely before its score becomes 0", async () => {
    const events = clicks(0, 1, NOW);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 40 * 365 }), async (days) => {
        const found = await answer("trending", events, (NOW + days * DAY) as EpochMs);
        const signal = Float32Array.of(Number.NaN);
        found.signals(Int32Array.of(0), [signal]);
        expect(found.rows.length).toBe(signal[0]! > 0 ? 1 : 0);
      }),
    );
    expect((await answer("trending", events, (NOW + 10 * 365 * DAY) as EpochMs)).rows).toHaveLength(0);
  });

  it("stays finite for engagements from the future", async () => {
    const found = await answer("trending", [...upserts(NOW, NOW), ...clicks(1, 5, NOW + 5000 * DAY)]);
    expect([...found.rows]).toEqual([1]);
    expect(Number.isFinite(found.scores[0])).toBe(true);
  });
});

describe("fresh", () => {
  it("orders by age, newest first, and does not know what is two weeks old", async () => {
    const found = await answer(
      "fresh",
      upserts(NOW - 7 * DAY, NOW - 14 * DAY, NOW - 1 * HOUR, NOW - 14 * DAY + HOUR, NOW),
    );
    expect([...found.rows]).toEqual([4, 2, 0, 3]);
    expect(found.scores[0]).toBe(1);
    expect(found.scores[2]).toBeCloseTo(0.5, 6);
    const signal = new Float32Array(1).fill(9);
    found.signals(Int32Array.of(1), [signal]);
    expect(signal[0]).toBe(0);
  });

  it("orders by row what 32 bits do not tell apart, for every k alike", async () => {
    const events = upserts(...Array.from({ length: 9 }, (_, row) => NOW - 1e9 - row));
    for (const k of [1, 2, 5, 9]) {
      expect([...(await answer("fresh", events, NOW, k)).rows]).toEqual(
        [0, 1, 2, 3, 4, 5, 6, 7, 8].slice(0, k),
      );
    }
  });

  it("takes the publication time where it is known", async () => {
    const old = { ...upsert(itemOf(0), NOW), facts: { publishedAt: (NOW - 100 * DAY) as EpochMs } };
    expect((await answer("fresh", [old])).rows).toHaveLength(0);
    const young = { ...upsert(itemOf(0), NOW - 100 * DAY), facts: { publishedAt: NOW } };
    expect([...(await answer("fresh", [young])).rows]).toEqual([0]);
  });

  it("gives what is published in the future no more than 1", async () => {
    const coming = { ...upsert(itemOf(0), NOW), facts: { publishedAt: (NOW + 3 * DAY) as EpochMs } };
    expect([...(await answer("fresh", [coming])).scores]).toEqual([1]);
  });
});
