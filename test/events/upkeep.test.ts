/** Appends, rotation, compaction and retention at once, beside readers that look at all of it all the time. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { type Offset, Random, UpnextError } from "../../src/core/index.ts";
import { type FileLog, openFileLog } from "../../src/events/index.ts";
import { mixedEvents, userId } from "./mixed-events.ts";

const EVENTS = mixedEvents(3000, "upkeep", 40);

/** Reads from random places until `isDone`; returns how many events it has seen. Whatever it sees is right. */
async function readOn(log: FileLog, random: Random, isDone: () => boolean): Promise<number> {
  let seen = 0;
  while (!isDone()) {
    // Where there is nothing to read, nothing waits for the disk either.
    await setImmediate();
    await log.refresh();
    const from = log.first + Math.floor(random.next() * (log.end - log.first));
    const until = log.end;
    let next = from;
    try {
      for await (const batch of log.read(from as Offset)) {
        for (const { offset, event } of batch) {
          if (next === from) next = offset;
          // Plain comparisons: hundreds of thousands of events are seen.
          const isRight = event.kind === "anonymous" ? "user" in EVENTS[offset]! : event.id === `e${offset}`;
          if (offset !== next++ || !isRight) throw new Error(`event ${offset}: ${JSON.stringify(event)}`);
          seen++;
        }
      }
      expect(next).toBeGreaterThanOrEqual(until);
    } catch (error) {
      // Retention may drop what is being read; nothing else may go wrong.
      if (!(error instanceof UpnextError && error.message.includes("retention"))) throw error;
    }
  }
  return seen;
}

it("readers see every event or what is left of it, in order, whatever else goes on", async () => {
  const root = await mkdtemp(join(tmpdir(), "upnext-upkeep-"));
  const directory = join(root, "log");
  const log = await openFileLog(directory, { segmentBytes: 30_000 });
  const reader = await openFileLog(directory, { readOnly: true });
  const random = new Random("upkeep");
  let done = false;
  const reading = [log, reader, reader].map((one, n) => readOn(one, random.fork(n), () => done));
  const erased = new Map<ReturnType<typeof userId>, number>();
  try {
    for (let n = 0; n < EVENTS.length; n += 20) {
      await log.append(EVENTS.slice(n, n + 20));
      if (n % 500 === 480) {
        erased.set(userId(Math.floor(random.next() * 40)), Infinity);
        await Promise.all([
          log.compact(erased, log.end),
          log.append(EVENTS.slice(n + 20, n + 40)),
          n % 1000 === 480 ? log.rotate() : log.dropBefore(Math.floor(n / 3) as Offset),
        ]);
      }
    }
    await log.compact(erased, log.end);
  } finally {
    done = true;
  }
  for (const seen of await Promise.all(reading)) expect(seen).toBeGreaterThan(1000);
  expect(log.end).toBe(EVENTS.length);
  expect(log.first).toBeGreaterThan(300);
  let anonymous = 0;
  for await (const batch of log.read(0 as Offset)) {
    for (const { event } of batch) {
      if (event.kind === "anonymous") anonymous++;
      else if ("user" in event && erased.has(event.user)) throw new Error(`event of an erased user`);
    }
  }
  expect(anonymous).toBeGreaterThan(50);
  await reader.refresh();
  for (const one of [log, reader]) {
    expect((await one.verify()).problems).toEqual([]);
    await one.close();
  }
  await rm(root, { recursive: true });
});
