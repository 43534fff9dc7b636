/** Retention: the oldest segments go, their ids stay, and whoever is killed in between leaves a log that opens. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EpochMs, Offset, UserId } from "../../src/core/index.ts";
import { type FileLog, type FileLogOptions, openFileLog } from "../../src/events/index.ts";
import { interaction, interactions, readAll, readEvents } from "./make-events.ts";
import { usingLogs } from "./using-logs.ts";

const SMALL = { segmentBytes: 500 };

let root: string;
let directory: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "upnext-retention-"));
  directory = join(root, "log");
});

afterEach(() => rm(root, { recursive: true }));

const using = usingLogs(SMALL);

/** A hundred events in segments of twenty: one at 0, 20, 40, 60, 80, and the active one at 100. */
async function hundred(use: (log: FileLog) => Promise<void>, options: FileLogOptions = SMALL) {
  await using(
    directory,
    async (log) => {
      for (let n = 0; n < 100; n += 20) {
        await log.append(interactions(n, n + 20));
        await log.rotate();
      }
      expect(log.segments.map(({ base, end, sealed }) => [base, end, sealed])).toEqual([
        [0, 20, true],
        [20, 40, true],
        [40, 60, true],
        [60, 80, true],
        [80, 100, true],
        [100, 100, false],
      ]);
      await use(log);
    },
    { ...options, segmentBytes: 100_000 },
  );
}

const names = async (extension: string, path = directory) =>
  (await readdir(path)).filter((name) => name.endsWith(extension)).map((name) => Number(name.slice(0, 20)));

describe("dropping the oldest segments", () => {
  it("deletes those that lie wholly before the offset; the others stay, and reading begins with them", async () => {
    await hundred(async (log) => {
      const bytes = log.segments[0]!.bytes + log.segments[1]!.bytes;
      expect(await log.dropBefore(19 as Offset)).toEqual({ segments: 0, bytes: 0 });
      expect(await log.dropBefore(59 as Offset)).toEqual({ segments: 2, bytes });
      expect(log.first).toBe(40);
      expect(log.end).toBe(100);
      for (const from of [0, 39, 40, 41, 99]) {
        const read = await readAll(log, from);
        expect(read[0]).toEqual({ offset: Math.max(40, from), event: interaction(Math.max(40, from)) });
        expect(read).toHaveLength(100 - Math.max(40, from));
      }
      expect(await names(".log")).toEqual([40, 60, 80, 100]);
      expect((await log.verify()).problems).toEqual([]);
    });
  });

  it("never deletes the active segment", async () => {
    await hundred(async (log) => {
      await log.append(interactions(100, 105));
      expect((await log.dropBefore(1000 as Offset)).segments).toBe(5);
      expect(log.first).toBe(100);
      expect(await readEvents(log)).toEqual(interactions(100, 105));
    });
  });

  it("knows the ids of what was dropped, also when it is opened again, and again", async () => {
    await hundred(async (log) => {
      await log.dropBefore(60 as Offset);
      expect((await log.append(interactions(0, 101))).accepted).toBe(1);
      await log.rotate();
      await log.dropBefore(100 as Offset);
    });
    for (let n = 1; n < 4; n++) {
      await using(directory, async (log) => {
        expect(log.warnings).toEqual([]);
        expect(log.first).toBe(100);
        expect(await log.append(interactions(0, 101 + n))).toMatchObject({
          accepted: 1,
          duplicates: 100 + n,
        });
        expect((await log.verify()).problems).toEqual([]);
      });
    }
  });

  it("makes a sidecar again that is missing or damaged, before its segment goes", async () => {
    await hundred(async (log) => {
      await log.compact(new Map(), log.end);
      await writeFile(join(directory, "00000000000000000000.ids"), "damaged");
      await rm(join(directory, "00000000000000000020.ids"));
      expect((await log.dropBefore(40 as Offset)).segments).toBe(2);
    });
    await using(directory, async (log) => {
      expect(log.warnings).toEqual([]);
      expect((await log.append(interactions(0, 100))).duplicates).toBe(100);
    });
  });

  it("says which ids are not known any more where a sidecar is missing or damaged, and goes on", async () => {
    await hundred(async (log) => {
      await log.dropBefore(80 as Offset);
    });
    await rm(join(directory, "00000000000000000020.ids"));
    const damaged = join(directory, "00000000000000000060.ids");
    const bytes = await readFile(damaged);
    bytes[bytes.length - 9]! ^= 1;
    await writeFile(damaged, bytes);
    await using(directory, async (log) => {
      expect(log.warnings).toEqual([
        expect.stringContaining("the ids of events 20 to 39, which retention has dropped, are not known"),
        expect.stringContaining("the ids of events 60 to 79, which retention has dropped, are not known"),
      ]);
      expect((await log.verify()).problems.map(({ message }) => message)).toEqual(log.warnings);
      expect(await log.append(interactions(0, 100))).toMatchObject({ accepted: 40, duplicates: 60 });
    });
  });

  it("leaves a read that is under way in a dropped segment with an error that says so, never with a gap", async () => {
    // A batch is at most 2048 events: several are left when the first is taken.
    const options = { segmentBytes: 100_000 };
    await using(
      directory,
      async (log) => {
        for (let n = 0; n < 20_000; n += 2000) await log.append(interactions(n, n + 2000));
        expect(log.segments.length).toBeGreaterThan(4);
        await using(
          directory,
          async (reader) => {
            const readings = [log, reader].map((one) => one.read(0 as Offset)[Symbol.asyncIterator]());
            for (const reading of readings) await reading.next();
            await log.dropBefore(15_000 as Offset);
            for (const reading of readings) {
              const rest = async () => {
                while (!(await reading.next()).done);
              };
              await expect(rest()).rejects.toMatchObject({
                code: "log_unavailable",
                message: expect.stringContaining("retention"),
              });
            }
            expect(reader.first).toBe(0);
            await reader.refresh();
            expect(reader.first).toBe(log.first);
            expect(await readAll(reader)).toEqual(await readAll(log));
          },
          { readOnly: true },
        );
      },
      options,
    );
  });

  it("is followed by a reader that has slept through it all", async () => {
    await using(directory, async (log) => {
      await log.append(interactions(0, 3));
      await using(
        directory,
        async (reader) => {
          for (let n = 3; n < 90; n += 3) await log.append(interactions(n, n + 3));
          await log.dropBefore(60 as Offset);
          expect(await reader.refresh()).toBe(90);
          expect(reader.first).toBe(log.first);
          expect(await readAll(reader)).toEqual(await readAll(log));
        },
        { readOnly: true },
      );
      await using(directory, async (reader) => expect(reader.first).toBe(log.first), { readOnly: true });
    });
  });

  it("may be killed after any of its steps, and whatever of its deletions has reached the disk", async () => {
    const copies: string[] = [];
    const onStep = async () => {
      const copy = join(root, `killed-${copies.length}`);
      copies.push(copy);
      await cp(directory, copy, { recursive: true });
      await rm(join(copy, "lock"));
    };
    const untouched = join(root, "untouched");
    await hundred(
      async (log) => {
        await cp(directory, untouched, { recursive: true });
        await log.dropBefore(70 as Offset);
      },
      { onStep },
    );
    // A power cut may keep the later deletions and lose the earlier ones.
    for (const gone of [[1], [2], [0, 2], [1, 2]]) {
      const copy = join(root, `cut-${gone.join("-")}`);
      copies.push(copy);
      await cp(copies[1]!, copy, { recursive: true });
      for (const n of gone) await rm(join(copy, `${String(n * 20).padStart(20, "0")}.log`));
    }
    expect(copies).toHaveLength(9);
    for (const [n, copy] of copies.entries()) {
      const begins = n === 0 ? 0 : 60;
      await using(
        copy,
        async (reader) => {
          expect(reader.first).toBe(begins);
          expect(await readEvents(reader)).toEqual(interactions(begins, 100));
        },
        { readOnly: true },
      );
      await using(copy, async (log) => {
        expect(log.first).toBe(begins);
        expect(log.warnings).toEqual([]);
        // What should have been deleted is, by now.
        expect((await names(".log", copy))[0]).toBe(begins);
        expect(await readEvents(log)).toEqual(interactions(begins, 100));
        expect((await log.append(interactions(0, 100))).duplicates).toBe(100);
        expect((await log.verify()).problems).toEqual([]);
        await log.dropBefore(70 as Offset);
        expect(log.first).toBe(60);
      });
    }
  });

  it("is not an excuse for a segment that is missing otherwise", async () => {
    await hundred(async (log) => {
      await log.dropBefore(40 as Offset);
    });
    for (const name of ["00000000000000000040.log", "00000000000000000060.log", "first"]) {
      const copy = join(root, `without-${name}`);
      await cp(directory, copy, { recursive: true });
      await rm(join(copy, name));
      await expect(openFileLog(copy)).rejects.toMatchObject({ code: "log_corrupt" });
      // A reader opens without looking into full segments; it finds out where it reads.
      const reading = using(copy, (reader) => readAll(reader), { readOnly: true });
      await expect(reading).rejects.toMatchObject({ code: "log_corrupt" });
    }
  });

  it("is not an excuse for all segments missing, nor is it that nothing was dropped: no new log is begun", async () => {
    await hundred(async () => {});
    await cp(directory, join(root, "undropped"), { recursive: true });
    await using(directory, (log) => log.dropBefore(40 as Offset));
    for (const path of [directory, join(root, "undropped")]) {
      for (const name of await readdir(path)) if (name.endsWith(".log")) await rm(join(path, name));
      await expect(openFileLog(path)).rejects.toMatchObject({ code: "log_corrupt" });
      expect(await names(".log", path)).toEqual([]);
    }
  });

  it("goes together with compaction", async () => {
    await hundred(async (log) => {
      const compacting = log.compact(new Map([["u3" as UserId, Infinity]]), log.end);
      const dropping = log.dropBefore(40 as Offset);
      expect((await compacting).events).toBe(14);
      expect((await dropping).segments).toBe(2);
      expect((await log.verify()).problems).toEqual([]);
      expect((await readEvents(log)).filter(({ kind }) => kind === "anonymous")).toHaveLength(8);
    });
  });
});

describe("the newest time of a segment", () => {
  it("is known of sealed segments, whoever asks and whether or not there is a sidecar", async () => {
    const times = new Map([0, 20, 40, 60, 80].map((base) => [base, 1_700_000_000_000 + base + 19]));
    await hundred(async (log) => {
      await log.append([interaction(100)]);
      expect(await log.newestTimes()).toEqual(times);
      await using(directory, async (reader) => expect(await reader.newestTimes()).toEqual(times), {
        readOnly: true,
      });
    });
    await rm(join(directory, "00000000000000000040.ids"));
    for (const readOnly of [true, false])
      await using(directory, async (log) => expect(await log.newestTimes()).toEqual(times), { readOnly });
  });

  it("is that of the newest event, not of the last, and an event that could not be stored has none", async () => {
    await using(directory, async (log) => {
      const late = interaction(2, { time: 5 as EpochMs });
      await log.append([interaction(1), late]);
      const bad = interaction(3, { time: 9e14 as EpochMs, item: "\udc00" as never });
      await expect(log.append([bad])).rejects.toMatchObject({ code: "invalid_event" });
      await log.rotate();
      expect(await log.newestTimes()).toEqual(new Map([[0, interaction(1).time]]));
    });
  });

  it("is forgotten with its segment, and the same after compaction", async () => {
    await hundred(async (log) => {
      const before = await log.newestTimes();
      await log.compact(new Map([["u3" as UserId, Infinity]]), log.end);
      expect(await log.newestTimes()).toEqual(before);
      await log.dropBefore(40 as Offset);
      expect([...(await log.newestTimes()).keys()]).toEqual([40, 60, 80]);
    });
  });
});
