/** What every event log promises, over the list of all logs. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Offset } from "../../src/core/index.ts";
import { type EventLog, memoryLog, openFileLog } from "../../src/events/index.ts";
import { interaction, interactions, oneOfEach, readAll, readEvents } from "./make-events.ts";

const LOGS: Readonly<Record<string, (directory: string) => Promise<EventLog>>> = {
  "memory log": async () => memoryLog(),
  "file log": (directory) => openFileLog(directory),
  // Every commit fills a segment.
  "file log with tiny segments": (directory) => openFileLog(directory, { segmentBytes: 64 }),
};

describe.each(Object.entries(LOGS))("%s", (_, open) => {
  let directory: string;
  let log: EventLog;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "upnext-log-"));
    log = await open(join(directory, "log"));
  });

  afterEach(async () => {
    await log.close();
    await rm(directory, { recursive: true });
  });

  it("is empty at first", async () => {
    expect(log.end).toBe(0);
    expect(await readAll(log)).toEqual([]);
    expect(await log.append([])).toEqual({ offset: 0, accepted: 0, duplicates: 0 });
  });

  it("gives back events of every kind as they were", async () => {
    await log.append(oneOfEach);
    expect(await readEvents(log)).toEqual(oneOfEach);
  });

  it("numbers events densely from 0 across calls", async () => {
    expect(await log.append(interactions(0, 3))).toEqual({ offset: 3, accepted: 3, duplicates: 0 });
    expect(await log.append(interactions(3, 4))).toEqual({ offset: 4, accepted: 1, duplicates: 0 });
    expect(log.end).toBe(4);
    const expected = interactions(0, 4).map((event, offset) => ({ offset, event }));
    expect(await readAll(log)).toEqual(expected);
  });

  it("reads from any offset, and nothing from the end on", async () => {
    for (let n = 0; n < 20; n += 4) await log.append(interactions(n, n + 4));
    for (let from = 0; from <= 21; from++) {
      expect((await readAll(log, from)).map((logged) => logged.offset)).toEqual(
        Array.from({ length: Math.max(0, 20 - from) }, (_, i) => from + i),
      );
    }
  });

  it("skips and counts ids that are in the log or earlier in the same call", async () => {
    await log.append(interactions(0, 2));
    const twice = [interaction(1), interaction(2), interaction(2, { value: 1 }), interaction(0)];
    expect(await log.append(twice)).toEqual({ offset: 3, accepted: 1, duplicates: 3 });
    expect(await readEvents(log)).toEqual(interactions(0, 3));
  });

  it("accepts an id once among concurrent calls", async () => {
    const results = await Promise.all(Array.from({ length: 50 }, () => log.append([interaction(1)])));
    expect(results.reduce((sum, result) => sum + result.accepted, 0)).toBe(1);
    expect(results.every((result) => result.offset === 1)).toBe(true);
    expect(log.end).toBe(1);
  });

  it("keeps the order of calls and of events within a call", async () => {
    await Promise.all(
      Array.from({ length: 40 }, (_, call) => log.append(interactions(call * 5, call * 5 + 5))),
    );
    expect(await readEvents(log)).toEqual(interactions(0, 200));
  });

  it("acknowledges with an offset that a read then covers", async () => {
    const calls = Array.from({ length: 30 }, async (_, n) => {
      const { offset } = await log.append([interaction(n)]);
      const ids = (await readEvents(log)).slice(0, offset).map((event) => event.id);
      expect(ids).toContain(`e${n}`);
    });
    await Promise.all(calls);
  });

  it("reads up to the end as it was when reading began, while appends go on", async () => {
    await log.append(interactions(0, 5000));
    const reading = log.read(0 as Offset);
    await log.append(interactions(5000, 5010));
    let seen = 0;
    for await (const batch of reading) {
      await log.append([interaction(10_000 + seen)]);
      seen += batch.length;
    }
    expect(seen).toBe(5000);
    expect(log.end).toBeGreaterThan(5010);
  });

  it("reads in batches of bounded length", async () => {
    await log.append(interactions(0, 10_000));
    const lengths: number[] = [];
    for await (const batch of log.read(0 as Offset)) lengths.push(batch.length);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(4096);
    expect(lengths.reduce((a, b) => a + b)).toBe(10_000);
  });

  it("lets a reader stop early", async () => {
    await log.append(interactions(0, 5000));
    for await (const _ of log.read(0 as Offset)) break;
    expect(await log.append([interaction(9999)])).toMatchObject({ accepted: 1 });
  });

  it("is to a sequence of appends what a list without repeated ids is", async () => {
    const calls = fc.array(fc.array(fc.nat(30), { maxLength: 8 }), { maxLength: 12 });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(calls, async (plan) => {
        const other = await open(join(directory, `p${round++}`));
        const seen = new Set<number>();
        for (const call of plan) {
          const fresh = new Set(call.filter((n) => !seen.has(n)));
          for (const n of fresh) seen.add(n);
          const result = await other.append(call.map((n) => interaction(n)));
          const expected = { offset: seen.size, accepted: fresh.size, duplicates: call.length - fresh.size };
          expect(result).toEqual(expected);
        }
        expect(await readEvents(other)).toEqual([...seen].map((n) => interaction(n)));
        await other.close();
      }),
      { numRuns: 20 },
    );
  });

  it("waits for appends under way when it is closed, twice, and refuses later calls", async () => {
    const pending = log.append(interactions(0, 10));
    const first = log.close();
    await Promise.all([first, log.close()]);
    expect(await pending).toMatchObject({ accepted: 10 });
    await expect(log.append([interaction(11)])).rejects.toMatchObject({ code: "log_closed" });
    await expect(readAll(log)).rejects.toMatchObject({ code: "log_closed" });
  });
});
