/** The choice between an exact search and an index: by what is found and looked at, not by the clock. */
import { describe, expect, test } from "vitest";
import { ManualClock, Random } from "../../src/core/index.ts";
import { chooseSearch, searchColumns, searchIn, searchSentence } from "../../src/retrieval/search-choice.ts";

const N = 20_000;
const K = 8;

/** Rows around centres; `apart` is how far centres are from each other, in standard deviations of a row. */
function dataOf(apart: number) {
  const random = new Random(`search-choice/${apart}`);
  const centres = Float32Array.from({ length: 100 * K }, () => apart * random.normal());
  const near = (centre: number) =>
    Float32Array.from({ length: K }, (_, d) => centres[centre * K + d]! + random.normal());
  const factors = new Float32Array(N * K);
  for (let row = 0; row < N; row++) factors.set(near(row % 100), row * K);
  return { factors, users: Array.from({ length: 60 }, (_, u) => near(u)) };
}

const chosen = (apart: number, leastItems = 1) =>
  chooseSearch({
    ...dataOf(apart),
    k: K,
    random: new Random("choice"),
    clock: new ManualClock(),
    leastItems,
  });

describe("the choice of a search", () => {
  test("is an index where groups of rows are far apart, with the evidence for it", async () => {
    const { index, trials } = await chosen(20);
    expect(index).toBeDefined();
    const [exact, ...others] = trials;
    expect(exact).toMatchObject({ share: 1, keeps: 1 });
    const taken = others.at(-1)!;
    expect(taken.share).toBe(index!.share);
    expect(taken.keeps).toBeGreaterThanOrEqual(0.99);
    expect(taken.looked).toBeLessThanOrEqual(exact!.looked / 2);
  });

  test("is the exact search where an index would have to look at too much, and where there are few items", async () => {
    const { index, trials } = await chosen(0);
    expect(index).toBeUndefined();
    expect(trials.length).toBeGreaterThan(1);
    expect(await chosen(20, N + 1)).toEqual({ trials: [] });
  });

  test("is the same for one seed, goes through columns and back, and is said in a line", async () => {
    const choice = await chosen(20);
    expect(await chosen(20)).toEqual(choice);
    expect(searchIn(searchColumns(choice))).toEqual(choice);
    expect(searchIn({})).toEqual({ index: undefined, trials: [] });
    expect(searchSentence("als", choice)).toMatch(
      /^als: an index that looks at .* % of the rows; exact looks at/,
    );
    expect(searchSentence("als", { trials: choice.trials })).toMatch(/^als: exact search; exact looks at/);
  });
});
