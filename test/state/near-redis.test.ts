/** The same over a real Redis that is stopped, killed and started again empty. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Offset, UserId } from "../../src/core/index.ts";
import { type Event, type EventLog, memoryLog } from "../../src/events/index.ts";
import {
  memoryStore,
  type NearStore,
  nearStore,
  openStateStore,
  type StateStore,
  type UserState,
} from "../../src/state/index.ts";
import { type RedisServer, redisMissing, redisServer } from "../servers/redis.ts";
import { interaction, logged, touch, user } from "./touches.ts";

const limits = { touches: 50, vetoes: 5 };
const USERS = 40;
let server: RedisServer;
let half: Truth;
let whole: Truth;
let opened = 0;
const closers: (() => Promise<void>)[] = [];

const names = Array.from({ length: USERS }, (_, i) => user(`u${i}`));
const events: Event[] = Array.from({ length: 4000 }, (_, i) =>
  interaction(`u${i % USERS}`, touch(`e${i}`, i, { type: i % 9 === 0 ? "hide" : "watch", value: i / 4000 })),
);

/** What everybody's state has to be. */
type Truth = ReadonlyMap<UserId, UserState>;

async function truthOf(all: readonly Event[]): Promise<Truth> {
  const store = memoryStore({ limits });
  await store.apply(logged(all));
  return new Map(await Promise.all(names.map(async (who) => [who, await store.read(who)] as const)));
}

const place = (prefix: string) => ({ store: "redis", url: server.url, prefix }) as const;

/** A process with all of the events. */
async function start(
  log: EventLog,
  prefix: string,
  writes: boolean,
): Promise<{ near: NearStore; store: StateStore }> {
  const store = await openStateStore(place(prefix), { limits, log: "a-log" });
  // Somebody else's work on this machine may take longer than a request is given; that is not what is tested here.
  const near = nearStore(store, { log, writes, timeoutMs: 100 });
  closers.push(() => near.close());
  await feed(near, log);
  return { near, store };
}

async function feed(near: NearStore, log: EventLog): Promise<void> {
  for await (const batch of log.read(near.applied)) await near.apply(batch);
}

async function logOf(all: readonly Event[]): Promise<EventLog> {
  const log = memoryLog();
  await log.append(all);
  return log;
}

/** Every state that comes is right; returns how many came. */
async function answers(near: NearStore, truth: Truth): Promise<number> {
  let answered = 0;
  for (const who of names) {
    const state = await near.read(who).catch((cause) => {
      expect(cause).toMatchObject({ code: "store_unavailable" });
    });
    if (state === undefined) continue;
    expect(state).toEqual(truth.get(who));
    answered++;
  }
  return answered;
}

/** Milliseconds until everybody is answered by the store itself. */
async function recovery(near: NearStore, truth: Truth): Promise<number> {
  const began = performance.now();
  for (;;) {
    const before = near.counters.answered;
    const all = (await answers(near, truth)) === USERS && near.counters.answered - before === USERS;
    if (all && near.health().state === "ok" && near.health().behind === 0) return performance.now() - began;
    expect(performance.now() - began).toBeLessThan(10_000);
    await sleep(10);
  }
}

describe.skipIf(redisMissing !== undefined)("Redis within reach", () => {
  beforeAll(async () => {
    server = await redisServer();
    half = await truthOf(events.slice(0, 2000));
    whole = await truthOf(events);
  });
  afterEach(async () => {
    await Promise.all(closers.splice(0).map((close) => close()));
  });
  afterAll(() => server.stop());
  const prefix = () => `p${opened++}`;

  it("has every event of the log, and what it has goes on after a restart of the process", async () => {
    const log = await logOf(events.slice(0, 2000));
    const at = prefix();
    const { near } = await start(log, at, true);
    await near.flushed(log.end);
    expect(await answers(near, half)).toBe(USERS);
    await near.close();
    await log.append(events.slice(2000));
    const again = await start(log, at, true);
    expect([again.near.applied, again.near.health().behind]).toEqual([4000, 2000]);
    expect(await answers(again.near, whole)).toBe(USERS);
    await again.near.flushed(log.end);
    expect(await answers(again.near, whole)).toBe(USERS);
  });

  it.each([
    ["stopped for 50 ms", 50],
    ["stopped for a second", 1000],
  ])("%s, gives right answers or none, and is back within two seconds", async (_, ms) => {
    const log = await logOf(events.slice(0, 3000));
    const { near } = await start(log, prefix(), true);
    await near.flushed(log.end);
    for (const who of names.slice(0, USERS / 2)) await near.read(who);
    server.pause();
    await log.append(events.slice(3000));
    await feed(near, log);
    const end = performance.now() + ms;
    let copies = 0;
    while (performance.now() < end) copies = Math.max(copies, await answers(near, whole));
    if (ms > 500) expect(copies).toBeGreaterThanOrEqual(USERS / 2);
    server.resume();
    expect(await recovery(near, whole)).toBeLessThan(2000);
  });

  it("started again empty, is filled from the log, and no empty state is given out", async () => {
    const log = await logOf(events);
    const { near } = await start(log, prefix(), true);
    await near.flushed(log.end);
    for (const who of names.slice(0, 3)) await near.read(who);
    await server.restartEmpty();
    expect(await recovery(near, whole)).toBeLessThan(2000);
    expect(near.counters.losses).toBe(1);
  });

  it("killed and back after a while, serves copies meanwhile", async () => {
    const log = await logOf(events);
    const { near } = await start(log, prefix(), true);
    await near.flushed(log.end);
    for (const who of names.slice(0, 7)) await near.read(who);
    await server.kill();
    await sleep(100);
    expect(await answers(near, whole)).toBe(7);
    await server.start();
    expect(await recovery(near, whole)).toBeLessThan(2000);
  });

  it("shows a second process the first one's events, and a loss to both", async () => {
    const log = await logOf(events.slice(0, 2000));
    const at = prefix();
    const writer = await start(log, at, true);
    await writer.near.flushed(log.end);
    const replica = await start(log, at, false);
    expect(await answers(replica.near, half)).toBe(USERS);
    await log.append(events.slice(2000));
    await feed(replica.near, log);
    // Before the writer has heard of them.
    expect(await answers(replica.near, whole)).toBe(USERS);
    await feed(writer.near, log);
    await writer.near.flushed(log.end);
    await replica.near.flushed(4000 as Offset);
    await server.restartEmpty();
    const [first, second] = await Promise.all([recovery(writer.near, whole), recovery(replica.near, whole)]);
    expect(Math.max(first, second)).toBeLessThan(3000);
  });
});
