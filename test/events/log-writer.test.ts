/** The writer under pressure and on bad disks: what it refuses, what it says about itself, when it goes on. */
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Offset, UserId } from "../../src/core/index.ts";
import { type FileLog, type FileLogOptions, openFileLog } from "../../src/events/index.ts";
import { failingDisk } from "./failing-disk.ts";
import { interaction, interactions, readEvents } from "./make-events.ts";

let root: string;
let directory: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "upnext-log-writer-"));
  directory = join(root, "log");
});

afterEach(() => rm(root, { recursive: true }));

async function using<T>(use: (log: FileLog) => Promise<T>, options: FileLogOptions = {}) {
  const log = await openFileLog(directory, options);
  try {
    return await use(log);
  } finally {
    await log.close();
  }
}

/** Resolves when `condition` holds, asked often for at most `limit` ms. */
async function until(condition: () => boolean, limit = 10_000): Promise<void> {
  for (let waited = 0; !condition(); waited += 20) {
    if (waited > limit) throw new Error("it did not come about");
    await setTimeout(20);
  }
}

describe("back-pressure", () => {
  it("rejects a call at once where too many events wait, and takes calls again when they are durable", async () => {
    const { disk, openFile } = failingDisk();
    await using(
      async (log) => {
        let release = () => {};
        disk.held = new Promise((resolve) => {
          release = resolve;
        });
        const waiting = [log.append(interactions(0, 4)), log.append(interactions(4, 10))];
        await setTimeout(20);
        const began = performance.now();
        await expect(log.append([interaction(10)])).rejects.toMatchObject({
          code: "log_busy",
          message: expect.stringMatching(/at most 10 events .* while 10 events of about 4000 bytes wait/),
        });
        expect(performance.now() - began).toBeLessThan(1000);
        expect(log.problem).toBeNull();
        release();
        expect((await Promise.all(waiting)).map(({ offset }) => offset)).toEqual([10, 10]);
        expect(await log.append(interactions(10, 20))).toMatchObject({ accepted: 10 });
        expect(await readEvents(log)).toEqual(interactions(0, 20));
      },
      { openFile, waiting: { events: 10, bytes: 1e9 } },
    );
  });

  it("counts bytes as well as events, and lets go of what was rejected", async () => {
    const { disk, openFile } = failingDisk();
    await using(
      async (log) => {
        for (let round = 0; round < 3; round++) {
          disk.failing.add("write");
          const [first, second, third] = [0, 1, 2].map((n) => log.append([interaction(n)]));
          await expect(third).rejects.toMatchObject({ code: "log_busy" });
          for (const failed of [first, second])
            await expect(failed).rejects.toMatchObject({ code: "log_unavailable" });
          await expect(log.append([interaction(9, { item: "\udc00" as never })])).rejects.toMatchObject({
            code: "invalid_event",
          });
        }
        disk.failing.clear();
        expect(await log.append([interaction(1)])).toMatchObject({ offset: 1 });
      },
      { openFile, waiting: { events: 1000, bytes: 800 } },
    );
  });

  it("takes a single call of any size where nothing waits, and bounds what waits behind it", async () => {
    await using(
      async (log) => {
        const large = log.append(interactions(0, 1000));
        await expect(log.append([interaction(-1)])).rejects.toMatchObject({ code: "log_busy" });
        expect(await large).toMatchObject({ accepted: 1000 });
        expect(await log.append([])).toMatchObject({ offset: 1000 });
      },
      { waiting: { events: 10, bytes: 1e9 } },
    );
  });

  it("lets no call wait for company: each commit takes what has come until then", async () => {
    const { disk, openFile } = failingDisk();
    let commits = 0;
    disk.onSync = () => commits++;
    await using(
      async (log) => {
        for (let n = 0; n < 5; n++) await log.append([interaction(n)]);
        expect(commits).toBe(5);
        await Promise.all(Array.from({ length: 500 }, (_, n) => log.append([interaction(5 + n)])));
        expect(commits).toBeLessThanOrEqual(7);
      },
      { openFile },
    );
  });
});

describe("the writer's problem", () => {
  it("is a write that fails, until an append succeeds; reading goes on", async () => {
    const { disk, openFile } = failingDisk();
    await using(
      async (log) => {
        await log.append(interactions(0, 3));
        expect(log.problem).toBeNull();
        disk.failing.add("write");
        await expect(log.append(interactions(3, 6))).rejects.toMatchObject({ code: "log_unavailable" });
        expect(log.problem).toMatch(/cannot write .*no space left.*Free space/);
        expect(await readEvents(log)).toEqual(interactions(0, 3));
        disk.failing.clear();
        await log.append(interactions(3, 6));
        expect(log.problem).toBeNull();
      },
      { openFile },
    );
  });

  it("ends with its cause, also where nobody appends any more", async () => {
    const { disk, openFile } = failingDisk();
    await using(
      async (log) => {
        await log.append(interactions(0, 3));
        const { size } = await stat(log.segments[0]!.path);
        disk.failing.add("write");
        await expect(log.append(interactions(3, 6))).rejects.toMatchObject({ code: "log_unavailable" });
        // It is tried each second, and still fails.
        await setTimeout(1300);
        expect(log.problem).toContain("cannot write");
        expect((await stat(log.segments[0]!.path)).size).toBe(size);
        disk.failing.clear();
        await until(() => log.problem === null);
        expect((await stat(log.segments[0]!.path)).size).toBe(size);
        expect(await log.append(interactions(3, 6))).toMatchObject({ offset: 6 });
      },
      { openFile },
    );
    await using(async (log) => expect(await readEvents(log)).toEqual(interactions(0, 6)));
  });

  it("is a sync that failed, for good: nothing is acknowledged, compacted or dropped until it is opened again", async () => {
    const { disk, openFile } = failingDisk();
    await using(
      async (log) => {
        await log.append(interactions(0, 3));
        disk.failing.add("sync");
        await expect(log.append(interactions(3, 5))).rejects.toMatchObject({ code: "log_unavailable" });
        disk.failing.clear();
        await setTimeout(1300);
        expect(log.problem).toMatch(/cannot sync .*open the log again/);
        await expect(log.append([interaction(9)])).rejects.toMatchObject({ code: "log_unavailable" });
        await expect(log.rotate()).rejects.toMatchObject({ code: "log_unavailable" });
        await expect(log.compact(new Map(), log.end)).rejects.toMatchObject({ code: "log_unavailable" });
        await expect(log.dropBefore(log.end)).rejects.toMatchObject({ code: "log_unavailable" });
        expect(await readEvents(log)).toEqual(interactions(0, 3));
        expect((await log.verify()).problems).toEqual([]);
      },
      { openFile },
    );
    await using(async (log) => {
      expect(log.problem).toBeNull();
      expect(await log.append(interactions(3, 5))).toMatchObject({ offset: 5, accepted: 2 });
    });
  });

  it("is a lock that another process has taken, and then the end mark is the other's to write", async () => {
    const log = await openFileLog(directory, { lockBeatMs: 20 });
    await log.append(interactions(0, 3));
    const mark = await readFile(join(directory, "end"), "utf8");
    await writeFile(join(directory, "lock"), "{}");
    await until(() => log.problem !== null);
    expect(log.problem).toContain("has taken the lock");
    await expect(log.append([interaction(4)])).rejects.toMatchObject({ code: "log_unavailable" });
    await log.close();
    expect(await readFile(join(directory, "end"), "utf8")).toBe(mark);
    await rm(join(directory, "lock"));
  });

  it("is a segment that cannot be begun, and that is tried again too", async () => {
    const { openFile } = failingDisk();
    let failing = false;
    const opening = async (path: string) => {
      if (failing) throw new Error("EMFILE: too many open files");
      return openFile(path);
    };
    await using(
      async (log) => {
        await log.append(interactions(0, 5));
        failing = true;
        await expect(log.rotate()).rejects.toMatchObject({ code: "log_unavailable" });
        expect(log.problem).toContain("cannot make a segment");
        await expect(log.append([interaction(5)])).rejects.toMatchObject({ code: "log_unavailable" });
        failing = false;
        await until(() => log.problem === null);
        expect(log.segments).toHaveLength(2);
      },
      { openFile: opening, segmentBytes: 100 },
    );
  });
});

describe("rotation", () => {
  it("begins a segment in its turn among the appends, and none where the last one is empty", async () => {
    await using(async (log) => {
      await log.rotate();
      expect(log.segments).toHaveLength(1);
      const calls = [
        log.append(interactions(0, 3)),
        log.rotate(),
        log.append(interactions(3, 5)),
        log.rotate(),
      ];
      await Promise.all(calls);
      await log.rotate();
      expect(log.segments.length).toBeLessThanOrEqual(3);
      expect(log.segments.at(-1)).toMatchObject({ base: 5, end: 5, sealed: false });
      expect(await readEvents(log)).toEqual(interactions(0, 5));
    });
    await using(async (log) => expect(log.end).toBe(5));
  });
});

describe("the id of a log", () => {
  it("is made once, is another's for another log, and is new where it was taken away", async () => {
    const id = await using(async (log) => log.id);
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    await using(async (log) => {
      expect(log.id).toBe(id);
      await using(async (reader) => expect(reader.id).toBe(id), { readOnly: true });
    });
    await rm(join(directory, "id"));
    await using(async (reader) => expect(reader.id).toBe(""), { readOnly: true });
    const other = await using(async (log) => log.id);
    expect(other).toMatch(/^[0-9a-f]{32}$/);
    expect(other).not.toBe(id);
  });

  it("is learned by a reader who was there before the writer", async () => {
    await mkdir(directory);
    await using(
      async (reader) => {
        expect(reader.id).toBe("");
        await using(async (log) => {
          await reader.refresh();
          expect(reader.id).toBe(log.id);
        });
      },
      { readOnly: true },
    );
  });
});

/** A file system of four megabytes, where one may be made; says why not otherwise. */
function smallDisk(path: string): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "only root can mount";
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "none", path], {
    encoding: "utf8",
  });
  return status === 0 ? undefined : `no tmpfs can be mounted here: ${stderr}`;
}

describe("a disk that is full indeed", () => {
  it("stops acknowledgements at once and says so; reads go on, and appends when retention has made room", async (test) => {
    const mounted = join(root, "small");
    await mkdir(mounted);
    const reason = smallDisk(mounted);
    if (reason !== undefined) return test.skip(reason);
    directory = join(mounted, "log");
    try {
      let acknowledged = 0;
      let first = 0;
      await using(
        async (log) => {
          const ballast = join(mounted, "ballast");
          await writeFile(ballast, Buffer.alloc(2_000_000));
          const filling = async () => {
            for (;;) ({ offset: acknowledged } = await log.append(interactions(log.end, log.end + 1000)));
          };
          await expect(filling()).rejects.toMatchObject({ code: "log_unavailable" });
          expect(acknowledged).toBeGreaterThan(10_000);
          expect(log.problem).toContain("ENOSPC");
          expect(log.end).toBe(acknowledged);
          expect(await readEvents(log)).toEqual(interactions(0, acknowledged));
          // Nor can segments be written anew; nothing is left of the attempt.
          const compacting = log.compact(new Map([["u3" as UserId, Infinity]]), log.end);
          await expect(compacting).rejects.toMatchObject({ code: "log_unavailable" });
          expect((await readdir(directory)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
          await setTimeout(1300);
          expect(log.problem).toContain("ENOSPC");
          // Retention helps, where it may.
          const { segments, bytes } = await log.dropBefore((acknowledged / 2) as Offset);
          expect(segments).toBeGreaterThan(1);
          expect(bytes).toBeGreaterThan(300_000);
          await until(() => log.problem === null);
          await log.append(interactions(acknowledged, acknowledged + 1000));
          acknowledged += 1000;
          await rm(ballast);
          first = log.first;
          expect((await log.compact(new Map([["u3" as UserId, Infinity]]), log.end)).events).toBeGreaterThan(
            1000,
          );
        },
        { segmentBytes: 300_000 },
      );
      await using(async (log) => {
        expect(log.first).toBe(first);
        const expected = interactions(first, acknowledged).map((event) =>
          event.user === "u3" ? "anonymous" : event.id,
        );
        const found = await readEvents(log);
        expect(found.map((event) => (event.kind === "anonymous" ? "anonymous" : event.id))).toEqual(expected);
        expect((await log.verify()).problems).toEqual([]);
      });
    } finally {
      spawnSync("umount", [mounted]);
    }
  });
});
