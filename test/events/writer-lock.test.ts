import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openFileLog } from "../../src/events/index.ts";
import { interaction } from "./make-events.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "upnext-lock-"));
});

afterEach(() => rm(directory, { recursive: true }));

const lockPath = () => join(directory, "lock");

/** The lock that this process would write, with changes. */
async function lockWith(changes: Record<string, unknown>): Promise<void> {
  const log = await openFileLog(directory);
  const holder = JSON.parse(await readFile(lockPath(), "utf8"));
  await log.close();
  await writeFile(lockPath(), JSON.stringify({ ...holder, ...changes }));
}

async function age(seconds: number): Promise<void> {
  const then = Date.now() / 1000 - seconds;
  await utimes(lockPath(), then, then);
}

describe("the lock of a log", () => {
  it("refuses a second writer, names the first and the cure, and is free after close", async () => {
    const log = await openFileLog(directory);
    const refused = openFileLog(directory);
    await expect(refused).rejects.toMatchObject({ code: "log_locked" });
    await expect(refused).rejects.toThrow(
      new RegExp(`process ${process.pid} .*Stop it or open the log read-only`),
    );
    await log.close();
    expect(await readdir(directory)).not.toContain("lock");
    await (await openFileLog(directory)).close();
  });

  it("lets one of many writers that come at once have it", async () => {
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => openFileLog(directory)));
    const logs = results.filter((result) => result.status === "fulfilled");
    expect(logs).toHaveLength(1);
    for (const { value } of logs) await value.close();
  });

  it("of a dead process is taken over by one of many writers that come at once", async () => {
    for (let round = 0; round < 20; round++) {
      await lockWith({ started: "1" });
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => openFileLog(directory)));
      const logs = results.filter((result) => result.status === "fulfilled");
      expect(logs).toHaveLength(1);
      for (const { value } of logs) await value.close();
      expect((await readdir(directory)).filter((name) => name.startsWith("lock"))).toEqual([]);
    }
  });

  it("is taken over although someone died while taking it over", async () => {
    await lockWith({ started: "1" });
    const guard = `${lockPath()}.takeover`;
    await writeFile(guard, "");
    const then = Date.now() / 1000 - 60;
    await utimes(guard, then, then);
    await (await openFileLog(directory)).close();
  });

  it("is taken over at once where who died while taking it over has ended", async () => {
    const child = spawn(process.execPath, ["-e", ""]);
    await once(child, "exit");
    await lockWith({ pid: child.pid });
    await writeFile(`${lockPath()}.takeover`, await readFile(lockPath()));
    await (await openFileLog(directory)).close();
  });

  it("is taken over from a process that has ended", async () => {
    const child = spawn(process.execPath, ["-e", ""]);
    await once(child, "exit");
    await lockWith({ pid: child.pid });
    await (await openFileLog(directory)).close();
  });

  it("is taken over when its pid now belongs to another process", async () => {
    await lockWith({ started: "1" });
    await (await openFileLog(directory)).close();
  });

  it("is honoured while its process lives", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    try {
      await lockWith({ pid: child.pid, started: "" });
      // However old it is: the process may have been stopped.
      await age(3600);
      await expect(openFileLog(directory)).rejects.toMatchObject({ code: "log_locked" });
    } finally {
      child.kill();
      await once(child, "exit");
    }
  });

  it("of another machine is honoured while it is young, and taken over after a silence", async () => {
    await lockWith({ space: "another", host: "elsewhere" });
    await expect(openFileLog(directory)).rejects.toThrow(/on elsewhere/);
    await age(60);
    await (await openFileLog(directory)).close();
  });

  it("lost to another makes the holder refuse to append", { timeout: 20_000 }, async () => {
    const log = await openFileLog(directory, { lockBeatMs: 10 });
    await log.append([interaction(1)]);
    await writeFile(lockPath(), "another's");
    await expect
      .poll(() =>
        log.append([]).then(
          () => "accepted",
          (error: Error) => error.message,
        ),
      )
      .toMatch(/another process has taken the lock/);
    expect(log.end).toBe(1);
    await log.close();
    // It is the other's to remove.
    expect(await readFile(lockPath(), "utf8")).toBe("another's");
  });

  it("that is not readable is honoured while it is young, and taken over after a silence", async () => {
    await writeFile(lockPath(), "{");
    await expect(openFileLog(directory)).rejects.toMatchObject({ code: "log_locked" });
    await age(60);
    await (await openFileLog(directory)).close();
  });

  it("is not needed to read, and not left behind by an opening that failed", async () => {
    const log = await openFileLog(directory);
    await (await openFileLog(directory, { readOnly: true })).close();
    await log.close();
    await writeFile(join(directory, "00000000000000000000.log"), "damaged");
    await expect(openFileLog(directory)).rejects.toMatchObject({ code: "log_corrupt" });
    expect(await readdir(directory)).not.toContain("lock");
  });
});
