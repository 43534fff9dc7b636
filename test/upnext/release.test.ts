/** Bundles of a directory: what train and the gate make of them, and what servers on it then do. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silent, systemClock } from "../../src/core/index.ts";
import { decodeModels, encodeModels, openFileRegistry, type Registry } from "../../src/registry/index.ts";
import { CHECKS, refusals } from "../../src/release/index.ts";
import type { OpenOptions, Upnext, UpnextConfig } from "../../src/upnext.ts";
import { ring } from "../training/worlds.ts";
import { openAt, temporary } from "./harness.ts";

/** Quick to train, and good on a ring: the next item always follows. */
const CONFIG: UpnextConfig = {
  retrieval: { sources: ["transitions", "popular"] },
  training: { holdOut: 0, rankerShare: 0.3, maxLists: 150, timeBudget: 2_000 },
  slo: { p99Ms: 1_000 },
};

const QUICK = { rung: "logistic" };

let home: { path: string; remove(): Promise<void> };
let registry: Registry;
const opened: Upnext[] = [];
beforeEach(async () => {
  home = await temporary();
  registry = await openFileRegistry(`${home.path}/bundles`, { clock: systemClock });
});
afterEach(async () => {
  for (const instance of opened.splice(0)) await instance.close();
  await home.remove();
});

async function instanceWith(config: UpnextConfig, options: Partial<OpenOptions> = {}): Promise<Upnext> {
  const instance = await openAt(home.path, { config, clock: systemClock, ...options });
  opened.push(instance);
  return instance;
}

const states = async (upnext: Upnext) =>
  Object.fromEntries((await upnext.releases()).map(({ bundle, state }) => [bundle, state]));
const served = async (upnext: Upnext) => (await upnext.status()).bundle?.id;

describe("a directory's bundles", () => {
  it("are promoted by train where the gate accepts them, refused by name where not, and taken back", async () => {
    const upnext = await instanceWith(CONFIG);
    await upnext.track(ring(40, 40, 12));
    const first = await upnext.train(silent, QUICK);
    expect(first.release).toMatchObject({ bundle: first.bundle, against: null, accepted: true });
    expect(await served(upnext)).toBe(first.bundle);

    // What ranks by popularity alone does not know a ring.
    const reader = await instanceWith({ ...CONFIG, retrieval: { sources: ["popular"] } }, { readOnly: true });
    const worse = await reader.train(silent, QUICK);
    expect(worse.release).toMatchObject({ bundle: worse.bundle, against: first.bundle, accepted: false });
    expect(refusals(worse.release).map(({ code }) => code)).toEqual(["bundle_worse"]);
    await upnext.refresh();
    expect([await served(upnext), await registry.current()]).toEqual([first.bundle, first.bundle]);
    expect(await states(upnext)).toEqual({ [first.bundle]: "current", [worse.bundle]: "refused" });
    expect((await upnext.releases()).find(({ state }) => state === "refused")).toMatchObject({
      refusedFor: ["bundle_worse"],
    });

    // Asked again it is refused again; a reason outvotes the gate, and is kept.
    expect(await upnext.promote(worse.bundle)).toMatchObject({ accepted: false });
    await expect(upnext.promote(worse.bundle, { despite: " " })).rejects.toMatchObject({
      code: "invalid_request",
    });
    expect(await served(upnext)).toBe(first.bundle);
    await upnext.promote(worse.bundle, { despite: "an experiment" });
    expect(await served(upnext)).toBe(worse.bundle);
    expect(await registry.changes()).toMatchObject([
      { bundle: first.bundle, kind: "promote" },
      { bundle: worse.bundle, kind: "promote", despite: "an experiment" },
    ]);

    expect(await reader.rollback()).toBe(first.bundle);
    await upnext.refresh();
    expect(await served(upnext)).toBe(first.bundle);
    await expect(upnext.rollback()).rejects.toMatchObject({ code: "no_bundle" });
  }, 120_000);

  it("serve and come back only where they load, whatever the reason", async () => {
    const upnext = await instanceWith(CONFIG);
    await upnext.track(ring(30, 30, 10));
    const { bundle } = await upnext.train(silent, QUICK);
    const { manifest, ...good } = await registry.open(bundle);
    const { format: _, files: __, ...about } = manifest;
    const models = decodeModels({ manifest, ...good });
    const swapped = [...models.items];
    [swapped[0], swapped[1]] = [swapped[1]!, swapped[0]!];
    const broken = await registry.publish(about, encodeModels({ ...models, items: swapped }));
    const report = await upnext.promote(broken, { despite: "I want it" });
    expect(report).toMatchObject({ accepted: false, loads: false });
    expect(refusals(report).map(({ code }) => code)).toEqual([CHECKS.items]);
    expect(await states(upnext)).toMatchObject({ [bundle]: "current", [broken]: "refused" });

    // Somebody has moved the pointer by hand, and away again: the broken one is what a rollback would lead to.
    await registry.promote(broken);
    await registry.promote(bundle);
    await expect(upnext.rollback()).rejects.toMatchObject({
      code: CHECKS.items,
      message: expect.stringMatching(new RegExp(`^rollback: expected a bundle that loads, got ${broken}: `)),
    });
    expect(await registry.current()).toBe(bundle);
    await expect(upnext.rollback("0".repeat(16))).rejects.toMatchObject({ code: "no_bundle" });
    await expect(upnext.promote("nonsense")).rejects.toMatchObject({ code: "no_bundle" });
    expect(await served(upnext)).toBe(bundle);
  }, 120_000);

  it("are judged against the bundle that is current when they are promoted", async () => {
    const upnext = await instanceWith(CONFIG);
    await upnext.track(ring(30, 30, 10));
    const first = await upnext.train(silent, QUICK);
    await upnext.track(ring(30, 30, 11).slice(-30));
    const second = await upnext.train(silent, QUICK);
    expect(second.release).toMatchObject({ against: first.bundle, accepted: true });
    const { manifest, ...bundle } = await registry.open(second.bundle);
    const { format: _, files: __, ...about } = manifest;
    const copy = await registry.publish(
      { ...about, seed: about.seed + 1 },
      encodeModels(decodeModels({ manifest, ...bundle })),
    );
    // While the gate is at work, somebody else promotes.
    let asked = 0;
    const third = await upnext.promote(first.bundle, {
      progress: {
        ...silent,
        step(name) {
          if (name !== "try the bundle") return;
          if (++asked === 1) void registry.promote(copy);
        },
      },
    });
    expect(third).toMatchObject({ accepted: true, against: copy });
    expect(asked).toBe(2);
    expect(await served(upnext)).toBe(first.bundle);
  }, 120_000);
});
