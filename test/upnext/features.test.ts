/** The report on features, by a process of its own: right, one at a time, kept for a while, and gone with its instance. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type BundleId,
  ManualClock,
  type Ms,
  type Progress,
  silent,
  systemClock,
} from "../../src/core/index.ts";
import { openFileLog } from "../../src/events/index.ts";
import { FeatureLook, type FeaturesWanted, lookApart } from "../../src/library/feature-look.ts";
import { featureReport } from "../../src/training/index.ts";
import { openAt, simulated, temporary } from "./harness.ts";

const options = { candidates: 50, perSource: 50, limits: { touches: 100 } };
const FRESH = 5 * 60_000;

let home: { path: string; remove(): Promise<void> };
let wanted: FeaturesWanted;
beforeAll(async () => {
  home = await temporary();
  const upnext = await openAt(home.path);
  await upnext.track(simulated.slice(0, 1_500));
  await upnext.close();
  wanted = { directory: home.path, bundle: null, ...options };
});
afterAll(() => home.remove());

/** Names of the steps that were begun. */
function listening(): Progress & { readonly steps: string[] } {
  const steps: string[] = [];
  return { ...silent, steps, step: (name) => void steps.push(name) };
}

/** In this process, so that starting others takes no time. */
function lookHere({ directory }: FeaturesWanted, progress: Progress) {
  const report = (async () => {
    const log = await openFileLog(join(directory, "log"), { clock: systemClock, readOnly: true });
    return featureReport(log, { ...options, bundle: null }, progress).finally(() => log.close());
  })();
  return { report, end: async () => void (await report.catch(() => {})) };
}

describe("the look at features", () => {
  it("comes once for all who ask, and again when it is old", async () => {
    const clock = new ManualClock();
    const look = new FeatureLook(clock, lookHere);
    const heard = listening();
    const [first, second] = await Promise.all([look.read(wanted, heard), look.read(wanted, heard)]);
    expect(second).toBe(first);
    expect(first.readAt).toBe(0);
    expect(heard.steps.filter((name) => name === "read the log")).toHaveLength(1);
    clock.advance((FRESH - 1) as Ms);
    expect(await look.read(wanted, silent)).toBe(first);
    clock.advance(1 as Ms);
    expect((await look.read(wanted, silent)).readAt).toBe(FRESH);
  });

  it("is another one when another bundle serves, and waits for the one under way", async () => {
    const look = new FeatureLook(new ManualClock(), lookHere);
    const heard = listening();
    await Promise.all([
      look.read(wanted, heard),
      look.read({ ...wanted, bundle: "b1" as BundleId }, heard),
      look.read({ ...wanted, bundle: "b1" as BundleId }, heard),
    ]);
    const starts = heard.steps.flatMap((name, i) => (name === "read the log" ? [i] : []));
    expect(starts).toEqual([0, heard.steps.length / 2]);
  });

  it("may fail, and is taken again then", async () => {
    const empty = await temporary();
    await (await openAt(empty.path)).close();
    const look = new FeatureLook(systemClock, lookHere);
    const heard = listening();
    for (let round = 0; round < 2; round++) {
      const there = { ...wanted, directory: empty.path };
      await expect(look.read(there, heard)).rejects.toMatchObject({ code: "not_enough_data" });
    }
    expect(heard.steps.filter((name) => name === "read the log")).toHaveLength(2);
    await empty.remove();
  });

  it("is the same in a process of its own, NaN and all", async () => {
    const heard = listening();
    const report = await lookApart(wanted, heard).report;
    expect(report).toEqual(await lookHere(wanted, silent).report);
    expect(heard.steps).toContain("read the log");
    // With the lowest priority it waits for every other test.
  }, 300_000);

  it("ends with its instance, and its process with it", async () => {
    const look = new FeatureLook(systemClock);
    const asked = expect(look.read(wanted, silent)).rejects.toMatchObject({ code: "closed" });
    // The process has been started by then.
    await new Promise((resolve) => setImmediate(resolve));
    await look.close();
    await asked;
    await expect(look.read(wanted, silent)).rejects.toMatchObject({ code: "closed" });
  });
});
