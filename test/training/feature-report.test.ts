/** What `upnext features` says of a log without a bundle, of one that was trained on, and of one that went on. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Ms, silent } from "../../src/core/index.ts";
import type { Event, EventLog, InteractionType } from "../../src/events/index.ts";
import { FEATURE_GROUPS } from "../../src/features/index.ts";
import { type Bundle, openFileRegistry } from "../../src/registry/index.ts";
import { DEFAULT_TRAIN, featureReport, train } from "../../src/training/index.ts";
import { tickingClock } from "../ticking-clock.ts";
import { HOUR_MS, logOf, START, shown, took } from "./logs.ts";
import { ring } from "./worlds.ts";

const options = { candidates: 50, perSource: 50, limits: { touches: 100 } };

/** Slates of one item in some place, answered with an action in half of the cases. */
function slates(from: number, count: number, surface: string, type: InteractionType): Event[] {
  return Array.from({ length: count }, (_, i): Event[] => {
    const time = START + 2000 * HOUR_MS + (from + i) * 1000;
    const request = `s${from + i}`;
    const user = `u${i % 7}`;
    const item = `v${i % 20}`;
    const answer = took(user, item, time + 1, { type, request: request as never });
    return [{ ...shown(user, request, time, [item]), surface }, ...(i % 2 === 0 ? [answer] : [])];
  }).flat();
}

let directory: string;
let log: EventLog;
let bundle: Bundle;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "upnext-features-"));
  log = await logOf([...ring(30, 30, 12), ...slates(0, 600, "home", "click")]);
  const clock = tickingClock((DEFAULT_TRAIN.timeBudget / 60) as Ms, START);
  const registry = await openFileRegistry(directory, { clock });
  const settings = {
    ...DEFAULT_TRAIN,
    holdOut: 0,
    sources: ["transitions", "popular"],
    rungs: ["popularity"],
    rankerShare: 0.3,
  };
  const { report } = await train(log, registry, settings, clock, silent);
  bundle = await registry.open(report.bundle);
});
afterAll(() => rm(directory, { recursive: true }));

describe("the report on features", () => {
  it("has every feature of the bundle with its group, and coverage between nothing and all", async () => {
    const report = await featureReport(log, { ...options, bundle }, silent);
    expect(report.fingerprint).toBe(bundle.manifest.fingerprint);
    expect(report.bundle).toBe(bundle.id);
    expect(report.exposures).toBe(600);
    expect(report.nextItems).toBeGreaterThan(0);
    expect(new Set(report.features.map(({ group }) => group))).toEqual(
      // The log has no facts of users.
      new Set(FEATURE_GROUPS.map(({ name }) => name).filter((name) => name !== "user")),
    );
    for (const { known, quantiles, rows, group } of report.features) {
      expect(known).toBeGreaterThanOrEqual(0);
      expect(known).toBeLessThanOrEqual(1);
      expect(quantiles).toHaveLength(11);
      expect(rows).toBe(group === "provenance" ? "next-items" : "exposures");
    }
    const { known } = report.features.find(({ name }) => name === "place.surface=home")!;
    expect(known).toBe(1);
  });

  it("sees next to no drift in what was trained on, and finds what has moved since", async () => {
    const before = await featureReport(log, { ...options, bundle }, silent);
    const drifts = (report: typeof before) =>
      new Map(report.features.map(({ name, drift }) => [name, drift!]));
    const still = drifts(before);
    expect(Math.max(...["place.surface=home", "rate.click"].map((name) => still.get(name)!))).toBeLessThan(
      0.1,
    );
    await log.append(slates(1000, 4000, "elsewhere", "like"));
    const after = drifts(await featureReport(log, { ...options, bundle }, silent));
    expect(after.get("place.surface=home")!).toBeGreaterThan(1);
    expect(after.get("place.other-surface")!).toBeGreaterThan(1);
    expect(after.get("rate.approve")!).toBeGreaterThan(0.25);
    expect(after.get("place.no-device")!).toBe(0);
  });

  it("is of the sources that need no training where there is no bundle, and has no drift", async () => {
    const { features, bundle: none } = await featureReport(log, { ...options, bundle: null }, silent);
    expect(none).toBeNull();
    expect(features.every(({ drift }) => drift === null)).toBe(true);
    expect(features.some(({ name }) => name.includes("transitions"))).toBe(false);
    expect(features.some(({ name }) => name === "provenance.popular.log-rank")).toBe(true);
  });

  it("takes next items where nothing was shown, and says so where nobody did anything", async () => {
    const bare = await featureReport(await logOf(ring(20, 20, 8)), { ...options, bundle: null }, silent);
    expect(bare.exposures).toBe(0);
    expect(bare.features.every(({ rows }) => rows === "next-items")).toBe(true);
    const empty = featureReport(await logOf([]), { ...options, bundle: null }, silent);
    await expect(empty).rejects.toMatchObject({ code: "not_enough_data" });
  });
});
