import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ManualClock, silent } from "../../src/core/index.ts";
import type { Event } from "../../src/events/index.ts";
import { servingModels } from "../../src/pipeline/serving-models.ts";
import { decodeModels, openFileRegistry } from "../../src/registry/index.ts";
import { SOURCES } from "../../src/retrieval/index.ts";
import { DEFAULT_TRAIN, type TrainSettings, train } from "../../src/training/index.ts";
import { tickingClock } from "../ticking-clock.ts";
import { at, catalogOf, HOUR_MS, logOf, START, shown, took } from "./logs.ts";
import { ring } from "./worlds.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "upnext-train-"));
});
afterEach(() => rm(directory, { recursive: true }));

let registries = 0;

/** For tests that are about something else than the sources. */
const QUICK = SOURCES.filter(({ name }) => name !== "sequence").map(({ name }) => name);

/** For tests that are about something else than the rungs. */
const SIMPLE = ["popularity", "logistic"];

/** Trains into a registry of its own, in a time that is short and the same on every machine; simple rungs unless told. */
async function trained(events: readonly Event[], settings: Partial<TrainSettings> = {}) {
  const clock = tickingClock(DEFAULT_TRAIN.timeBudget / 60, START);
  const registry = await openFileRegistry(join(directory, `r${registries++}`), { clock });
  const log = await logOf(events);
  const { report } = await train(
    log,
    registry,
    { ...DEFAULT_TRAIN, rungs: SIMPLE, ...settings },
    clock,
    silent,
  );
  return { report, registry };
}

describe("training", () => {
  it("publishes a bundle that serves, and leaves it to others to promote it, with what it measured on the hold-out", async () => {
    const events = ring(60, 60, 20);
    const { report, registry } = await trained(events, { rungs: DEFAULT_TRAIN.rungs });
    expect(await registry.list()).toMatchObject([{ id: report.bundle, state: "candidate" }]);
    expect(report).toMatchObject({
      logOffset: 1200,
      users: 60,
      items: 60,
      interactions: 1200,
      examples: 120,
    });
    expect(report.systems.find(({ name }) => name === "two-stage")!["hr@10"]).toBeGreaterThan(0.98);
    expect(report.rankerLists).toBeGreaterThan(50);
    const models = await servingModels(await registry.open(report.bundle), catalogOf(events));
    expect(models.ranker?.heads).toEqual(["engage", "click"]);
    expect(models.sources.length).toBe(SOURCES.length);
    await models.close();
  });

  it("gives one bundle for one log and seed, and another for another seed", async () => {
    const events = ring(60, 60, 12);
    const first = (await trained(events)).report;
    expect((await trained(events)).report).toEqual(first);
    const quick = async (some: readonly Event[], seed: number) =>
      (await trained(some, { seed, sources: QUICK })).report.bundle;
    const bundles = [
      await quick(events, 1),
      await quick(events, 2),
      await quick([...events, took("u1", "v1", START)], 1),
    ];
    expect(new Set(bundles).size).toBe(3);
  }, 180_000);

  it("knows no more of a user than serving keeps", async () => {
    const events = ring(60, 60, 12);
    const long = await trained(events, { holdOut: 0, sources: QUICK });
    const short = await trained(events, { holdOut: 0, touches: 1, sources: QUICK });
    const modelOf = async ({ report, registry }: Awaited<ReturnType<typeof trained>>) =>
      decodeModels(await registry.open(report.bundle)).ranker!.models;
    expect(await modelOf(short)).not.toEqual(await modelOf(long));
  });

  it("leaves the ranker out where there is too little to learn from, and fits the sources all the same", async () => {
    const { report, registry } = await trained(ring(20, 6, 6));
    expect([report.rankerLists, report.examples > 0]).toEqual([0, true]);
    const models = decodeModels(await registry.open(report.bundle));
    expect(models.ranker).toBeNull();
    const fitted = SOURCES.filter((source) => source.fit !== undefined).map((source) => source.name);
    expect(Object.keys(models.sources).sort()).toEqual(fitted.toSorted());
  });

  it("leaves the ranker out where many slates were shown and none was answered", async () => {
    const slates = Array.from({ length: 80 }, (_, i) => shown("a", `r${i}`, START + i * HOUR_MS, ["p", "q"]));
    const taken = [0, 20, 40, 79].map((i, n) => took("a", `v${n}`, START + i * HOUR_MS + 1));
    const known = ["p", "q"].map((item) => took("b", item, START - 1));
    const { report } = await trained([...known, ...slates, ...taken], { sources: QUICK });
    expect(report.rankerLists).toBe(0);
  });

  it("learns from slates alone what is taken out of them", async () => {
    const events: Event[] = ["p", "q", "r"].map((item) => took("first", item, START - 1));
    for (let i = 0; i < 200; i++) {
      const [user, time] = [`u${i % 20}`, START + i * HOUR_MS];
      events.push(shown(user, `s${i}`, time, ["p", "q", "r"]));
      events.push(took(user, "q", time + 1, { request: `s${i}` as never, type: "like" }));
    }
    const { report } = await trained(events, { rankerShare: 0.5, sources: QUICK });
    expect(report.rankerLists).toBeGreaterThanOrEqual(50);
  });

  it.each([
    ["one event", [took("a", "v", START)]],
    [
      "one user and one item, again and again",
      Array.from({ length: 300 }, (_, i) => took("a", "v", START + i)),
    ],
    ["one user and many items", Array.from({ length: 300 }, (_, i) => took("a", `v${i % 70}`, START + i))],
    ["one item and many users", Array.from({ length: 300 }, (_, i) => took(`u${i}`, "v", START + i))],
    ["many events of one moment", ring(30, 30, 10).map((event) => ({ ...event, time: at(START) }))],
    [
      "one interest among vetoes",
      [...ring(9, 9, 9).map((e) => ({ ...e, type: "hide" as const })), took("a", "v", START)],
    ],
  ])("makes a bundle that loads of %s", async (_, events) => {
    const { report, registry } = await trained(events);
    const models = await servingModels(await registry.open(report.bundle), catalogOf(events));
    expect(models.bundle!.id).toBe(report.bundle);
    await models.close();
  });

  it.each([
    ["an empty log", []],
    ["a log of vetoes", ring(10, 5, 4).map((event) => ({ ...event, type: "dislike" as const }))],
    ["a log of glances", ring(10, 5, 4).map((event) => ({ ...event, type: "watch" as const, value: 0.1 }))],
    ["a log of slates", [shown("a", "r", START, ["v"])]],
  ])("refuses %s as not enough, and promotes nothing", async (_, events) => {
    const registry = await openFileRegistry(join(directory, "none"), { clock: new ManualClock() });
    const log = await logOf(events);
    const refused = train(log, registry, DEFAULT_TRAIN, new ManualClock(), silent);
    await expect(refused).rejects.toMatchObject({ code: "not_enough_data" });
    expect(await registry.current()).toBeNull();
  });
});
