/** A training on a log whose beginning was dropped sees what is left of it: what the states still held, once. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { catalogDigest } from "../../src/catalog/index.ts";
import type { EpochMs } from "../../src/core/index.ts";
import type { LoggedEvent, StoredEvent } from "../../src/events/index.ts";
import { openSnapshots, type Snapshots } from "../../src/snapshots/index.ts";
import type { StateLimits } from "../../src/state/index.ts";
import { type History, readHistory } from "../../src/training/history.ts";
import { logged, START } from "../training/logs.ts";
import { cutLog } from "./cut-log.ts";
import { baseOf, CLOCK, foldsOf, LIMITS, mixedLog } from "./folds.ts";

const EVENTS = mixedLog(900, "history");
const FIRST = 300;

let home: string;
let snapshots: Snapshots;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "upnext-history-"));
  snapshots = await openSnapshots(home, { clock: CLOCK, log: "log" });
});
afterEach(() => rm(home, { recursive: true }));

/** Every user with an interaction, and these in order: (item, time, type code, value, weight). */
function toldBy(history: History): Map<string, unknown[]> {
  const told = new Map<string, unknown[]>();
  for (const [u, user] of history.users.entries()) {
    const entries: unknown[] = [];
    for (let e = history.offsets[u]!; e < history.offsets[u + 1]!; e++) {
      const { times, types, values, weights } = history;
      entries.push([history.catalog.idOf(history.items[e]!), times[e], types[e], values[e], weights[e]]);
    }
    if (entries.length > 0) told.set(user, entries);
  }
  return told;
}

async function baseAt(count: number, limits: StateLimits, through = count) {
  const { catalog } = await foldsOf(EVENTS.slice(0, count));
  const { store } = await foldsOf(EVENTS.slice(0, through), limits);
  return snapshots.write({ ...baseOf({ catalog, store }), catalog });
}

describe("a history from a base", () => {
  it("tells what that of the whole log tells, where the states have pushed nothing out", async () => {
    const whole = await readHistory(cutLog(EVENTS));
    for (const [count, through] of [
      [FIRST, FIRST],
      [500, 500],
      [600, 750],
      [900, 900],
    ] as const) {
      const base = await baseAt(count, { touches: 1000, vetoes: 1000 }, through);
      const history = await readHistory(cutLog(EVENTS, FIRST), base);
      expect(toldBy(history)).toEqual(toldBy(whole));
      expect(catalogDigest(history.catalog)).toBe(catalogDigest(whole.catalog));
      expect(history.logOffset).toBe(900);
    }
  });

  it("has of each user what is left in the log and in the state, and nothing twice", async () => {
    const base = await baseAt(FIRST, LIMITS);
    const whole = toldBy(await readHistory(cutLog(EVENTS)));
    const left = toldBy(await readHistory(cutLog(EVENTS.map(dropFirst))));
    const got = toldBy(await readHistory(cutLog(EVENTS, FIRST), base));
    let more = 0;
    for (const [user, entries] of got) {
      for (const entry of left.get(user) ?? []) expect(entries).toContainEqual(entry);
      for (const entry of entries) expect(whole.get(user)).toContainEqual(entry);
      expect(new Set(entries.map(String)).size).toBe(entries.length);
      more += entries.length - (left.get(user) ?? []).length;
    }
    expect(more).toBeGreaterThan(5);
  });

  it("leaves out what was erased, before the base or after it", async () => {
    const act = (id: string, user: string, time: number): StoredEvent =>
      ({ kind: "interaction", id, user, item: "v", type: "watch", time }) as StoredEvent;
    const erase = (user: string, time: number): StoredEvent =>
      ({ kind: "erasure", id: `x-${user}`, user, time: time as EpochMs }) as StoredEvent;
    const events: LoggedEvent[] = logged([
      act("a1", "a", START),
      act("b1", "b", START),
      act("c1", "c", START),
      erase("a", START + 1),
      act("a2", "a", START + 2),
      erase("b", START + 1),
      act("b2", "b", START + 2),
    ]);
    const base = await snapshots.write(baseOf(await foldsOf(events.slice(0, 4))));
    const told = toldBy(await readHistory(cutLog(events, 4), base));
    expect(told).toEqual(toldBy(await readHistory(cutLog(events))));
    expect([...told.keys()].sort()).toEqual(["a", "b", "c"]);
    for (const entries of told.values()) expect(entries.length).toBe(1);
  });

  it("is refused where the log does not begin at 0 and no base goes on from there", async () => {
    const early = await baseAt(FIRST - 1, LIMITS);
    const log = cutLog(EVENTS, FIRST);
    for (const base of [undefined, early]) {
      await expect(readHistory(log, base)).rejects.toMatchObject({
        code: "snapshot_corrupt",
        message: expect.stringContaining(`the log begins at event ${FIRST}; expected a whole snapshot`),
      });
    }
    await expect(readHistory(cutLog(EVENTS), early)).resolves.toBeDefined();
  });
});

/** The event without its content where retention would have dropped it. */
function dropFirst({ offset, event }: LoggedEvent): LoggedEvent {
  if (offset >= FIRST || event.kind === "erasure") return { offset, event };
  const item = "item" in event ? [event.item] : [];
  return { offset, event: { kind: "anonymous", id: event.id, time: event.time, items: item } as StoredEvent };
}
