/** One line of the evaluation table, from the ranks that a system gave. */
import { describe, expect, it } from "vitest";
import { clusteredMean, hitAt, ndcgAt, SystemTally } from "../../src/evaluation/index.ts";

const rows = (...list: readonly number[]) => Int32Array.from(list);

describe("a tally", () => {
  it("sums up ranks, shown items and time", () => {
    const tally = new SystemTally("blend", 40);
    const users = [0, 0, 1, 2];
    const ranks = [1, 11, 101, Infinity];
    ranks.forEach((rank, i) => {
      tally.add(users[i]!, rank, rows(0, i), 250);
    });
    const interval = (metric: (rank: number) => number) => clusteredMean(ranks.map(metric), users).halfWidth;
    expect(tally.scores()).toEqual({
      name: "blend",
      "hr@10": 0.25,
      "hr@10±": interval((rank) => hitAt(rank, 10)),
      "ndcg@10": 0.25,
      "ndcg@10±": interval((rank) => ndcgAt(rank, 10)),
      "recall@100": 0.5,
      "recall@100±": interval((rank) => hitAt(rank, 100)),
      "recall@500": 0.75,
      "recall@500±": interval((rank) => hitAt(rank, 500)),
      coverage: 4 / 40,
      seconds: 1,
      adds: null,
    });
  });

  it("says what a source adds: targets that the blend has with it and not without it", () => {
    const tally = new SystemTally("als", 100);
    tally.compare(true, true);
    tally.compare(true, false);
    tally.compare(true, false);
    tally.compare(false, true);
    expect(tally.scores().adds).toBe(0.25);
  });

  it("takes the first ten as shown, each once", () => {
    const tally = new SystemTally("popular", 100);
    tally.add(0, 1, rows(...Array.from({ length: 50 }, (_, row) => row)), 1);
    tally.add(1, 1, rows(0, 1, 99), 1);
    expect(tally.scores().coverage).toBe(0.11);
  });

  it("gives the worth of each example in their order, for comparisons in pairs", () => {
    const tally = new SystemTally("als", 10);
    for (const rank of [3, Infinity, 1]) tally.add(0, rank, rows(), 0);
    expect(tally.values((rank) => ndcgAt(rank, 10))).toEqual(Float64Array.of(0.5, 0, 1));
    expect(tally.values((rank) => 1 / rank)).toEqual(Float64Array.of(1 / 3, 0, 1));
  });

  it("is 0 with open intervals where nothing was counted, or there is no catalogue", () => {
    expect(new SystemTally("none", 0).scores()).toMatchObject({
      "hr@10": 0,
      "hr@10±": Infinity,
      "recall@500": 0,
      coverage: 0,
      seconds: 0,
    });
  });
});
