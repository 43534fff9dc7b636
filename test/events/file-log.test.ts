/** The file log under damage, failing disks, restarts and readers in other processes. */
import { appendFile, cp, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FileLogOptions, openFileLog } from "../../src/events/index.ts";
import { openSegmentFile } from "../../src/events/log-writer.ts";
import { failingDisk } from "./failing-disk.ts";
import { interaction, interactions, oneOfEach, readAll, readEvents } from "./make-events.ts";

const FIRST = "00000000000000000000.log";

let root: string;
let directory: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "upnext-file-log-"));
  directory = join(root, "log");
});

afterEach(() => rm(root, { recursive: true }));

/** Opens, does, closes. */
async function using<T>(
  path: string,
  use: (log: Awaited<ReturnType<typeof openFileLog>>) => Promise<T>,
  options?: FileLogOptions,
) {
  const log = await openFileLog(path, options);
  try {
    return await use(log);
  } finally {
    await log.close();
  }
}

/** Three commits of two events by a writer that was killed; returns where each frame begins, and the end. */
async function threeFrames(): Promise<number[]> {
  const path = join(directory, FIRST);
  const positions = await using(directory, async (log) => {
    const positions = [(await stat(path)).size];
    for (let n = 0; n < 6; n += 2) {
      await log.append(interactions(n, n + 2));
      positions.push((await stat(path)).size);
    }
    return positions;
  });
  await rm(join(directory, "end"));
  return positions;
}

async function flip(path: string, byte: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[byte]! ^= 0x40;
  await writeFile(path, bytes);
}

describe("a file log that is opened again", () => {
  it("has its events, and knows their ids", async () => {
    await using(directory, (log) => log.append(oneOfEach));
    await using(directory, async (log) => {
      expect(log.tail).toBeNull();
      expect(log.end).toBe(oneOfEach.length);
      expect(await log.append(oneOfEach)).toMatchObject({ accepted: 0, duplicates: oneOfEach.length });
      expect(await readEvents(log)).toEqual(oneOfEach);
    });
  });

  it("goes on over many segments, from their sidecars and without them", async () => {
    const options = { segmentBytes: 300 };
    for (let n = 0; n < 100; n += 10)
      await using(directory, (log) => log.append(interactions(n, n + 10)), options);
    const names = await readdir(directory);
    expect(names.filter((name) => name.endsWith(".log")).length).toBeGreaterThan(5);
    const sidecars = names.filter((name) => name.endsWith(".ids"));
    expect(sidecars.length).toBeGreaterThan(4);

    await rm(join(directory, sidecars[0]!));
    await flip(join(directory, sidecars[1]!), 60);
    await truncate(join(directory, sidecars[2]!), 30);
    await using(directory, async (log) => {
      expect(await log.append(interactions(0, 100))).toEqual({ offset: 100, accepted: 0, duplicates: 100 });
      expect(await readEvents(log, 35)).toEqual(interactions(35, 100));
    });
    const made = await readFile(join(directory, sidecars[1]!));
    await using(directory, async () => {});
    expect(await readFile(join(directory, sidecars[1]!))).toEqual(made);
  });

  it("takes a single call larger than a frame", async () => {
    const many = interactions(0, 150_000);
    await using(directory, async (log) => {
      const [large, small] = await Promise.all([
        log.append(many),
        log.append([interaction(5), interaction(-1)]),
      ]);
      expect(large).toMatchObject({ accepted: 150_000, duplicates: 0 });
      expect(small).toEqual({ offset: 150_001, accepted: 1, duplicates: 1 });
    });
    await using(directory, async (log) => {
      expect(await readAll(log, 149_990)).toHaveLength(11);
      expect((await log.append(many)).duplicates).toBe(150_000);
    });
  });

  it("ignores a segment that was only being made", async () => {
    await using(directory, (log) => log.append(interactions(0, 2)));
    await writeFile(join(directory, "00000000000000000002.log.tmp"), "UPNX");
    await using(directory, async (log) => expect(log.end).toBe(2));
    expect((await readdir(directory)).sort()).toEqual([FIRST, "end", "id"]);
  });

  it("says what is wrong with a path that cannot be a log", async () => {
    await writeFile(directory, "a file");
    await expect(openFileLog(directory)).rejects.toMatchObject({ code: "log_unavailable" });
  });
});

describe("a torn tail", () => {
  it("is cut at any byte of the last frame and said; everything before it stays", async () => {
    const positions = await threeFrames();
    const [last, end] = positions.slice(-2) as [number, number];
    for (let cut = last + 1; cut < end; cut++) {
      const copy = join(root, `cut-${cut}`);
      await cp(directory, copy, { recursive: true });
      await truncate(join(copy, FIRST), cut);
      await using(copy, async (log) => {
        expect(log.tail).toContain(`cut ${cut - last} bytes at byte ${last}`);
        expect(await readEvents(log)).toEqual(interactions(0, 4));
        // The lost events were never acknowledged: they come again, as new ones.
        expect(await log.append(interactions(3, 6))).toEqual({ offset: 6, accepted: 2, duplicates: 1 });
      });
      await using(copy, async (log) => {
        expect(log.tail).toBeNull();
        expect(await readEvents(log)).toEqual(interactions(0, 6));
      });
    }
  });

  it("may be zeros, noise, or a frame with any byte wrong", async () => {
    const positions = await threeFrames();
    const [last, end] = positions.slice(-2) as [number, number];
    const path = join(directory, FIRST);
    const whole = await readFile(path);
    const tails = [Buffer.alloc(100), Buffer.alloc(5000, 0xf5)];
    for (let byte = last; byte < end; byte++) {
      const wrong = Buffer.from(whole.subarray(last));
      wrong[byte - last]! ^= 0x40;
      tails.push(wrong);
    }
    for (const tail of tails) {
      await writeFile(path, Buffer.concat([whole.subarray(0, last), tail]));
      await using(directory, async (log) => {
        expect(log.tail).toContain(`cut ${tail.length} bytes at byte ${last}`);
        expect(await readEvents(log)).toEqual(interactions(0, 4));
        expect((await stat(path)).size).toBe(last);
      });
    }
  });
});

describe("the end of a log that was closed", () => {
  it("is where it was: what is missing there is refused, by writer and reader, and nothing is cut", async () => {
    const positions = await threeFrames();
    await using(directory, async () => {});
    const path = join(directory, FIRST);
    const whole = await readFile(path);
    const { length } = whole;
    // At a frame's end, in the last frame, and in the middle one.
    for (const cut of [positions[2]!, length - 1, positions[1]! + 20]) {
      await writeFile(path, whole.subarray(0, cut));
      for (const readOnly of [false, true]) {
        await expect(openFileLog(directory, { readOnly })).rejects.toMatchObject({
          code: "log_corrupt",
          message: expect.stringMatching(`${path}, byte .* but 6 events were durable`),
        });
      }
      expect((await stat(path)).size).toBe(cut);
    }
    await writeFile(path, whole);
    await using(directory, async (log) => expect(log.end).toBe(6));
  });

  it("is a lower bound after it was opened again: a tail that was torn later is cut", async () => {
    await threeFrames();
    await using(directory, async () => {});
    await appendFile(join(directory, FIRST), "half a frame");
    await using(directory, async (log) => {
      expect(log.tail).toContain("cut 12 bytes");
      expect(log.end).toBe(6);
    });
  });
});

describe("damage before the tail", () => {
  it("is refused with the file and the byte where the damaged frame begins, whichever byte it is", async () => {
    const [first, second, third] = (await threeFrames()) as [number, number, number];
    const path = join(directory, FIRST);
    for (let byte = first; byte < third; byte++) {
      await flip(path, byte);
      const at = byte < second ? first : second;
      for (const readOnly of [false, true]) {
        const refused = expect(openFileLog(directory, { readOnly })).rejects;
        await refused.toMatchObject({
          code: "log_corrupt",
          message: expect.stringContaining(`${path}, byte ${at}:`),
        });
      }
      await flip(path, byte);
    }
    await using(directory, async (log) => expect(log.end).toBe(6));
  });

  it("is refused in the header of a segment", async () => {
    const [first] = (await threeFrames()) as [number];
    for (let byte = 0; byte < first; byte++) {
      await flip(join(directory, FIRST), byte);
      await expect(openFileLog(directory)).rejects.toMatchObject({ code: "log_corrupt" });
      await flip(join(directory, FIRST), byte);
    }
  });

  it("is not what a log of another format version is: it is refused with both versions and the cure", async () => {
    await using(directory, (log) => log.append(oneOfEach));
    const path = join(directory, FIRST);
    for (const [version, wrote] of [
      [1, "an older"],
      [99, "a newer"],
    ] as const) {
      const bytes = await readFile(path);
      bytes.writeUInt32LE(version, 8);
      bytes.writeUInt32LE(crc32(bytes.subarray(0, 32)), 32);
      await writeFile(path, bytes);
      for (const readOnly of [false, true]) {
        await expect(openFileLog(directory, { readOnly })).rejects.toMatchObject({
          code: "log_corrupt",
          message: expect.stringMatching(
            `version 3, got version ${version}, which ${wrote} upnext wrote.*empty directory`,
          ),
        });
      }
      expect(await readFile(path)).toEqual(bytes);
    }
  });

  it("in a full segment is found when it is read, and at opening where the sidecar is missing", async () => {
    const options = { segmentBytes: 100 };
    await using(
      directory,
      async (log) => {
        for (let n = 0; n < 10; n++) await log.append([interaction(n)]);
      },
      options,
    );
    const path = join(directory, FIRST);
    await flip(path, 70);
    await using(directory, async (log) => {
      await expect(readAll(log)).rejects.toMatchObject({
        code: "log_corrupt",
        message: expect.stringContaining(path),
      });
      expect(await readEvents(log, 5)).toEqual(interactions(5, 10));
    });
    await rm(path.replace(".log", ".ids"));
    await expect(openFileLog(directory)).rejects.toMatchObject({ code: "log_corrupt" });
  });

  it("is a missing segment, at the beginning or in between", async () => {
    await using(
      directory,
      async (log) => {
        for (let n = 0; n < 10; n++) await log.append(interactions(n * 5, n * 5 + 5));
      },
      { segmentBytes: 300 },
    );
    const logs = (await readdir(directory)).filter((name) => name.endsWith(".log"));
    for (const name of [logs[0]!, logs[1]!]) {
      const copy = join(root, `without-${name}`);
      await cp(directory, copy, { recursive: true });
      await rm(join(copy, name));
      await expect(openFileLog(copy)).rejects.toMatchObject({ code: "log_corrupt" });
    }
  });
});

describe("a disk that fails", () => {
  it("rejects the calls of a failed write, takes them back, and goes on when there is room again", async () => {
    const { disk, openFile } = failingDisk();
    await using(
      directory,
      async (log) => {
        await log.append(interactions(0, 3));
        const { size } = await stat(join(directory, FIRST));
        disk.failing.add("write");
        const calls = [log.append(interactions(2, 5)), log.append(interactions(5, 6))];
        for (const call of calls) await expect(call).rejects.toMatchObject({ code: "log_unavailable" });
        expect((await stat(join(directory, FIRST))).size).toBe(size);
        expect(await readEvents(log)).toEqual(interactions(0, 3));
        disk.failing.clear();
        expect(await log.append(interactions(2, 6))).toEqual({ offset: 6, accepted: 3, duplicates: 1 });
      },
      { openFile },
    );
    await using(directory, async (log) => expect(await readEvents(log)).toEqual(interactions(0, 6)));
  });

  it("refuses to append after a failed sync until it is opened again; reading goes on", async () => {
    const { disk, openFile } = failingDisk();
    await using(
      directory,
      async (log) => {
        await log.append(interactions(0, 3));
        disk.failing.add("sync");
        await expect(log.append(interactions(3, 5))).rejects.toMatchObject({ code: "log_unavailable" });
        disk.failing.clear();
        await expect(log.append(interactions(3, 5))).rejects.toThrow(/open the log again/);
        expect(log.end).toBe(3);
        expect(await readEvents(log)).toEqual(interactions(0, 3));
      },
      { openFile },
    );
    await using(directory, async (log) => {
      expect(await log.append(interactions(3, 5))).toEqual({ offset: 5, accepted: 2, duplicates: 0 });
    });
  });

  it("refuses to append when what failed cannot be taken back", async () => {
    const { disk, openFile } = failingDisk();
    await using(
      directory,
      async (log) => {
        disk.failing.add("write").add("truncate");
        await expect(log.append(interactions(0, 5))).rejects.toMatchObject({ code: "log_unavailable" });
        disk.failing.clear();
        await expect(log.append(interactions(0, 5))).rejects.toThrow(/open the log again/);
      },
      { openFile },
    );
    await using(directory, async (log) =>
      expect(await log.append(interactions(0, 5))).toMatchObject({ accepted: 5 }),
    );
  });

  it("rejects a call of several frames whole, and takes the rest when it comes again", async () => {
    const { disk, openFile } = failingDisk();
    const many = interactions(0, 150_000);
    await using(
      directory,
      async (log) => {
        disk.onSync = () => disk.failing.add("write");
        const call = log.append(many);
        await expect(call).rejects.toMatchObject({ code: "log_unavailable" });
        disk.onSync = () => {};
        disk.failing.clear();
        const kept = log.end;
        expect(kept).toBeGreaterThan(0);
        expect(await log.append(many)).toEqual({
          offset: 150_000,
          accepted: 150_000 - kept,
          duplicates: kept,
        });
      },
      { openFile },
    );
  });

  it("rejects the waiting calls when no new segment can be made, and tries again", async () => {
    let fail = false;
    const openFile = async (path: string) => {
      if (fail) throw new Error("EMFILE");
      return openSegmentFile(path);
    };
    await using(
      directory,
      async (log) => {
        await log.append(interactions(0, 5));
        fail = true;
        await expect(log.append(interactions(5, 6))).rejects.toMatchObject({ code: "log_unavailable" });
        fail = false;
        expect(await log.append(interactions(5, 6))).toMatchObject({ offset: 6 });
        expect(await readEvents(log)).toEqual(interactions(0, 6));
      },
      { openFile, segmentBytes: 100 },
    );
  });

  it("leaves the other calls of a frame alone when an event cannot be stored", async () => {
    await using(directory, async (log) => {
      const bad = interaction(3, { item: "\udc00" as never });
      const calls = [
        log.append(interactions(0, 2)),
        log.append([interaction(2), bad]),
        log.append(interactions(2, 4)),
      ];
      await expect(calls[1]).rejects.toMatchObject({ code: "invalid_event" });
      expect(await calls[2]).toMatchObject({ offset: 4, accepted: 2 });
      expect(await readEvents(log)).toEqual(interactions(0, 4));
    });
  });
});

describe("a read-only log", () => {
  it("sees what the writer has added when it looks again, across segments", async () => {
    await using(
      directory,
      async (writer) => {
        await writer.append(interactions(0, 3));
        await using(
          directory,
          async (reader) => {
            expect(reader.end).toBe(3);
            for (let n = 3; n < 60; n += 3) {
              await writer.append(interactions(n, n + 3));
              expect(reader.end).toBe(n);
              expect(await reader.refresh()).toBe(n + 3);
              expect(await readEvents(reader, n)).toEqual(interactions(n, n + 3));
            }
            expect(await readEvents(reader)).toEqual(interactions(0, 60));
          },
          { readOnly: true },
        );
      },
      { segmentBytes: 300 },
    );
  });

  it("stops before a frame that is being written, and takes it when it is whole", async () => {
    const positions = await threeFrames();
    const path = join(directory, FIRST);
    const whole = await readFile(path);
    await truncate(path, positions[2]! + 20);
    await using(
      directory,
      async (reader) => {
        expect(reader.end).toBe(4);
        expect(await readEvents(reader)).toEqual(interactions(0, 4));
        await writeFile(path, whole);
        expect(await reader.refresh()).toBe(6);
      },
      { readOnly: true },
    );
  });

  it("only ever sees whole records, in order, while a writer appends", async () => {
    await using(
      directory,
      async (writer) => {
        await using(
          directory,
          async (reader) => {
            let done = false;
            const writing = (async () => {
              for (let n = 0; n < 300; n++) await writer.append(interactions(n * 10, n * 10 + 10));
              done = true;
            })();
            let seen = 0;
            for (let last = false; !last; ) {
              last = done;
              await Promise.all([reader.refresh(), reader.refresh()]);
              for (const { offset, event } of await readAll(reader, seen)) {
                expect(offset).toBe(seen++);
                expect(event.id).toBe(`e${offset}`);
              }
            }
            await writing;
            expect(seen).toBe(3000);
          },
          { readOnly: true },
        );
      },
      { segmentBytes: 20_000 },
    );
  });

  it("refuses to append, and a directory that does not exist", async () => {
    await expect(openFileLog(directory, { readOnly: true })).rejects.toMatchObject({
      code: "data_not_found",
    });
    await using(directory, async () => {});
    await using(
      directory,
      async (log) => {
        await expect(log.append([])).rejects.toMatchObject({ code: "read_only" });
      },
      { readOnly: true },
    );
  });
});
