import { describe, expect, it } from "vitest";
import { type EpochMs, MINUTE, Random, silent, type UpnextError } from "../../src/core/index.ts";
import type { Split } from "../../src/evaluation/index.ts";
import type { Event } from "../../src/events/index.ts";
import { SOURCES } from "../../src/retrieval/index.ts";
import { simulate } from "../../src/simulation/index.ts";
import { evaluate } from "../../src/training/index.ts";
import { tickingClock } from "../ticking-clock.ts";
import { HOUR_MS, itemId, logOf, START, took } from "./logs.ts";
import { checkerboard, ring, walkersAndReaders } from "./worlds.ts";

const LEAVE_ONE_OUT: Split = { kind: "leave-one-out" };
const NAMES = SOURCES.map((source) => source.name);
const LAST_FIFTH: Split = { kind: "share", share: 0.8 };

async function evaluated(events: readonly Event[], split: Split, maxExamples = 1000) {
  const settings = { rungs: ["popularity", "logistic", "feature-network"] };
  const options = { split, maxExamples, settings, clock: tickingClock((8 * MINUTE) / 80) };
  const evaluation = await evaluate(await logOf(events), options, silent);
  const hr10 = (name: string) => {
    const system = evaluation.systems.find((one) => one.name === name);
    if (system === undefined) throw new Error(`no system ${name}`);
    return system["hr@10"];
  };
  return { evaluation, hr10 };
}

describe("an evaluation", () => {
  it("gives two stages near perfection where each source serves one kind of user alone", async () => {
    const { evaluation, hr10 } = await evaluated(walkersAndReaders(30, 10, 40), LAST_FIFTH);
    expect(evaluation.rankerLists).toBeGreaterThan(50);
    expect(evaluation.examples).toBe(40 * 8);
    expect(hr10("two-stage")).toBeGreaterThan(0.98);
    for (const source of NAMES) expect([source, hr10(source) < 0.9]).toEqual([source, true]);
  });

  it("has a line of plain JSON for every source, the blend and both stages", async () => {
    const { evaluation } = await evaluated(ring(60, 30, 10), LAST_FIFTH);
    const { systems, ...about } = JSON.parse(JSON.stringify(evaluation));
    expect(about).toEqual({
      users: 30,
      items: 60,
      interactions: 300,
      examples: 60,
      examplesFound: 60,
      rankerLists: expect.any(Number),
      fitSeconds: expect.any(Number),
      ranking: null,
    });
    expect(systems.map(({ name }: { name: string }) => name)).toEqual([...NAMES, "blend", "two-stage"]);
    for (const { name, seconds, adds, ...shares } of systems) {
      expect([name, adds === null || Math.abs(adds) <= 1]).toEqual([name, true]);
      expect([name, seconds > 0]).toEqual([name, true]);
      expect(Object.keys(shares)).toEqual([
        "hr@10",
        "hr@10±",
        "ndcg@10",
        "ndcg@10±",
        "recall@100",
        "recall@100±",
        "recall@500",
        "recall@500±",
        "coverage",
      ]);
      for (const share of Object.values(shares)) {
        expect(share).toBeGreaterThanOrEqual(0);
        expect(share).toBeLessThanOrEqual(1);
      }
    }
  });

  it("on a checkerboard is as good as can be without one user: half of what is left of a colour fits into ten", async () => {
    const { evaluation, hr10 } = await evaluated(checkerboard(80, 120, 20), LEAVE_ONE_OUT);
    expect([evaluation.users, evaluation.items, evaluation.examples]).toEqual([120, 80, 120]);
    // 20 unseen items of the colour, none better than another: 10 of 20.
    expect(hr10("two-stage")).toBeGreaterThan(0.38);
    expect(hr10("two-stage")).toBeLessThan(0.62);
    expect(hr10("popular")).toBeLessThan(hr10("two-stage") - 0.1);
  });

  it("on a simulated platform puts both stages above every source and far above popularity", async () => {
    const size = { users: 150, videos: 300, events: 6000, end: Date.UTC(2026, 0, 1) as EpochMs };
    const { evaluation, hr10 } = await evaluated([...simulate(size)].flat(), LAST_FIFTH, 500);
    for (const source of NAMES) expect(hr10("two-stage")).toBeGreaterThan(hr10(source));
    expect(hr10("two-stage")).toBeGreaterThan(2 * hr10("popular"));
    // What was shown after the split tells the rungs apart.
    const [popularity, logistic, network] = evaluation.ranking!.rungs.map(({ heads }) => heads[0]!.auc.mean);
    expect(logistic).toBeGreaterThan(popularity! + 0.02);
    expect(network).toBeGreaterThan(popularity! + 0.02);
    expect(evaluation.ranking!.comparisons.map(({ rung, with: other }) => [rung, other])).toEqual([
      ["logistic", "popularity"],
      ["feature-network", "popularity"],
      ["feature-network", "logistic"],
    ]);
  });

  it.each([LEAVE_ONE_OUT, { kind: "moment", moment: (START + 11 * HOUR_MS) as EpochMs } as const])(
    "knows nothing of the test items: drawn by chance, they are found by chance ($kind)",
    async (split) => {
      const [items, users, steps] = [300, 200, 12];
      const random = new Random("targets");
      const events = ring(items, users, steps);
      const targets = events.map((event, i) => {
        if (i < users * (steps - 1)) return event;
        // Not one that the user has seen: those are no targets.
        const seen = new Set(events.filter(({ user }) => user === event.user).map(({ item }) => item));
        let item = event.item;
        while (seen.has(item)) item = itemId(`v${random.int(items)}`);
        return { ...event, item };
      });
      const { evaluation } = await evaluated(targets, split);
      expect(evaluation.examples).toBe(users);
      const chance = 10 / (items - steps + 1);
      const deviation = Math.sqrt((chance * (1 - chance)) / users);
      for (const system of evaluation.systems)
        expect([system.name, system["hr@10"] < chance + 4 * deviation]).toEqual([system.name, true]);
    },
  );

  it("finds no item that the log mentions for the first time when it is taken", async () => {
    const before = ring(60, 30, 10);
    const after = before.slice(-30).map((event, i) => took(event.user, `new${i}`, event.time + HOUR_MS));
    const { evaluation } = await evaluated([...before, ...after], {
      kind: "moment",
      moment: (START + 10 * HOUR_MS) as EpochMs,
    });
    expect(evaluation.examples).toBe(30);
    for (const system of evaluation.systems) expect([system.name, system["hr@10"]]).toEqual([system.name, 0]);
  });

  it("samples examples where there are more than asked for, the same ones each time", async () => {
    const first = await evaluated(ring(60, 30, 10), LAST_FIFTH, 20);
    const second = await evaluated(ring(60, 30, 10), LAST_FIFTH, 20);
    expect([first.evaluation.examples, first.evaluation.examplesFound]).toEqual([20, 60]);
    expect(second.evaluation).toEqual(first.evaluation);
  });

  it.each([
    ["an empty log", []],
    ["one event", [took("a", "v", START)]],
    ["a log of vetoes", ring(10, 5, 4).map((event) => ({ ...event, type: "hide" as const }))],
    ["a user who takes one item again and again", [0, 1, 2, 3, 4, 5].map((i) => took("a", "v", START + i))],
  ])("refuses %s for want of anything to test on", async (_, events) => {
    const refused = evaluate(await logOf(events), { split: LAST_FIFTH }, silent);
    await expect(refused).rejects.toMatchObject({ code: "not_enough_data" } satisfies Partial<UpnextError>);
  });
});
