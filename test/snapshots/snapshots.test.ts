/** A directory of snapshots: written, found again, gone on from, forgotten in, pruned. */
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCatalog } from "../../src/catalog/index.ts";
import type { EpochMs, Offset, UserId } from "../../src/core/index.ts";
import type { LoggedEvent, StoredEvent, UserUpsert } from "../../src/events/index.ts";
import { openSnapshots, type Snapshot, type Snapshots } from "../../src/snapshots/index.ts";
import { emptyState } from "../../src/state/index.ts";
import { baseOf, CLOCK, digestOf, foldsOf, mixedLog, resumed, statesOf } from "./folds.ts";

const EVENTS = mixedLog(600);
/** A promise, and what resolves it. */
function later(): { readonly promise: Promise<void>; resolve(): void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve: () => resolve() };
}

const offset = (n: number) => n as Offset;

let home: string;
let directory: string;
let snapshots: Snapshots;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "upnext-snapshots-"));
  directory = join(home, "snapshots");
  snapshots = await openSnapshots(directory, { clock: CLOCK, log: "log-a" });
});
afterEach(() => rm(home, { recursive: true }));

/** Writes a snapshot of the first `count` events, with states or without. */
async function written(count: number, kind: "base" | "catalog" = "base", events = EVENTS): Promise<Snapshot> {
  const folds = await foldsOf(events.slice(0, count));
  return snapshots.write(kind === "base" ? baseOf(folds) : { catalog: folds.catalog });
}

async function flip(path: string, at: number): Promise<void> {
  const file = await open(path, "r+");
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  byte[0] = byte[0]! ^ 1;
  await file.write(byte, 0, 1, at);
  await file.close();
}

/** Damages the part that holds `text`. */
async function damage(path: string, text: string): Promise<void> {
  const at = (await readFile(path)).indexOf(text);
  expect(at).toBeGreaterThan(0);
  await flip(path, at);
}

const offsetsOf = (list: readonly Snapshot[]) => list.map((snapshot) => snapshot.offset);

describe("a snapshot", () => {
  it("gone on from gives what folding the whole log gives, to the bit", async () => {
    const whole = await digestOf(await foldsOf(EVENTS));
    for (const count of [0, 1, 250, 599, 600]) {
      const base = await written(count);
      expect(base).toMatchObject({ offset: count, statesThrough: count, createdAt: CLOCK.now() });
      expect(base.bytes).toBe((await stat(base.path)).size);
      expect(await digestOf(await resumed(base, EVENTS))).toBe(whole);
    }
    const catalogOnly = await written(300, "catalog");
    expect(catalogOnly.statesThrough).toBeNull();
    await expect(statesOf({ users: () => catalogOnly.states() } as never).next()).rejects.toMatchObject({
      code: "snapshot_corrupt",
      message: expect.stringContaining('expected a part "states", got none'),
    });
  });

  it("holds states read while serving went on, and says how far: going on from it is exact all the same", async () => {
    const folds = await foldsOf(EVENTS.slice(0, 200));
    let applied = 200;
    const base = await snapshots.write({
      catalog: folds.catalog,
      states: {
        async *each(from) {
          expect(from).toBe(200);
          for await (const state of statesOf(folds.store)) {
            yield state;
            const batch = EVENTS.slice(applied, applied + 15);
            await folds.store.apply(batch);
            folds.catalog.apply(batch);
            applied = folds.catalog.applied;
          }
        },
        through: () => folds.store.applied,
      },
    });
    expect([base.offset, base.statesThrough]).toEqual([200, applied]);
    expect(applied).toBeGreaterThan(250);
    expect(await digestOf(await resumed(base, EVENTS))).toBe(await digestOf(await foldsOf(EVENTS)));
  });

  it("is each caller's own: a catalog that is gone on with changes no other", async () => {
    const snapshot = await written(100);
    const first = await snapshot.catalog();
    first.apply(EVENTS.slice(100));
    expect((await snapshot.catalog()).applied).toBe(100);
  });

  it("that could not be written leaves nothing behind, and the next one can", async () => {
    const { catalog } = await foldsOf(EVENTS.slice(0, 50));
    const failing = {
      through: () => offset(50),
      async *each() {
        yield* [];
        throw new Error("the store is gone");
      },
    };
    await expect(snapshots.write({ catalog, states: failing })).rejects.toThrow("the store is gone");
    expect(await readdir(directory)).toEqual([]);
    expect((await snapshots.write({ catalog })).offset).toBe(50);
  });

  it("of an offset that is there already is not written again, unless it would be the first with states", async () => {
    const bare = await written(100, "catalog");
    const before = (await stat(bare.path)).ino;
    await written(100, "catalog");
    expect((await stat(bare.path)).ino).toBe(before);
    const base = await written(100, "base");
    expect(base.statesThrough).toBe(100);
    const again = await written(100, "catalog");
    expect(again.statesThrough).toBe(100);
    await damage(base.path, "T1");
    const mended = await written(100, "base");
    expect(await digestOf(await resumed(mended, EVENTS))).toBe(await digestOf(await foldsOf(EVENTS)));
  });
});

describe("the directory", () => {
  it("that is missing has no snapshots, and is made by the first", async () => {
    expect(await snapshots.list()).toEqual([]);
    expect([await snapshots.newest(), await snapshots.base()]).toEqual([undefined, undefined]);
    await snapshots.prune(1);
    expect(await snapshots.forget(new Map())).toBe(0);
    await expect(stat(directory)).rejects.toThrow();
    await snapshots.write({ catalog: createCatalog() });
    expect(offsetsOf(await snapshots.list())).toEqual([0]);
  });

  it("lists newest first, and finds what is wanted: from an offset on, or before a moment", async () => {
    for (const [count, kind] of [
      [100, "base"],
      [200, "catalog"],
      [300, "base"],
      [400, "catalog"],
    ] as const) {
      await written(count, kind);
    }
    expect(offsetsOf(await snapshots.list())).toEqual([400, 300, 200, 100]);
    const newest = async (from: number, through: number) =>
      (await snapshots.newest({ from: offset(from), through: offset(through) }))?.offset;
    const base = async (from: number, through: number) =>
      (await snapshots.base({ from: offset(from), through: offset(through) }))?.offset;
    expect(await Promise.all([newest(0, 400), newest(0, 399), newest(200, 200), newest(201, 299)])).toEqual([
      400,
      300,
      200,
      undefined,
    ]);
    expect(await Promise.all([base(0, 400), base(0, 299), base(101, 299), base(300, 300)])).toEqual([
      300,
      100,
      undefined,
      300,
    ]);
    expect(snapshots.damaged.size).toBe(0);
  });

  it("passes over a damaged one, names it with what was expected and what came, and falls back", async () => {
    const [old, newest] = [await written(100), await written(300)];
    await damage(newest.path, "T2");
    expect((await snapshots.newest())?.offset).toBe(100);
    expect([...snapshots.damaged.keys()]).toEqual([newest.path]);
    expect([...snapshots.damaged.values()][0]).toMatch(
      /0300\.snapshot: expected CRC-32 [0-9a-f]{8} at byte \d+, got [0-9a-f]{8}\. Delete the file/,
    );
    await expect(newest.catalog()).rejects.toMatchObject({ code: "snapshot_corrupt" });
    expect(await snapshots.verify()).toEqual([expect.stringContaining(newest.path)]);
    await rm(newest.path);
    expect(await snapshots.verify()).toEqual([]);
    expect((await snapshots.base())?.path).toBe(old.path);
  });

  it("of a base with damaged states uses the catalog, and no state of it", async () => {
    const [, base] = [await written(100), await written(300)];
    const { parts } = JSON.parse(/\{"log".*\]\}/.exec((await readFile(base.path)).toString("latin1"))![0]);
    await flip(base.path, parts[1].at + parts[1].bytes - 3);
    expect((await snapshots.newest())?.offset).toBe(300);
    expect((await snapshots.base())?.offset).toBe(100);
    let given = 0;
    const all = async () => {
      for await (const _ of base.states()) given++;
    };
    await expect(all()).rejects.toMatchObject({ code: "snapshot_corrupt" });
    expect(given).toBe(0);
  });

  it("gives no state of a base whose last state is damaged, however many chunks are whole before it", async () => {
    const touches = [{ id: "e", item: "v", type: "like", value: Number.NaN, time: 5 }] as never;
    const states = {
      through: () => offset(0),
      async *each() {
        for (let u = 0; u < 9000; u++) yield { ...emptyState(`user ${u}` as UserId), touches };
      },
    };
    const base = await snapshots.write({ catalog: createCatalog(), states });
    let given = 0;
    const all = async () => {
      given = 0;
      for await (const _ of base.states()) given++;
    };
    await all();
    expect(given).toBe(9000);
    await damage(base.path, "user 8999");
    await expect(all()).rejects.toMatchObject({ code: "snapshot_corrupt" });
    expect(given).toBe(0);
  });

  it("leaves out the snapshots of another log, and does not delete them", async () => {
    const other = await openSnapshots(directory, { clock: CLOCK, log: "log-b" });
    await written(100);
    expect(await other.list()).toEqual([]);
    expect([...other.damaged.values()][0]).toContain("one of the log log-a, where this log is log-b");
    await other.prune(0);
    expect(offsetsOf(await snapshots.list())).toEqual([100]);
  });

  it("is not troubled by what a killed writer left, which the next change removes", async () => {
    const whole = await written(100);
    await writeFile(join(directory, "00000000000000000200.snapshot.tmp"), "half");
    await writeFile(join(directory, "notes.txt"), "somebody else's");
    expect(offsetsOf(await snapshots.list())).toEqual([100]);
    await snapshots.prune(1);
    expect((await readdir(directory)).sort()).toEqual([whole.path.slice(directory.length + 1), "notes.txt"]);
  });

  it("names a file that is none, whatever it is", async () => {
    await mkdir(join(directory, "00000000000000000009.snapshot"), { recursive: true });
    await writeFile(join(directory, "00000000000000000008.snapshot"), "");
    await writeFile(join(directory, "00000000000000000007.snapshot"), Buffer.alloc(5000));
    await written(5);
    expect((await snapshots.newest())?.offset).toBe(5);
    expect(snapshots.damaged.size).toBe(3);
    expect((await snapshots.verify()).length).toBe(3);
  });
});

describe("pruning", () => {
  it("keeps the newest, and the newest whole base however old it is", async () => {
    await written(50);
    await written(100);
    for (const count of [200, 300, 400]) await written(count, "catalog");
    await snapshots.prune(2);
    expect(offsetsOf(await snapshots.list())).toEqual([400, 300, 100]);
    await snapshots.prune(0);
    expect(offsetsOf(await snapshots.list())).toEqual([100]);
  });

  it("keeps an older base where the newest one is damaged, and removes that one", async () => {
    await written(100);
    const newer = await written(200);
    await written(300, "catalog");
    const { parts } = JSON.parse(/\{"log".*\]\}/.exec((await readFile(newer.path)).toString("latin1"))![0]);
    await flip(newer.path, parts[1].at + 30);
    await snapshots.prune(1);
    expect(offsetsOf(await snapshots.list())).toEqual([300, 100]);
  });
});

describe("forgetting", () => {
  const secret = "secret-somebody" as UserId;
  const other = "other-somebody" as UserId;
  const act = (user: UserId, n: number, time: number): StoredEvent =>
    ({ kind: "interaction", id: `${user}-${n}`, user, item: `v${n}`, type: "watch", time }) as StoredEvent;
  const stored: StoredEvent[] = [1, 2, 3].flatMap((n) => [act(secret, n, 10 * n), act(other, n, 10 * n)]);
  const facts: UserUpsert["facts"] = { street: "Elm" };
  stored.push({ kind: "user", id: "facts" as UserUpsert["id"], user: secret, facts, time: 20 as EpochMs });
  const log: LoggedEvent[] = stored.map((event, i) => ({ offset: offset(i), event }));

  it("leaves nothing of a user in any file, and everything of the others", async () => {
    for (const count of [2, 5, 7]) await written(count, "base", log);
    await written(6, "catalog", log);
    const erasures = new Map([[secret, 99]]);
    // Of offset 6 there is the catalog alone, in which the user's facts are not yet.
    expect(await snapshots.forget(erasures)).toBe(3);
    for (const name of await readdir(directory)) {
      const bytes = await readFile(join(directory, name));
      expect([bytes.includes("secret-somebody-"), bytes.includes("Elm")]).toEqual([false, false]);
      expect(bytes.includes("other-somebody-")).toBe(!name.includes("6.snapshot"));
    }
    expect(await snapshots.forget(erasures)).toBe(0);
    expect(await snapshots.verify()).toEqual([]);
    const erasure = {
      offset: offset(7),
      event: { kind: "erasure", id: "x", user: secret, time: 99 } as StoredEvent,
    };
    const expected = await digestOf(await foldsOf([...log, erasure]));
    const base = await snapshots.base();
    expect(base?.offset).toBe(7);
    expect(await digestOf(await resumed(base!, [...log, erasure]))).toBe(expected);
  });

  it("keeps what came after the erasure, and leaves files alone that hold nothing older", async () => {
    const base = await written(7, "base", log);
    expect(await snapshots.forget(new Map([[secret, 5]]))).toBe(0);
    expect(await snapshots.forget(new Map([["nobody" as UserId, 500]]))).toBe(0);
    expect(await snapshots.forget(new Map([[secret, 20]]))).toBe(1);
    for await (const { user, touches, erasedAt } of base.states()) {
      expect([touches.map(({ time }) => time), erasedAt]).toEqual(
        user === secret ? [[30], 20] : [[30, 20, 10], -Infinity],
      );
    }
  });

  it("removes a file that cannot be read to its end, and what a killed writer left: both may hold anything", async () => {
    await written(2, "base", log);
    const damaged = await written(7, "base", log);
    await flip(damaged.path, 200);
    await writeFile(`${damaged.path}.tmp`, "secret-somebody-1");
    expect(await snapshots.forget(new Map([[secret, 99]]))).toBe(2);
    expect(await readdir(directory)).toEqual(["00000000000000000002.snapshot"]);
  });

  it("waits for a snapshot that is being written, and then forgets in it; one that waits copies no older catalog", async () => {
    const { catalog, store } = await foldsOf(log);
    const [begun, held] = [later(), later()];
    const slow = {
      through: () => offset(7),
      async *each() {
        begun.resolve();
        await held.promise;
        yield* statesOf(store);
      },
    };
    const first = snapshots.write({ catalog, states: slow });
    const forgotten = snapshots.forget(new Map([[secret, 99 as EpochMs]]));
    const second = snapshots.write({ catalog });
    await begun.promise;
    const erasure = {
      offset: offset(7),
      event: { kind: "erasure", id: "x", user: secret, time: 99 } as StoredEvent,
    };
    catalog.apply([erasure]);
    held.resolve();
    expect([(await first).offset, await forgotten, (await second).offset]).toEqual([7, 1, 8]);
    for (const name of await readdir(directory)) {
      expect((await readFile(join(directory, name))).includes("Elm")).toBe(false);
    }
  });
});
