/** Backups of a directory that is in use, and directories made of them again. */
import { createHash } from "node:crypto";
import { renameSync } from "node:fs";
import { appendFile, cp, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type BackupReport,
  backup,
  erasureLines,
  erasuresOf,
  type RestoreOptions,
  restore,
} from "../../src/backup/index.ts";
import { createCatalog } from "../../src/catalog/index.ts";
import {
  ManualClock,
  type Offset,
  silent,
  systemClock,
  UpnextError,
  type UserId,
} from "../../src/core/index.ts";
import { type Event, type FileLog, openFileLog } from "../../src/events/index.ts";
import { openSnapshots } from "../../src/snapshots/index.ts";
import { catchUp, memoryStore, stateDigest } from "../../src/state/index.ts";
import { interactions, readEvents } from "../events/make-events.ts";
import { erasure } from "../state/touches.ts";

const clock = new ManualClock();
let home: string;
let directory: string;
let copy: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "upnext-backup-"));
  directory = join(home, "data");
  copy = join(home, "copy");
});
afterEach(() => rm(home, { recursive: true }));

/** Segments of some 100 events. */
const openLog = (readOnly = false, at = directory): Promise<FileLog> =>
  openFileLog(join(at, "log"), { segmentBytes: 4096, readOnly });

const backUp = (path = copy, config: string | null = null): Promise<BackupReport> =>
  backup({ directory, path, config, clock, progress: silent });

const bringBack = (more: Partial<RestoreOptions> = {}) =>
  restore({ path: copy, directory, replace: false, clock, progress: silent, ...more });

async function eventsIn(at = directory) {
  const log = await openLog(true, at);
  const events = await readEvents(log, log.first);
  await log.close();
  return events;
}

async function write(...events: Event[]): Promise<void> {
  const log = await openLog();
  for (let i = 0; i < events.length; i += 100) await log.append(events.slice(i, i + 100));
  await log.close();
}

/** Resolves with the error's code and message. */
const failure = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "no error",
    (error) => (error instanceof UpnextError ? `${error.code}: ${error.message}` : String(error)),
  );

/** Every file below a folder, with its digest. */
async function digests(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && entry.name !== "lock")
      found[path.slice(folder.length)] = createHash("sha256")
        .update(await readFile(path))
        .digest("hex");
  }
  return found;
}

describe("a backup", () => {
  it("has every event, and becomes a log of its own with the same events", async () => {
    await write(...interactions(0, 1000));
    expect(await backUp()).toMatchObject({ first: 0, end: 1000 });
    const before = await eventsIn();
    const id = await readFile(join(directory, "log", "id"), "utf8");
    await rm(directory, { recursive: true });
    expect(await bringBack()).toMatchObject({ end: 1000, erasures: 0, before: null });
    expect(await eventsIn()).toEqual(before);
    expect(await readFile(join(directory, "log", "id"), "utf8")).not.toBe(id);
  });

  it("of a log that is being written, compacted and rotated is a prefix of it", async () => {
    const log = await openLog();
    await log.append(interactions(0, 500));
    let busy = true;
    const writing = (async () => {
      for (let n = 500; busy; n += 10) {
        await log.append(interactions(n, n + 10));
        if (n % 100 === 0)
          await log.compact(new Map([[`u${(n / 100) % 7}` as UserId, 1_700_000_000_100 + n / 2]]), log.end);
      }
    })();
    const ends: number[] = [];
    for (let i = 0; i < 8; i++) ends.push((await backUp(join(home, `copy-${i}`))).end);
    busy = false;
    await writing;
    await log.close();
    const all = await eventsIn();
    for (const [i, end] of ends.entries()) {
      const at = join(home, `restored-${i}`);
      await bringBack({ path: join(home, `copy-${i}`), directory: at });
      const copied = await eventsIn(at);
      expect(copied).toHaveLength(end);
      // What was made anonymous since is another event at the same offset.
      for (const [n, event] of copied.entries()) {
        if (event.kind !== "anonymous" && all[n]!.kind !== "anonymous") expect(event).toEqual(all[n]);
        if (event.kind === "anonymous") expect(all[n]).toEqual(event);
      }
    }
    expect(new Set(ends).size).toBeGreaterThan(1);
  });

  it("has bundles, their pointer and the configuration, and no states, locks or leftovers", async () => {
    await write(...interactions(0, 10));
    const files: Record<string, string> = {
      "bundles/pointers.json": "{}",
      "bundles/0123456789abcdef/manifest.json": "{}",
      "bundles/0123456789abcdef.verdict.json": "{}",
      "bundles/0123456789abcdef/sources/als/items.f32": "numbers",
      "bundles/.scratch.host.1.abc/manifest.json": "unfinished",
      "start.json": "{}",
      "experiments.json": "{}",
      "state/data.mdb": "a fold",
      "training/checkpoint": "of a stopped training",
      "migration.json": "{}",
    };
    for (const [name, text] of Object.entries(files)) {
      await cp(join(directory, "log", "id"), join(directory, name));
      await writeFile(join(directory, name), text);
    }
    await writeFile(join(home, "upnext.config.json"), "{}");
    await backUp(copy, join(home, "upnext.config.json"));
    expect(Object.keys(await digests(copy)).sort()).toEqual([
      "/bundles/0123456789abcdef.verdict.json",
      "/bundles/0123456789abcdef/manifest.json",
      "/bundles/0123456789abcdef/sources/als/items.f32",
      "/bundles/pointers.json",
      "/config/upnext.config.json",
      "/experiments.json",
      "/log/00000000000000000000.log",
      "/manifest.json",
      "/start.json",
    ]);
    await bringBack({ directory: join(home, "restored") });
    expect(Object.keys(await digests(join(home, "restored")))).not.toContain("/config/upnext.config.json");
    expect(Object.keys(await digests(join(home, "restored")))).toContain("/bundles/pointers.json");
  });

  it("is refused where something has the name, and leaves nothing where it fails", async () => {
    await write(...interactions(0, 500));
    await writeFile(copy, "mine");
    expect(await failure(backUp())).toMatch(/^invalid_request: .*copy: expected a name for a new folder/);
    expect(await readFile(copy, "utf8")).toBe("mine");
    const [segment] = (await readdir(join(directory, "log"))).filter((name) => name.endsWith(".log"));
    await damage(join(directory, "log", segment!), 500);
    expect(await failure(backUp(join(home, "other")))).toMatch(/^log_corrupt: /);
    expect((await readdir(home)).sort()).toEqual(["copy", "data"]);
  });

  /** 1,200 events, of which retention has dropped some 900; `log.full` is the log before that. */
  async function afterRetention() {
    const log = await openLog();
    for (let n = 0; n < 1000; n += 100) await log.append(interactions(n, n + 100));
    const { states, catalog } = await foldsOf(log);
    const snapshots = await openSnapshots(join(directory, "snapshots"), { clock, log: log.id });
    const each = async function* () {
      for await (const user of states.users()) yield states.read(user);
    };
    await snapshots.write({ catalog, states: { through: () => log.end, each } });
    await log.append(interactions(1000, 1200));
    await log.close();
    await cp(join(directory, "log"), join(home, "log.full"), { recursive: true });
    const again = await openLog();
    await again.dropBefore(1000 as Offset);
    const { first } = again;
    await again.close();
    expect(first).toBeGreaterThan(500);
    return { first, states };
  }

  it("keeps knowing the ids of dropped events, and begins with the states that went with them", async () => {
    const { first, states } = await afterRetention();
    expect(await backUp()).toMatchObject({ first, end: 1200 });
    await rm(directory, { recursive: true });
    await bringBack();
    const restored = await openLog();
    expect({ first: restored.first, end: restored.end, warnings: restored.warnings }).toEqual({
      first,
      end: 1200,
      warnings: [],
    });
    expect(await restored.append(interactions(0, 1200))).toMatchObject({ accepted: 0, duplicates: 1200 });
    const own = await openSnapshots(join(directory, "snapshots"), { clock, log: restored.id });
    const base = await own.base({ from: restored.first, through: restored.end });
    expect(base).toMatchObject({ offset: 1000, statesThrough: 1000 });
    const again = memoryStore();
    for await (const { user, touches, vetoes } of base!.states())
      await again.write([{ user, touches: [...touches, ...vetoes] }]);
    expect(await stateDigest(again)).toBe(await stateDigest(states));
    await restored.close();
  });

  it("begins anew where retention drops files from under it", async () => {
    const { first } = await afterRetention();
    const [log, full, cut] = [join(directory, "log"), join(home, "log.full"), join(home, "log.cut")];
    renameSync(log, cut);
    renameSync(full, log);
    let times = 0;
    const step = (name: string) => {
      if (name !== "copy the log" || ++times > 1) return;
      renameSync(log, full);
      renameSync(cut, log);
    };
    const report = await backup({
      directory,
      path: copy,
      config: null,
      clock,
      progress: { ...silent, step },
    });
    expect({ times, report }).toMatchObject({ times: 2, report: { first, end: 1200 } });
    expect(await bringBack({ directory: join(home, "restored") })).toMatchObject({ end: 1200 });
  });
});

async function foldsOf(log: FileLog) {
  const catalog = createCatalog();
  const states = memoryStore();
  await catchUp(states, log);
  for await (const batch of log.read(0 as Offset)) catalog.apply(batch);
  return { catalog, states };
}

/** Turns a bit. */
async function damage(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[at]! ^= 4;
  await writeFile(path, bytes);
}

describe("a damaged backup", () => {
  const spoil: Record<string, [(segment: string) => Promise<void>, RegExp]> = {
    "a turned bit": [(segment) => damage(segment, 700), /\.log: it does not match its SHA-256/],
    "a file that is cut off": [(segment) => truncate(segment, 100), /\.log: expected \d+ bytes, got 100/],
    "a file that is longer": [(segment) => appendFile(segment, "x"), /\.log: expected \d+ bytes, got \d+/],
    "a file that is missing": [(segment) => rm(segment), /\.log: ENOENT/],
    "no manifest": [() => rm(join(copy, "manifest.json")), /there is none: it is unfinished, or no backup/],
    "a cut off manifest": [() => truncate(join(copy, "manifest.json"), 50), /expected JSON/],
    "another manifest": [
      async () => {
        const path = join(copy, "manifest.json");
        await writeFile(path, (await readFile(path, "utf8")).replace('"end": 500', '"end": 499'));
      },
      /does not match its own digest/,
    ],
  };

  it.each(Object.entries(spoil))(
    "with %s is refused, and what was there stays",
    async (_, [change, message]) => {
      await write(...interactions(0, 500));
      await backUp();
      const [, segment] = (await readdir(join(copy, "log"))).filter((name) => name.endsWith(".log"));
      await change(join(copy, "log", segment!));
      await write(...interactions(500, 510));
      const before = await digests(directory);
      const told = await failure(bringBack({ replace: true }));
      expect(told).toMatch(/^backup_corrupt: /);
      expect(told).toMatch(message);
      expect(await digests(directory)).toEqual(before);
      expect((await readdir(home)).sort()).toEqual(["copy", "data"]);
    },
  );

  it("whose manifest leads out of its folder is refused", async () => {
    await write(...interactions(0, 10));
    await backUp();
    for (const name of ["../escaped", "/etc/escaped", "log/../../escaped", "log\\escaped"]) {
      const { digest: _, ...manifest } = JSON.parse(await readFile(join(copy, "manifest.json"), "utf8"));
      const changed = { ...manifest, files: { [name]: { bytes: 0, sha256: "" } } };
      const digest = createHash("sha256").update(JSON.stringify(changed)).digest("hex");
      await writeFile(join(copy, "manifest.json"), JSON.stringify({ ...changed, digest }));
      expect(await failure(bringBack({ directory: join(home, "new") }))).toMatch(
        /^backup_corrupt: .*is no name of a file/,
      );
    }
  });
});

describe("restoring over a directory", () => {
  it("is refused without --replace, and keeps what was there with it", async () => {
    await write(...interactions(0, 300));
    await backUp();
    await write(...interactions(300, 400));
    expect(await failure(bringBack())).toMatch(/^invalid_request: .*With --replace/);
    expect(await eventsIn()).toHaveLength(400);
    for (const n of [1, 2]) {
      const { before } = await bringBack({ replace: true });
      expect(before).toBe(`${directory}.before-restore-${n}`);
    }
    expect(await eventsIn()).toHaveLength(300);
    expect(await eventsIn(`${directory}.before-restore-1`)).toHaveLength(400);
    await write(...interactions(300, 301));
  });

  it("is refused while somebody writes there", async () => {
    await write(...interactions(0, 10));
    await backUp();
    const log = await openLog();
    expect(await failure(bringBack({ replace: true }))).toMatch(/^log_locked: /);
    await log.append(interactions(10, 11));
    await log.close();
    expect(await eventsIn()).toHaveLength(11);
  });

  it("forgets whom the directory has forgotten since, of events and for ever", async () => {
    await write(...interactions(0, 300));
    await backUp();
    await write(erasure("u3", 1_700_000_000_200));
    expect(await bringBack({ replace: true })).toMatchObject({ erasures: 1, end: 301 });
    await expectForgotten();
    // And a backup of what was restored knows it by itself.
    await backUp(join(home, "second"));
    await rm(directory, { recursive: true });
    expect(await bringBack({ path: join(home, "second") })).toMatchObject({ erasures: 0, end: 301 });
    await expectForgotten();
  });

  it("forgets those of a list, where there is no directory to ask", async () => {
    await write(...interactions(0, 300));
    await backUp();
    await write(erasure("u3", 1_700_000_000_200));
    const list = join(home, "erasures.jsonl");
    await writeFile(list, erasureLines(await erasuresOf(directory)));
    await rm(directory, { recursive: true });
    expect(await bringBack({ erasures: list })).toMatchObject({ erasures: 1 });
    await expectForgotten();
  });

  it("wants a list where the log that knew them is damaged", async () => {
    await write(...interactions(0, 300), erasure("u3", 1_700_000_000_200));
    const list = join(home, "erasures.jsonl");
    await writeFile(list, erasureLines(await erasuresOf(directory)));
    await rm(directory, { recursive: true });
    await write(...interactions(0, 300));
    await backUp();
    const [segment] = (await readdir(join(directory, "log"))).filter((name) => name.endsWith(".log"));
    await damage(join(directory, "log", segment!), 500);
    expect(await failure(bringBack({ replace: true }))).toMatch(/^log_corrupt: .*--erasures FILE/);
    expect(await bringBack({ replace: true, erasures: list })).toMatchObject({ erasures: 1 });
    await expectForgotten();
  });

  it("names the line of a list that is none", async () => {
    await write(...interactions(0, 10));
    await backUp();
    const list = join(home, "list");
    await writeFile(list, '{"user":"u1","time":5}\n\n{"user":"u1"}\n');
    expect(await failure(bringBack({ directory: join(home, "new"), erasures: list }))).toMatch(
      /^invalid_request: .*list:3: /,
    );
    expect(await stat(join(home, "new")).catch(() => "none")).toBe("none");
  });

  async function expectForgotten(): Promise<void> {
    const theirs = interactions(0, 300).filter((one) => one.user === "u3" && one.time <= 1_700_000_000_200);
    const events = await eventsIn();
    expect(events.filter(({ kind }) => kind === "anonymous")).toHaveLength(theirs.length);
    const left = events.filter(
      (event) => "user" in event && event.user === "u3" && event.time <= 1_700_000_000_200,
    );
    expect(left.map(({ kind }) => kind)).toEqual(["erasure"]);
    const log = await openFileLog(join(directory, "log"), { clock: systemClock });
    expect(await log.append(theirs)).toMatchObject({ accepted: 0 });
    await log.close();
    expect([...(await erasuresOf(directory))]).toEqual([["u3", 1_700_000_000_200]]);
  }
});
