import { describe, expect, test } from "vitest";
import { type EpochMs, type Ms, silent, systemClock } from "../../src/core/index.ts";
import type { Event } from "../../src/events/index.ts";
import { DEFAULT_POLICY } from "../../src/policy/index.ts";
import { measureLog } from "../../src/release/measure-log.ts";
import { realStates } from "../../src/release/real-states.ts";
import { simulate } from "../../src/simulation/index.ts";
import { readHistory } from "../../src/training/index.ts";
import { HOUR_MS, logOf, START, took } from "../training/logs.ts";
import { ring } from "../training/worlds.ts";

async function measured(events: readonly Event[]) {
  return measureLog(await logOf(events), {
    objective: { p99Ms: 60_000, margin: 0.2 },
    // No rung but those that are always there, and no source that takes long.
    evaluation: {
      split: { kind: "share", share: 0.8 },
      settings: { sources: ["transitions", "popular"], maxLists: 300, rankerTime: 1 as Ms },
    },
    path: { candidates: 40, perSource: 100, headWeights: {}, policy: DEFAULT_POLICY },
    data: { name: "made", split: "time:0.8" },
    time: 300 as Ms,
    meter: { clock: systemClock, cpu: () => (process.cpuUsage().user / 1000) as Ms },
    progress: silent,
  });
}

describe("the trade-offs of a log", () => {
  test("without impressions are measured on the items that users took next", async () => {
    const tradeoffs = await measured(ring(60, 40, 30));
    expect(tradeoffs.metrics).toEqual(["NDCG@10", "HR@10"]);
    const rung = (name: string) => tradeoffs.rungs.find((each) => each.name === name)!;
    expect(tradeoffs.rungs).toHaveLength(2);
    expect(tradeoffs.data).toMatchObject({ users: 40, items: 60, interactions: 1200, tests: 240 });
    // The next item of a ring is certain for who knows what followed, and unknown to popularity.
    const [popularity, logistic] = ["popularity", "logistic"].map(
      (name) => rung(name).quality["NDCG@10"]!.value,
    );
    expect(logistic).toBeGreaterThan(0.9);
    expect(popularity).toBeLessThan(0.6);
    expect(tradeoffs.choice).toMatchObject({ rung: "logistic", meets: true });
    expect(rung("logistic").differences["popularity"]!.lower).toBeGreaterThan(0);
    expect(rung("logistic").differences["popularity"]!.value).toBeCloseTo(logistic! - popularity!, 9);
  });

  test("with impressions are measured on what users were shown", async () => {
    const size = { users: 40, videos: 120, events: 3000, end: Date.UTC(2026, 0, 1) as EpochMs };
    const tradeoffs = await measured([...simulate(size)].flat());
    expect(tradeoffs.metrics.slice(0, 4)).toEqual([
      "engage NDCG@10",
      "engage AUC",
      "engage user AUC",
      "engage log loss",
    ]);
    const [popularity, logistic] = ["popularity", "logistic"].map((name) =>
      tradeoffs.rungs.find((each) => each.name === name),
    );
    expect(popularity!.quality["engage AUC"]!.value).toBeGreaterThan(0.4);
    const [own, other] = [logistic!.differences["popularity"]!, popularity!.differences["logistic"]!];
    expect(own.value).toBeCloseTo(-other.value, 12);
    expect(own.lower).toBeCloseTo(-other.upper, 12);
    expect(own.value).toBeCloseTo(
      logistic!.quality["engage NDCG@10"]!.value - popularity!.quality["engage NDCG@10"]!.value,
      9,
    );
  });

  test("that has too little for a ranker are refused", async () => {
    await expect(measured(ring(10, 3, 8))).rejects.toMatchObject({ code: "not_enough_data" });
  });
});

describe("states of real users", () => {
  const at = (step: number) => START + step * HOUR_MS;

  test("are those with the longest histories, newest touches first, vetoes apart", async () => {
    const history = await readHistory(
      await logOf([
        took("short", "v1", at(0)),
        took("long", "v1", at(1)),
        took("long", "v2", at(2), { type: "watch", value: 0.5 }),
        took("long", "v3", at(3), { type: "hide" }),
      ]),
    );
    const [long, short, ...others] = realStates(history, 50, 1);
    expect(others).toEqual([]);
    expect(short!.touches).toHaveLength(1);
    expect(long).toMatchObject({
      user: "long",
      touches: [
        { item: "v2", type: "watch", value: 0.5, time: at(2) },
        { item: "v1", type: "click", value: Number.NaN, time: at(1) },
      ],
      vetoes: [{ item: "v3", type: "hide" }],
    });
  });

  test("are drawn from those with enough visits where there are enough of them, by seed", async () => {
    const events = [...ring(60, 30, 12), took("newcomer", "v1", at(0))];
    const history = await readHistory(await logOf(events));
    const users = (seed: number) => realStates(history, 10, seed).map(({ user }) => user);
    expect(users(1)).toHaveLength(30);
    expect(users(1)).not.toContain("newcomer");
    expect(users(1)).toEqual(users(1));
    expect(users(2)).not.toEqual(users(1));
  });
});
