/** A short `npm run chaos -- kill`, and proof that what it counts is counted. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { run } from "../../chaos/kill.ts";
import { KINDS } from "../../chaos/parts/kinds.ts";
import { Mirror } from "../../chaos/parts/mirror.ts";
import { eventOf, idOf, passingUser } from "../../chaos/parts/sent-events.ts";
import type { EpochMs, EventId, UserId } from "../../src/core/index.ts";
import { openFileLog } from "../../src/events/index.ts";
import { openLmdbStore } from "../../src/state/index.ts";
import { open } from "../../src/upnext.ts";

it("loses nothing and counts nothing twice, whatever is killed", async () => {
  // Readiness is measured by the command: beside other tests it says how busy the machine is.
  const { broken, figures } = await run(["--kills", "10", "--ready-within", "60000"]);
  expect(broken).toEqual([]);
  const tallies = Object(figures["tallies"]) as Record<string, { readonly ends: number }>;
  expect(Object.keys(tallies)).toEqual(KINDS.map(({ name }) => name));
  for (const { ends } of Object.values(tallies)) expect(ends).toBeGreaterThanOrEqual(1);
}, 300_000);

describe("the mirror of a directory", () => {
  let directory: string;
  let mirror: Mirror;
  const ids = Array.from({ length: 200 }, (_, n) => idOf("run", "w", n));
  const nobody = new Set<string>();
  const nothing = { lost: 0, repeated: 0, states: 0, catalogs: 0, remembered: 0 };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "upnext-mirror-"));
    const upnext = await open({ directory });
    await upnext.track(ids.map(eventOf));
    await upnext.close();
  });
  beforeEach(() => {
    mirror = new Mirror(directory, { store: "lmdb", path: join(directory, "state") });
  });
  afterAll(() => rm(directory, { recursive: true }));

  it("finds nothing wrong where nothing is", async () => {
    expect(await mirror.check({ end: ids.length }, new Set(ids), nobody)).toEqual(nothing);
  });

  it("counts events and erasures that were acknowledged and are not there", async () => {
    const acknowledged = new Set([...ids, idOf("other", "w", 1)]);
    const wrongs = await mirror.check({}, acknowledged, new Set(["user-1"]));
    expect(wrongs).toEqual({ ...nothing, lost: 2 });
    expect(await mirror.lost(acknowledged, nobody)).toBe(1);
  });

  it("counts a catalog that is another, and an end that is", async () => {
    expect(await mirror.check({ end: 7, catalog: "another" }, nobody, nobody)).toEqual({
      ...nothing,
      states: 1,
      catalogs: 1,
    });
  });

  it("counts users whose state is not the fold of the log", async () => {
    const store = await openLmdbStore({ path: join(directory, "state") }, {});
    await store.erase("user-1" as UserId, 1 as EpochMs);
    await store.erase("a stranger" as UserId, 1 as EpochMs);
    await store.close();
    expect(await mirror.check({}, nobody, nobody)).toEqual({ ...nothing, states: 2 });
  });

  it("counts a forgotten user of whom a file still has an event's id", async () => {
    const user = passingUser("run", "0") as UserId;
    const log = await openFileLog(join(directory, "log"));
    const base = { user, time: 5 as EpochMs };
    await log.append([
      { ...base, kind: "user", id: `${user}/1` as EventId, facts: {} },
      { ...base, kind: "erasure", id: "erasure" as EventId },
    ]);
    await log.close();
    expect(await mirror.lost(new Set([`${user}/1`]), new Set([user]))).toBe(0);
    const store = await openLmdbStore({ path: join(directory, "state") }, {});
    const events = await openFileLog(join(directory, "log"), { readOnly: true });
    for await (const batch of events.read(store.applied)) await store.apply(batch);
    await Promise.all([store.close(), events.close()]);
    expect((await mirror.check({}, nobody, nobody)).remembered).toBe(1);
  });
});
