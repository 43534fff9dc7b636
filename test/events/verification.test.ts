/** The integrity check: it finds every kind of damage, says where, goes on behind it, and says nothing where all is well. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { UserId } from "../../src/core/index.ts";
import { type FileLog, openFileLog } from "../../src/events/index.ts";
import { writeNote } from "../../src/events/note-file.ts";
import { interactions, oneOfEach } from "./make-events.ts";

let root: string;
let directory: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "upnext-verification-"));
  directory = join(root, "log");
});

afterEach(() => rm(root, { recursive: true }));

async function using<T>(use: (log: FileLog) => Promise<T>, readOnly = false) {
  const log = await openFileLog(directory, { readOnly });
  try {
    return await use(log);
  } finally {
    await log.close();
  }
}

/** Sealed segments at 0, 20 and 40, and an active one with ten events at 60. */
async function seventy(): Promise<void> {
  await using(async (log) => {
    for (let n = 0; n < 60; n += 20) {
      await log.append(interactions(n, n + 10));
      await log.append(interactions(n + 10, n + 20));
      await log.rotate();
    }
    await log.append(interactions(60, 70));
  });
}

const logAt = (base: number) => join(directory, `${String(base).padStart(20, "0")}.log`);
const idsAt = (base: number) => join(directory, `${String(base).padStart(20, "0")}.ids`);

async function edit(path: string, change: (bytes: Buffer) => Buffer): Promise<void> {
  await writeFile(path, change(await readFile(path)));
}

/** Changes a bit of a byte, counted from the end where it is negative. */
async function flip(path: string, byte: number): Promise<void> {
  await edit(path, (bytes) => {
    const at = (byte + bytes.length) % bytes.length;
    bytes[at]! ^= 1;
    return bytes;
  });
}

/** The problems that a running log finds, which it had opened before the damage was done. */
async function problemsAfter(damage: () => Promise<void>) {
  return using(async (log) => {
    expect((await log.verify()).problems).toEqual([]);
    await damage();
    return (await log.verify()).problems;
  });
}

describe("verification", () => {
  it("finds nothing in a whole log, of every kind of event, empty, active, sealed, compacted, read-only", async () => {
    await using(async (log) => {
      expect(await log.verify()).toEqual({ segments: 1, events: 0, bytes: 36, problems: [] });
      await log.append(oneOfEach);
      await log.append(interactions(0, 5000));
      await log.rotate();
      await log.append(interactions(5000, 5005));
      await log.compact(new Map([["u3" as UserId, Infinity]]), log.end);
      const bytes = log.segments.reduce((sum, segment) => sum + segment.bytes, 0);
      const expected = {
        segments: log.segments.length,
        events: 5005 + oneOfEach.length - 1,
        bytes,
        problems: [],
      };
      expect(await log.verify()).toEqual({ ...expected, events: log.end });
      await using(
        async (reader) => expect(await reader.verify()).toEqual({ ...expected, events: log.end }),
        true,
      );
    });
  });

  it("says where a frame of a sealed segment is damaged, and goes on with the next segment", async () => {
    await seventy();
    const problems = await problemsAfter(async () => {
      await flip(logAt(0), 100);
      await flip(logAt(40), -1);
    });
    expect(problems).toEqual([
      { path: logAt(0), message: expect.stringMatching(/^byte 36: a frame does not match its checksum/) },
      {
        path: logAt(40),
        message: expect.stringMatching(/^byte \d\d\d+: a frame does not match its checksum/),
      },
    ]);
  });

  it("says of segments that they are too short, too long, gone, of another log, or in another's place", async () => {
    await seventy();
    const damages: [() => Promise<unknown>, RegExp[]][] = [
      [() => edit(logAt(0), (bytes) => bytes.subarray(0, 60)), [/a frame is cut off/]],
      [() => edit(logAt(0), (bytes) => bytes.subarray(0, 36)), [/ends after 0 events, expected 20/]],
      [() => edit(logAt(0), (bytes) => Buffer.concat([bytes, Buffer.from("x")])), [/got 1 more bytes/]],
      [() => rm(logAt(20)), [/no such file/]],
      [() => cp(logAt(0), logAt(20)), [/the file's name says 20, its header 0/]],
      [
        () =>
          edit(logAt(20), (bytes) => {
            bytes.writeUInt32LE(7, 24);
            bytes.writeUInt32LE(crc32(bytes.subarray(0, 32)), 32);
            return bytes;
          }),
        [/of another log/, /does not hold the ids/],
      ],
      [
        () =>
          edit(logAt(40), (bytes) => {
            bytes.writeUInt32LE(99, 8);
            bytes.writeUInt32LE(crc32(bytes.subarray(0, 32)), 32);
            return bytes;
          }),
        [/got version 99/],
      ],
    ];
    const whole = join(root, "whole");
    await cp(directory, whole, { recursive: true });
    for (const [damage, expected] of damages) {
      const problems = await problemsAfter(async () => void (await damage()));
      expect(problems.map(({ message }) => message)).toEqual(
        expected.map((text) => expect.stringMatching(text)),
      );
      await rm(directory, { recursive: true });
      await cp(whole, directory, { recursive: true });
    }
  });

  it("finds records that are nonsense under a checksum that fits, and ids that are there twice", async () => {
    await seventy();
    const reseal = (bytes: Buffer) => {
      const end = 36 + 16 + bytes.readUInt32LE(36 + 8);
      bytes.writeUInt32LE(crc32(bytes.subarray(36 + 8, end)), 36 + 4);
      return bytes;
    };
    const problems = await problemsAfter(async () => {
      await edit(logAt(0), (bytes) => {
        bytes[52] = 77;
        return reseal(bytes);
      });
      // The frame begins with e20: it takes the id of another event.
      await edit(logAt(20), (bytes) => {
        const at = bytes.indexOf("e20");
        bytes.write("e61", at);
        return reseal(bytes);
      });
    });
    expect(problems).toEqual([
      { path: logAt(0), message: expect.stringContaining("is not readable") },
      { path: idsAt(20), message: expect.stringContaining("does not hold the ids of its segment") },
      { path: logAt(60), message: "1 events have the id of an earlier one" },
    ]);
  });

  it("finds damaged sidecars, which opening would make again, and leaves them", async () => {
    await seventy();
    const problems = await problemsAfter(async () => {
      await flip(idsAt(0), 60);
      await cp(idsAt(0), idsAt(20));
      await rm(idsAt(40));
    });
    expect(problems.map(({ path }) => path)).toEqual([idsAt(0), idsAt(20)]);
    expect((await using((log) => log.verify())).problems).toEqual([]);
  });

  it("finds small files that are damaged, missing, or ahead of the log", async () => {
    await seventy();
    const problems = await problemsAfter(async () => {
      await rm(join(directory, "id"));
      await writeFile(join(directory, "end"), "end 70 0badbeef\n");
      await writeNote(join(directory, "compacted"), "71");
    });
    expect(problems).toEqual([
      { path: join(directory, "id"), message: "the file is missing" },
      { path: join(directory, "compacted"), message: expect.stringContaining("at most 70, got 71") },
      { path: join(directory, "end"), message: expect.stringContaining("that matches its checksum") },
    ]);
  });

  it("tells how far it is, and ends when the log is closed", async () => {
    await seventy();
    const log = await openFileLog(directory);
    const seen: number[] = [];
    const progress = {
      step: (_: string, total?: number) => seen.push(-total!),
      update: (n: number) => seen.push(n),
      note() {},
    };
    const { bytes } = await log.verify(progress as never);
    expect(seen).toHaveLength(5);
    expect(seen[0]).toBe(-bytes);
    expect(seen.at(-1)).toBe(bytes);
    const verifying = expect(log.verify()).rejects.toMatchObject({ code: "log_closed" });
    await log.close();
    await verifying;
  });

  it("goes on beside appends and rotations, of what was there when it began", async () => {
    await using(async (log) => {
      await log.append(interactions(0, 3000));
      const verifying = log.verify();
      for (let n = 3000; n < 3100; n += 10) {
        await log.append(interactions(n, n + 10));
        await log.rotate();
      }
      expect(await verifying).toMatchObject({ problems: [], events: 3000 });
    });
  });
});
