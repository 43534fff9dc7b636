/** What a remote store does to a request: little, whatever it does itself, and never a wrong state. */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { ManualClock, type Ms, type Offset, Random, type UserId } from "../../src/core/index.ts";
import { type Event, type EventLog, memoryLog } from "../../src/events/index.ts";
import {
  emptyState,
  memoryStore,
  type NearStore,
  type NearStoreOptions,
  nearStore,
  type StateLimits,
  stateDigest,
  type UserState,
} from "../../src/state/index.ts";
import { FaultyStore } from "./faulty-store.ts";
import { at, erasure, interaction, logged, touch, user } from "./touches.ts";

const limits: StateLimits = { touches: 5, vetoes: 2 };
const [u1, u2] = [user("u1"), user("u2")];
const opened: NearStore[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((near) => near.close()));
});

interface Setting {
  readonly store: FaultyStore;
  readonly log: EventLog;
  readonly near: NearStore;
  /** Appends, and applies as a follower does. */
  add(...events: Event[]): Promise<Offset>;
}

/** With time enough for a store that is well on a busy machine; what is about time says how much there is. */
function setting(options: Partial<NearStoreOptions> = {}, store = new FaultyStore(limits)): Setting {
  const log = memoryLog();
  const near = nearStore(store, { log, writes: true, timeoutMs: 500, ...options });
  opened.push(near);
  const add = async (...events: Event[]) => {
    const from = log.end;
    const { offset } = await log.append(events);
    for await (const batch of log.read(from)) await near.apply(batch);
    return offset;
  };
  return { store, log, near, add };
}

const click = (who: string, id: string, time: number) => interaction(who, touch(id, time, { type: "click" }));

async function stateAfter(events: readonly Event[], who: UserId): Promise<UserState> {
  const store = memoryStore({ limits });
  await store.apply(logged(events));
  return store.read(who);
}

async function msOf(work: Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work.catch(() => {});
  return performance.now() - began;
}

async function until(condition: () => boolean, ms = 3000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition() && performance.now() < end) await sleep(2);
  expect(condition()).toBe(true);
}

/** Reads until there is an answer: a read may be the first to find the store lost. */
async function sooner(near: NearStore, who: UserId): Promise<UserState> {
  for (let i = 0; ; i++) {
    try {
      return await near.read(who);
    } catch (cause) {
      if (i === 100) throw cause;
      await sleep(20);
    }
  }
}

/** Reads until the store is given up on. */
async function open({ near }: Setting): Promise<void> {
  await until(() => {
    near.read(user(`nobody-${Math.random()}`)).catch(() => {});
    return near.health().state === "open";
  });
}

describe("a store within reach", () => {
  it("has a touch at once and writes it behind", async () => {
    const { store, near, add } = setting();
    const offset = await add(click("u1", "a", 1));
    expect([near.applied, store.applied]).toEqual([1, 0]);
    expect((await near.read(u1)).touches).toEqual([touch("a", 1, { type: "click" })]);
    await near.flushed(offset);
    expect(store.applied).toBe(1);
    expect((await store.contents.read(u1)).touches).toHaveLength(1);
    expect((await near.read(u1)).touches).toHaveLength(1);
    expect(near.health()).toMatchObject({ state: "ok", behind: 0, problem: null });
  });

  it("does not let `apply` wait for a store that hangs", async () => {
    const { store, near, add } = setting();
    store.hang();
    expect(await msOf(add(...Array.from({ length: 1000 }, (_, i) => click("u1", `e${i}`, i))))).toBeLessThan(
      200,
    );
    expect(near.health().behind).toBe(1000);
  });

  it("skips what it has had, and refuses to leave out an event", async () => {
    const { near, add } = setting();
    await add(click("u1", "a", 1), click("u1", "b", 2));
    const events = logged([click("u1", "a", 1), click("u1", "b", 2), click("u1", "c", 3)]);
    await expect(near.apply(logged([click("u1", "d", 4)], 3))).rejects.toMatchObject({ code: "internal" });
    await near.apply(events);
    expect([near.applied, (await near.read(u1)).touches.length]).toEqual([3, 3]);
  });

  it("writes nothing that it was not given, though the log has it", async () => {
    const { store, near, log, add } = setting();
    await add(click("u1", "a", 1));
    await log.append([click("u1", "b", 2)]);
    await near.flushed(1 as Offset);
    await sleep(50);
    expect([near.applied, store.applied]).toEqual([1, 1]);
    expect((await near.read(u1)).touches).toHaveLength(1);
  });

  it("gathers what comes singly into few writes, and writes much in small parts", async () => {
    const { store, near, add } = setting();
    for (let i = 0; i < 50; i++) await add(click("u1", `e${i}`, i));
    await near.flushed(50 as Offset);
    expect(store.calls.apply).toBeLessThan(5);
    await add(...Array.from({ length: 2000 }, (_, i) => click(`u${i}`, `f${i}`, i)));
    await near.flushed(2050 as Offset);
    expect(Math.max(...store.batches)).toBeLessThanOrEqual(1024);
  });

  it("asks the store once for reads of one user at one time, and counts how each ended", async () => {
    const { store, near, add } = setting();
    await near.flushed(await add(click("u1", "a", 1)));
    store.delay = () => 1;
    const states = await Promise.all([near.read(u1), near.read(u1), near.read(u2)]);
    expect(states.map(({ touches }) => touches.length)).toEqual([1, 1, 0]);
    expect(store.calls.read).toBe(2);
    expect(near.counters).toEqual({
      reads: 3,
      answered: 3,
      fromCopies: 0,
      rejected: 0,
      timeouts: 0,
      failures: 0,
      openings: 0,
      losses: 0,
    });
  });

  it("adds to an answer what was applied, or applied and written, while it was on its way", async () => {
    const { store, near, add } = setting({ timeoutMs: 1000 });
    await near.flushed(await add(click("u1", "a", 1)));
    store.delay = () => 30;
    const reading = near.read(u1);
    await sleep(10);
    store.delay = () => 0;
    await near.flushed(await add(click("u1", "b", 2)));
    await add(click("u1", "c", 3));
    expect((await reading).touches.map(({ id }) => id)).toEqual(["c", "b", "a"]);
    store.failing = true;
    expect((await near.read(u1)).touches.map(({ id }) => id)).toEqual(["c", "b", "a"]);
    expect(near.counters.fromCopies).toBe(1);
  });

  it("does not let a read join one whose answer is made already", async () => {
    for (let turns = 0; turns < 12; turns++) {
      const { store, near, add } = setting();
      let tell = () => {};
      const read = store.read;
      store.read = async (who) => {
        await new Promise<void>((resolve) => {
          tell = resolve;
        });
        store.read = read;
        return store.contents.read(who);
      };
      const first = near.read(u1);
      tell();
      for (let i = 0; i < turns; i++) await Promise.resolve();
      const added = add(click("u1", "a", 1));
      while (near.applied === 0) await Promise.resolve();
      expect((await near.read(u1)).touches).toHaveLength(1);
      await Promise.all([first, added]);
    }
  });

  it("takes the erasures of the log, in the store's states, in copies and in what is on its way", async () => {
    const { store, near, add } = setting();
    await near.flushed(await add(click("u1", "a", 1), click("u1", "b", 5)));
    await near.read(u1);
    store.failing = true;
    await add(erasure("u1", 3));
    const after = { ...emptyState(u1), touches: [touch("b", 5, { type: "click" })], erasedAt: at(3) };
    expect(await near.read(u1)).toEqual(after);
    store.failing = false;
    await near.flushed(near.applied);
    expect(await near.read(u1)).toEqual(after);
    expect(await store.contents.read(u1)).toEqual(after);
  });

  it("leaves out what has expired, from the store and from a copy", async () => {
    const clock = new ManualClock(at(100));
    const aging = { ...limits, maxAge: 10 as Ms };
    const store = new FaultyStore(aging, { clock });
    const { near, add } = setting({ clock }, store);
    await near.flushed(await add(click("u1", "a", 95), click("u1", "b", 99)));
    expect((await near.read(u1)).touches).toHaveLength(2);
    clock.advance(5);
    expect((await near.read(u1)).touches).toHaveLength(1);
    store.failing = true;
    clock.advance(4);
    expect((await near.read(u1)).touches).toHaveLength(0);
    expect(near.counters.fromCopies).toBe(1);
  });

  it("rejects everything but `close` once closed, and lets a read under way end", async () => {
    const { store, near, add } = setting();
    await add(click("u1", "a", 1));
    store.hang();
    const [reading, flushing] = [near.read(u1), near.flushed(near.applied)];
    const ends = Promise.allSettled([reading, flushing]);
    await near.close();
    await near.close();
    expect((await ends)[1]).toMatchObject({ reason: { code: "store_unavailable" } });
    await expect(near.read(u1)).rejects.toMatchObject({ code: "store_unavailable" });
    await expect(near.apply([])).rejects.toMatchObject({ code: "store_unavailable" });
    await expect(near.flushed(1 as Offset)).rejects.toMatchObject({ code: "store_unavailable" });
  });
});

describe("a store that does not answer", () => {
  it("costs the time limit: then a copy is the answer, or the read fails", async () => {
    const { store, near, add } = setting({ timeoutMs: 8 });
    await near.flushed(await add(click("u1", "a", 1)));
    await near.read(u1);
    store.hang();
    const [known, unknown] = [near.read(u1), near.read(u2)];
    expect(await msOf(Promise.allSettled([known, unknown]))).toBeLessThan(40);
    expect((await known).touches).toHaveLength(1);
    await expect(unknown).rejects.toMatchObject({ code: "store_unavailable" });
    expect(near.counters).toMatchObject({ timeouts: 2, fromCopies: 1, rejected: 1 });
  });

  it("is given up on after some failures in a row, and then costs nothing", async () => {
    const given = setting({ timeoutMs: 8 });
    const { store, near, add } = given;
    await near.flushed(await add(click("u1", "a", 1)));
    await near.read(u1);
    store.hang();
    for (let i = 0; i < 5; i++) await near.read(u1);
    expect(near.health()).toMatchObject({ state: "open", problem: expect.stringContaining("8 ms") });
    const asked = store.calls.read;
    const ms = await msOf(Promise.all(Array.from({ length: 1000 }, () => near.read(u1))));
    expect(ms).toBeLessThan(50);
    expect(store.calls.read - asked).toBeLessThan(2);
    expect(near.counters.openings).toBe(1);
  });

  it("is not given up on for failures with answers in between", async () => {
    const { store, near } = setting();
    for (let i = 0; i < 30; i++) {
      store.failing = i % 4 !== 0;
      await near.read(u2).catch(() => {});
    }
    expect(near.counters).toMatchObject({ openings: 0, answered: 8, failures: 22 });
  });

  it("is asked again by a probe, without any request, and is back with its first answer in time", async () => {
    const given = setting({ timeoutMs: 8 });
    const { store, near } = given;
    store.hang();
    await open(given);
    const before = store.calls.read;
    await sleep(350);
    expect(store.calls.read - before).toBeGreaterThanOrEqual(2);
    expect(store.calls.read - before).toBeLessThanOrEqual(4);
    store.goOn();
    const ms = await msOf(until(() => near.health().state === "ok"));
    expect(ms).toBeLessThan(300);
    await near.read(u1);
    expect(near.health()).toMatchObject({ state: "ok", problem: null });
  });

  it("stays given up on while its answers are late", async () => {
    const given = setting({ timeoutMs: 8 });
    const { store, near } = given;
    store.delay = () => 15;
    await open(given);
    await sleep(400);
    expect(near.health().state).toBe("open");
    store.delay = () => 0;
    await until(() => near.health().state === "ok");
    expect(near.counters.openings).toBe(1);
  });

  it("does not make a copy of an answer that came late", async () => {
    const { store, near, add } = setting({ timeoutMs: 8 });
    await near.flushed(await add(click("u1", "a", 1)));
    store.delay = () => 12;
    await expect(near.read(u1)).rejects.toMatchObject({ code: "store_unavailable" });
    await sleep(40);
    expect(near.health().copies).toBe(0);
    store.delay = () => 0;
    await near.read(u1);
    expect(near.health().copies).toBe(1);
  });

  it("gets what was applied meanwhile when it is back, once", async () => {
    const { store, near, add } = setting();
    store.failing = true;
    store.torn = true;
    for (let i = 0; i < 20; i++) await add(click(`u${i % 3}`, `e${i}`, i));
    await sleep(150);
    expect(near.health()).toMatchObject({ behind: 20, problem: expect.stringContaining("refused") });
    await expect(near.flushed(near.applied, 20)).rejects.toMatchObject({ code: "store_unavailable" });
    store.failing = false;
    await near.flushed(near.applied);
    expect(near.health()).toMatchObject({ state: "ok", behind: 0, problem: null });
    expect((await store.contents.read(u1)).touches.map(({ id }) => id)).toEqual([
      "e19",
      "e16",
      "e13",
      "e10",
      "e7",
    ]);
  });

  it("says who failed, where and what to see to, and no user", async () => {
    const { store, near } = setting();
    store.failing = true;
    const failure = await near.read(user("a-secret-name")).catch((cause) => cause);
    expect(failure.message).toMatch(/faulty state store .*connection refused; see that the server runs/);
    expect(failure.message).not.toContain("secret");
  });
});

/** Sends back what it gets, in a thread of its own. */
const ECHO = `
  const server = require("node:net").createServer((socket) => socket.pipe(socket));
  server.listen(0, "127.0.0.1", () => {
    require("node:worker_threads").parentPort.postMessage(server.address().port);
  });`;

describe("a busy process", () => {
  it("takes an answer that arrived while it was busy, however late it gets to it", async () => {
    const echo = new Worker(ECHO, { eval: true });
    const [port] = (await once(echo, "message")) as [number];
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    const store = new FaultyStore(limits);
    // The answer is one round trip through a real socket.
    store.read = async (who) => {
      socket.write("x");
      await once(socket, "data");
      return store.contents.read(who);
    };
    const { near } = setting({ timeoutMs: 50 }, store);
    await near.read(u1);
    for (let i = 0; i < 5; i++) {
      const reading = near.read(u2);
      const end = performance.now() + 80;
      while (performance.now() < end);
      await reading;
    }
    expect(near.counters).toMatchObject({ answered: 6, timeouts: 0 });
    socket.destroy();
    await echo.terminate();
  });
});

describe("a store that has come back empty", () => {
  it("is filled again from the log, and never answers for a user before that", async () => {
    const { store, near, add } = setting();
    const events = Array.from({ length: 3000 }, (_, i) => click(`u${i % 40}`, `e${i}`, i));
    await near.flushed(await add(...events));
    await near.read(u1);
    store.delay = () => 1;
    store.lose();
    await expect(near.read(u2)).rejects.toMatchObject({ code: "store_unavailable" });
    expect(near.health()).toMatchObject({ state: "filling", behind: 3000 });
    const late = click("u2", "late", 9000);
    await add(late);
    let rejected = 0;
    while (near.health().state !== "ok") {
      expect(await near.read(u1)).toEqual(await stateAfter([...events, late], u1));
      await near.read(u2).then(
        async (state) => expect(state).toEqual(await stateAfter([...events, late], u2)),
        () => rejected++,
      );
      await turn();
    }
    expect(rejected).toBeGreaterThan(0);
    await near.flushed(near.applied);
    const reference = memoryStore({ limits });
    await reference.apply(logged([...events, late]));
    expect(await stateDigest(store.contents)).toBe(await stateDigest(reference));
    expect(near.counters.losses).toBe(1);
    expect(near.health()).toMatchObject({ state: "ok", behind: 0, problem: null });
  });

  it("is noticed by a write and by a probe too", async () => {
    const given = setting({ timeoutMs: 8 });
    const { store, near, add } = given;
    await near.flushed(await add(click("u1", "a", 1)));
    store.lose();
    await add(click("u2", "b", 2));
    await near.flushed(near.applied);
    expect((await near.read(u1)).touches).toHaveLength(1);
    store.hang();
    await open(given);
    store.lose();
    store.goOn();
    await until(() => near.health().state === "ok" && near.health().behind === 0);
    expect((await near.read(u1)).touches).toHaveLength(1);
    expect(near.counters.losses).toBe(2);
  });

  it("gives no state that was read around the loss", async () => {
    const { store, near, add } = setting({ timeoutMs: 500 });
    await near.flushed(await add(click("u1", "a", 1), click("u2", "b", 2)));
    // One answer is on its way, made of what an emptied store has, when another one tells of the loss.
    let late = true;
    const read = store.read;
    store.read = async (who) => {
      if (who !== u1 || !late) return read(who);
      late = false;
      await sleep(30);
      return store.contents.read(who);
    };
    const reading = near.read(u1);
    store.lose();
    await expect(near.read(u2)).rejects.toMatchObject({ code: "store_unavailable" });
    await expect(reading).rejects.toMatchObject({ code: "store_unavailable" });
    await until(() => near.health().state === "ok");
    expect((await near.read(u1)).touches).toHaveLength(1);
  });

  it("is emptied and filled once more where it is lost while it is filled", async () => {
    const { store, near, add } = setting();
    const events = Array.from({ length: 1500 }, (_, i) => click(`u${i % 7}`, `e${i}`, i));
    await near.flushed(await add(...events));
    store.delay = () => 1;
    store.lose();
    await near.read(u1).catch(() => {});
    await until(() => store.calls.clear === 1 && store.applied === 1024);
    store.lose();
    await until(() => near.health().state === "ok" && near.health().behind === 0, 5000);
    expect(await near.read(u1)).toEqual(await stateAfter(events, u1));
    expect(near.counters.losses).toBe(2);
  });
});

/** A log of which retention has dropped what was before `first`. */
function cut(log: EventLog, first: number): EventLog {
  return Object.assign(Object.create(log), {
    first: first as Offset,
    read: (from: number) => log.read(Math.max(from, first) as Offset),
  });
}

describe("a store without what the log has dropped", () => {
  const events = [
    ...Array.from({ length: 300 }, (_, i) => click(`u${i % 90}`, `e${i}`, i)),
    erasure("u3", 150),
    erasure("u7", 9999),
    ...Array.from({ length: 98 }, (_, i) =>
      interaction(`u${i % 90}`, touch(`f${i}`, i + 500, { type: i % 3 === 0 ? "hide" : "like" })),
    ),
  ];
  const baseAt = 320 as Offset;
  async function* states() {
    const base = memoryStore({ limits });
    await base.apply(logged(events.slice(0, baseAt)));
    for await (const who of base.users()) yield base.read(who);
  }
  const base = async () => ({ offset: baseAt, states: states() });
  async function logOf() {
    const log = memoryLog();
    await log.append(events);
    return log;
  }
  /** As a start does. */
  async function feed(near: NearStore, log: EventLog) {
    for await (const batch of log.read(near.applied)) await near.apply(batch);
  }
  async function expectWhole(near: NearStore, store: FaultyStore) {
    const reference = memoryStore({ limits });
    await reference.apply(logged(events));
    expect(await stateDigest(store.contents)).toBe(await stateDigest(reference));
    expect(near.health()).toMatchObject({ state: "ok", behind: 0, kept: 0, problem: null });
    for (const name of ["u1", "u3", "u7", "u80"])
      expect(await near.read(user(name))).toEqual(await reference.read(user(name)));
  }

  it("is filled from the base and then from the log, and answers nobody before", async () => {
    const log = await logOf();
    const { store, near } = setting({ log: cut(log, 310), base });
    expect([near.applied, near.health().state]).toEqual([310, "filling"]);
    await feed(near, log);
    expect(near.health()).toMatchObject({ state: "filling", behind: 400 });
    await expect(near.read(u1)).rejects.toMatchObject({ code: "store_unavailable" });
    await near.flushed(log.end);
    await expectWhole(near, store);
  });

  it("keeps nothing of what the base has too, where the base is ahead of what was applied", async () => {
    const log = await logOf();
    const all = async function* () {
      const whole = memoryStore({ limits });
      await whole.apply(logged(events));
      for await (const who of whole.users()) yield whole.read(who);
    };
    const atEnd = async () => ({ offset: log.end, states: all() });
    const { store, near } = setting({ log: cut(log, 310), base: atEnd });
    await near.flushed(log.end);
    await feed(near, log);
    await expectWhole(near, store);
  });

  it("is filled from the beginning again where filling failed in the middle", async () => {
    const log = await logOf();
    const store = new FaultyStore(limits);
    let failed = false;
    const write = store.write;
    store.write = async (batch) => {
      await write(batch);
      if (!failed) {
        failed = true;
        throw new Error("connection reset");
      }
    };
    const { near } = setting({ log: cut(log, 310), base }, store);
    await feed(near, log);
    await near.flushed(log.end);
    expect([failed, store.calls.clear]).toEqual([true, 2]);
    await expectWhole(near, store);
  });

  it("is emptied first where it stands before the log's beginning", async () => {
    const log = await logOf();
    const store = await FaultyStore.holding(limits, logged(events.slice(0, 100)));
    await store.write([{ user: user("of-another-time"), touches: [touch("x", 1)] }]);
    const { near } = setting({ log: cut(log, 310), base }, store);
    await near.flushed(320 as Offset);
    await feed(near, log);
    await near.flushed(log.end);
    await expectWhole(near, store);
  });

  it("says so where there is no base to fill it from, and answers nobody", async () => {
    const log = await logOf();
    const { near } = setting({ log: cut(log, 310) });
    await until(() => near.health().problem !== null);
    expect(near.health()).toMatchObject({
      state: "filling",
      problem: expect.stringMatching(/begins at offset 310; expected a base snapshot .* there is none/),
    });
    await expect(near.read(u1)).rejects.toMatchObject({ code: "store_unavailable" });
  });
});

describe("a store that is far behind", () => {
  it("does not answer for users whom the overlay had no room for, and does for others", async () => {
    const { store, near, add } = setting({ overlayTouches: 10 });
    store.hang();
    for (let i = 0; i < 10; i++) await add(click(`held${i}`, `e${i}`, i));
    for (let i = 0; i < 10; i++) await add(click(`left${i}`, `f${i}`, i));
    store.goOn();
    store.apply = () => new Promise(() => {});
    expect((await near.read(user("held3"))).touches).toHaveLength(1);
    expect((await near.read(user("nobody"))).touches).toHaveLength(0);
    await expect(near.read(user("left3"))).rejects.toMatchObject({ code: "store_unavailable" });
    expect(near.health()).toMatchObject({ state: "filling", behind: 20 });
  });

  it("does not answer for them after a part of what is lacking was written", async () => {
    const { store, near, add } = setting({ overlayTouches: 10 });
    const apply = store.apply;
    let parts = 0;
    store.apply = (batch) => (parts++ === 0 ? apply(batch.slice(0, 12)) : new Promise(() => {}));
    for (let i = 0; i < 10; i++) await add(click(`held${i}`, `e${i}`, i));
    for (let i = 0; i < 10; i++) await add(click(`left${i}`, `f${i}`, i));
    await near.flushed(12 as Offset);
    expect(near.health()).toMatchObject({ state: "filling", behind: 8, kept: 0 });
    await expect(near.read(user("left9"))).rejects.toMatchObject({ code: "store_unavailable" });
    expect((await near.read(user("held3"))).touches).toHaveLength(1);
  });

  it("serves such users from their copies, and from itself when it has caught up", async () => {
    const { store, near, add } = setting({ overlayTouches: 10 });
    await near.flushed(await add(click("u1", "a", 1), click("u2", "b", 1)));
    await near.read(u1);
    store.failing = true;
    for (let i = 0; i < 30; i++) await add(click("u1", `e${i}`, 2 + i), click("u2", `f${i}`, 2 + i));
    expect((await near.read(u1)).touches.map(({ id }) => id)).toEqual(["e29", "e28", "e27", "e26", "e25"]);
    await expect(near.read(u2)).rejects.toMatchObject({ code: "store_unavailable" });
    store.failing = false;
    await near.flushed(near.applied);
    expect((await near.read(u2)).touches[0]!.id).toBe("f29");
    // There is room again.
    store.failing = true;
    await add(click("u2", "g", 99));
    store.failing = false;
    expect((await near.read(u2)).touches[0]!.id).toBe("g");
    expect(near.health().behind).toBeLessThanOrEqual(1);
  });
});

describe("copies", () => {
  it("are those of the users asked for last, in so many bytes", async () => {
    const { store, near, add } = setting({ copyBytes: 4000 });
    const many = Array.from({ length: 50 }, (_, i) => click(`u${i}`, `e${i}`, i));
    await near.flushed(await add(...many));
    for (let i = 0; i < 50; i++) {
      await near.read(user(`u${i}`));
      await near.read(user("u0"));
    }
    const { copies, copyBytes } = near.health();
    expect(copies).toBeGreaterThan(5);
    expect(copies).toBeLessThan(20);
    expect(copyBytes).toBeLessThanOrEqual(4000);
    store.failing = true;
    expect((await near.read(user("u0"))).touches).toHaveLength(1);
    expect((await near.read(user("u49"))).touches).toHaveLength(1);
    await expect(near.read(user("u20"))).rejects.toMatchObject({ code: "store_unavailable" });
  });

  it("stay where they are in use while the store does not answer, and others have to go", async () => {
    const { store, near, add } = setting({ copyBytes: 4200 });
    for (let i = 0; i < 12; i++) await near.read(user(`u${i}`));
    store.failing = true;
    await near.read(user("u0"));
    for (let i = 1; i < 12; i++) await add(...[1, 2, 3, 4].map((n) => click(`u${i}`, `e${i}-${n}`, n)));
    expect((await near.read(user("u0"))).touches).toHaveLength(0);
    await expect(near.read(user("u1"))).rejects.toMatchObject({ code: "store_unavailable" });
  });

  it("are none where there is no room for any", async () => {
    const { store, near } = setting({ copyBytes: 0 });
    await near.read(u1);
    expect(near.health()).toMatchObject({ copies: 0, copyBytes: 0 });
    store.failing = true;
    await expect(near.read(u1)).rejects.toMatchObject({ code: "store_unavailable" });
  });
});

describe("a process that only reads the store", () => {
  it("has its own events at once, and looks what the writer has written", async () => {
    const { store, near, log, add } = setting({ writes: false });
    await add(click("u1", "a", 1));
    expect((await near.read(u1)).touches).toHaveLength(1);
    await sleep(60);
    expect([store.calls.apply, near.health().behind]).toEqual([0, 1]);
    for await (const batch of log.read(0 as Offset)) await store.contents.apply(batch);
    await near.flushed(near.applied);
    const polls = store.calls.readApplied;
    expect(polls).toBeGreaterThan(1);
    await sleep(60);
    expect(store.calls.readApplied).toBe(polls);
    expect((await near.read(u1)).touches).toHaveLength(1);
  });

  it("takes a store that stands further back than before for lost, until the writer has filled it", async () => {
    const events = Array.from({ length: 10 }, (_, i) => click("u1", `e${i}`, i));
    const store = await FaultyStore.holding(limits, logged(events));
    const { near } = setting({ writes: false }, store);
    store.lose();
    await expect(near.read(u1)).rejects.toMatchObject({ code: "store_unavailable" });
    await store.clear();
    await store.contents.apply(logged(events.slice(0, 4)));
    await sleep(60);
    expect(near.health()).toMatchObject({ state: "filling", behind: 6 });
    await expect(near.read(u1)).rejects.toMatchObject({ code: "store_unavailable" });
    await store.contents.apply(logged(events));
    await until(() => near.health().state === "ok");
    expect((await near.read(u1)).touches.map(({ id }) => id)).toEqual(["e9", "e8", "e7", "e6", "e5"]);
    expect(store.calls.clear).toBe(1);
  });
});

describe("whatever happens", () => {
  const who = fc.constantFrom("u1", "u2", "u3", "u4");
  const time = fc.integer({ min: 0, max: 40 });
  type Step =
    | { readonly what: "add"; readonly events: readonly { who: string; time: number; type: number }[] }
    | { readonly what: "read"; readonly who: string }
    | { readonly what: "fault"; readonly fault: "hang" | "fail" | "tear" | "slow" | "lose" | "none" }
    | { readonly what: "wait"; readonly ms: number };
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        what: fc.constant("add" as const),
        events: fc.array(fc.record({ who, time, type: fc.integer({ min: 0, max: 9 }) }), {
          minLength: 1,
          maxLength: 6,
        }),
      }),
    },
    { weight: 8, arbitrary: fc.record({ what: fc.constant("read" as const), who }) },
    {
      weight: 3,
      arbitrary: fc.record({
        what: fc.constant("fault" as const),
        fault: fc.constantFrom("hang", "fail", "tear", "slow", "lose", "none", "none", "none"),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ what: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 15 }) }),
    },
  );

  it("a read is the state of one prefix, of a moment while it was read, or it fails; and nothing is lost", async () => {
    const seen = { reads: 0, failed: 0, copies: 0, losses: 0, timeouts: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 10, maxLength: 60 }),
        fc.integer({ min: 3, max: 30 }),
        fc.integer({ min: 0, max: 1e6 }),
        async (steps, overlayTouches, seed) => {
          const random = new Random(seed);
          const events: Event[] = [];
          const { store, near, add, log } = setting({ timeoutMs: 4, overlayTouches, copyBytes: 1000 });
          const reads: Promise<void>[] = [];
          const read = async (name: string) => {
            const from = events.length;
            const state = await near.read(user(name)).catch((cause) => {
              expect(cause).toMatchObject({ code: "store_unavailable" });
              seen.failed++;
            });
            const to = events.length;
            seen.reads++;
            if (state === undefined) return;
            const moments: UserState[] = [];
            for (let end = from; end <= to; end++)
              moments.push(await stateAfter(events.slice(0, end), user(name)));
            expect(moments).toContainEqual(state);
          };
          for (const one of steps) {
            if (one.what === "wait") await sleep(one.ms);
            else if (one.what === "read") reads.push(read(one.who));
            else if (one.what === "add") {
              const fresh = one.events.map(({ who: name, time: t, type }, i): Event => {
                const id = `${events.length + i}`;
                if (type === 9) return { ...erasure(name, t), id: touch(id, 0).id };
                return interaction(name, touch(id, t, { type: type > 6 ? "hide" : "watch" }));
              });
              // Known before it is applied, as a durable event is.
              events.push(...fresh);
              await add(...fresh);
            } else {
              store.goOn();
              store.failing = one.fault === "fail" || one.fault === "tear";
              store.torn = one.fault === "tear";
              store.delay = one.fault === "slow" ? () => random.int(4) : () => 0;
              if (one.fault === "hang") store.hang();
              if (one.fault === "lose") store.lose();
            }
            for (let turns = random.int(3); turns > 0; turns--)
              await (random.int(2) ? turn() : Promise.resolve());
          }
          store.goOn();
          store.failing = false;
          store.delay = () => 0;
          await Promise.all(reads);
          await until(() => near.health().state === "ok" || near.health().state === "filling");
          await near.flushed(log.end).catch(() => near.flushed(log.end));
          for (const name of ["u1", "u2", "u3", "u4"].map(user))
            expect(await sooner(near, name)).toEqual(await stateAfter(events, name));
          await near.flushed(log.end);
          const reference = memoryStore({ limits });
          await reference.apply(logged(events));
          expect(await stateDigest(store.contents)).toBe(await stateDigest(reference));
          expect(near.health()).toMatchObject({ state: "ok", behind: 0, kept: 0, problem: null });
          const { reads: all, answered, fromCopies, rejected, losses, timeouts } = near.counters;
          expect(answered + fromCopies + rejected).toBe(all);
          seen.copies += fromCopies;
          seen.losses += losses;
          seen.timeouts += timeouts;
          await near.close();
        },
      ),
      { numRuns: 60, interruptAfterTimeLimit: 40_000 },
    );
    // Without such cases nothing was proved.
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(0);
  });
});
