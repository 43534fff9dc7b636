/** What happens to a directory over time: snapshots, retention, erasure, damage. */
import { existsSync } from "node:fs";
import { readdir, readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { catalogDigest } from "../../src/catalog/index.ts";
import type { UpnextConfig } from "../../src/config/index.ts";
import { type Progress, silent } from "../../src/core/index.ts";
import { open, type Upnext } from "../../src/upnext.ts";
import { CONFIG, catalogIn, eventsOf, foldedDigests, storedDigest, temporary } from "./harness.ts";

let home: { path: string; remove(): Promise<void> };
let upnext: Upnext;
beforeEach(async () => {
  home = await temporary();
});
afterEach(async () => {
  await upnext?.close();
  await home.remove();
});

/** An ordinary start. */
async function start(config: UpnextConfig = {}, progress: Progress = silent): Promise<Upnext> {
  upnext = await open({ directory: home.path, config: { ...CONFIG, ...config }, progress });
  return upnext;
}

const event = (n: number) => ({
  kind: "interaction" as const,
  id: `e${n}`,
  user: `u${n % 97}`,
  item: `v${(n * 7) % 211}`,
  type: "watch" as const,
  value: (n % 10) / 10,
  time: 1_700_000_000_000 + n * 1000,
});

async function take(from: number, to: number): Promise<void> {
  for (let n = from; n < to; n += 1000) {
    const batch = Array.from({ length: Math.min(1000, to - n) }, (_, i) => event(n + i));
    await upnext.track(batch);
  }
}

/** Waits until `done`, for what the writer does beside its work. */
async function until(done: () => Promise<boolean> | boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await done())) {
    if (Date.now() > end) throw new Error("it did not happen within 20 s");
    await sleep(20);
  }
}

const snapshots = async () =>
  existsSync(join(home.path, "snapshots")) ? (await readdir(join(home.path, "snapshots"))).sort() : [];

describe("a start", () => {
  it("begins with the snapshot that the last process left, and knows the same as the whole log", async () => {
    await start();
    await take(0, 25_000);
    await upnext.close();
    expect(await snapshots()).toHaveLength(1);
    let read = 0;
    const counting: Progress = {
      ...silent,
      update(done) {
        read = done;
      },
    };
    await start({}, counting);
    expect(read).toBe(0);
    await take(25_000, 26_000);
    const live = catalogDigest(catalogIn(upnext));
    await upnext.close();
    const folded = await foldedDigests(home.path);
    expect(live).toBe(folded.catalog);
    expect(await storedDigest(home.path)).toEqual({ state: folded.state, applied: 26_000 });
    // States that are gone come from the log, whatever the snapshot says of the catalog.
    await rm(join(home.path, "state"), { recursive: true });
    await start();
    expect(catalogDigest(catalogIn(upnext))).toBe(folded.catalog);
    await upnext.close();
    expect(await storedDigest(home.path)).toEqual({ state: folded.state, applied: 26_000 });
  });

  it("passes a damaged snapshot over while the log has everything", async () => {
    await start();
    await take(0, 25_000);
    await upnext.close();
    await damage();
    await start();
    const live = catalogDigest(catalogIn(upnext));
    await upnext.close();
    expect(live).toBe((await foldedDigests(home.path)).catalog);
  });
});

describe("retention", () => {
  const small: UpnextConfig = { log: { segmentBytes: 65_536, retention: { maxBytes: 1_000_000 } } };

  async function retained(): Promise<void> {
    await start({ log: { segmentBytes: 65_536 } });
    await take(0, 40_000);
    await upnext.close();
    await start(small);
    await until(async () => (await upnext.status()).log.bytes <= 1_000_000);
  }

  it("drops the oldest files and keeps items, statistics, states and ids", async () => {
    await start({ log: { segmentBytes: 65_536 } });
    await take(0, 40_000);
    const before = catalogDigest(catalogIn(upnext));
    await upnext.close();
    const states = await storedDigest(home.path);
    await start(small);
    await until(async () => (await upnext.status()).log.bytes <= 1_000_000);
    expect((await upnext.status()).log.first).toBeGreaterThan(0);
    expect(catalogDigest(catalogIn(upnext))).toBe(before);
    expect(await upnext.track([event(5), event(39_999)])).toMatchObject({ accepted: 0, duplicates: 2 });
    await upnext.close();
    // Everything that can be thrown away is: the states and the catalog come from the base.
    await rm(join(home.path, "state"), { recursive: true });
    await start(small);
    expect(catalogDigest(catalogIn(upnext))).toBe(before);
    expect(await upnext.track(event(5))).toMatchObject({ duplicates: 1 });
    await upnext.close();
    expect(await storedDigest(home.path)).toEqual(states);
  });

  it("leaves what training and a look at the past need, and says what it has dropped", async () => {
    await retained();
    const { log } = await upnext.status();
    const now = await upnext.state("u1");
    expect(await upnext.stateAt("u1", { offset: log.end })).toEqual(now);
    await expect(upnext.stateAt("u1", { offset: log.first - 1 })).rejects.toMatchObject({
      code: "invalid_request",
    });
    const report = await upnext.train(silent, { timeBudget: 2000, maxLists: 50 });
    expect(report.users).toBe(97);
    expect(report.items).toBe(211);
    const answer = await upnext.recommend({ user: "u1", budgetMs: 60_000, allowSeen: true });
    expect([answer.personal, answer.reasons, answer.bundle]).toEqual([true, [], report.bundle]);
  });

  it("is refused a start without a snapshot that is whole, by name and with the cure", async () => {
    await retained();
    await upnext.close();
    await damage();
    await expect(start(small)).rejects.toMatchObject({
      code: "snapshot_corrupt",
      message: expect.stringContaining("upnext restore"),
    });
  });
});

describe("a user who was forgotten", () => {
  it("is in no file but for the erasure, and does not come back with old events", async () => {
    await start({ log: { segmentBytes: 65_536 } });
    const user = "the-forgotten-one";
    const own = (n: number) => ({ ...event(n), id: `own-${user}-${n}`, user });
    await take(0, 3000);
    await upnext.track([own(0), own(1), { kind: "user", user, facts: { city: "Faro" } }]);
    await take(3000, 25_000);
    await upnext.track(own(2));
    await upnext.recommend({ user, request: "shown-to-the-forgotten-one" });
    await upnext.close();
    await start({ log: { segmentBytes: 65_536 } });
    const receipt = await upnext.forget(user);
    expect(receipt).toMatchObject({ state: { touches: 3, done: true }, log: { events: 5 }, bundles: [] });
    expect(receipt.snapshots).toBe(1);
    expect(await upnext.track([own(3), own(0), event(30_000)])).toMatchObject({
      accepted: 1,
      duplicates: 0,
      forgotten: 2,
    });
    // Later is a new beginning.
    const later = { ...own(4), time: receipt.time + 1 };
    expect(await upnext.track(later)).toMatchObject({ accepted: 1, forgotten: 0 });
    expect((await upnext.state(user)).touches.map(({ id }) => id)).toEqual([later.id]);
    const live = catalogDigest(catalogIn(upnext));
    await upnext.close();
    for (const file of await filesOf(home.path)) {
      if (file.includes("/state/")) continue; // free pages of LMDB: docs/decisions/0012
      const bytes = await readFile(file);
      const erasures = count(bytes, user) - (bytes.includes(later.id) ? 2 : 0);
      expect([file, erasures <= 1, bytes.includes("Faro"), bytes.includes(`own-${user}-0`)]).toEqual([
        file,
        true,
        false,
        false,
      ]);
    }
    // To items it is as if nothing had happened: what the log folds to is what was in service, but for the user's facts.
    expect((await foldedDigests(home.path)).catalog).toBe(live);
    const events = await eventsOf(home.path);
    expect(events.filter(({ event }) => event.kind === "anonymous")).toHaveLength(5);
    expect(events.map(({ offset }) => offset)).toEqual(events.map((_, i) => i));
  });

  it("is carried out at the next start where the process ended in between", async () => {
    await start();
    await take(0, 2000);
    await upnext.close();
    // What a process leaves that was killed right after the erasure was durable.
    const { openFileLog } = await import("../../src/events/index.ts");
    const log = await openFileLog(join(home.path, "log"));
    await log.append([
      { kind: "erasure", id: "x" as never, user: "u1" as never, time: 1_800_000_000_000 as never },
    ]);
    await log.close();
    await start();
    await until(async () => (await eventsOf(home.path)).some(({ event }) => event.kind === "anonymous"));
    const left = (await eventsOf(home.path)).filter(
      ({ event }) => "user" in event && event.user === "u1" && event.kind !== "erasure",
    );
    expect(left).toEqual([]);
  });
});

/** Cuts every file of every snapshot in half. */
async function damage(): Promise<void> {
  for (const file of await filesOf(join(home.path, "snapshots"))) {
    await truncate(file, Math.floor((await readFile(file)).length / 2));
  }
}

async function filesOf(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

function count(bytes: Buffer, text: string): number {
  let found = 0;
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) found++;
  return found;
}
