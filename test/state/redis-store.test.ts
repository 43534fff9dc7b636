/** What is Redis' alone: round trips, servers that go away and come back otherwise than they were, other people's keys. */
import { once } from "node:events";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { createClient } from "redis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { HOUR, ManualClock, type Offset } from "../../src/core/index.ts";
import {
  emptyState,
  mergeTouches,
  openStateStore,
  type StateStore,
  type StateStoreOptions,
  stateDigest,
  type Touch,
} from "../../src/state/index.ts";
import { RedisKeys } from "../../src/state/redis-keys.ts";
import { decodeMembers, encodeMember } from "../../src/state/redis-member.ts";
import {
  type RedisCluster,
  type RedisServer,
  redisCluster,
  redisMissing,
  redisServer,
} from "../servers/redis.ts";
import { anyTouch, at, erasure, interaction, logged, touch, user } from "./touches.ts";

const limits = { touches: 4, vetoes: 2 };
const u1 = user("u1");
const skipped = redisMissing === undefined ? "" : ` (skipped: ${redisMissing})`;
const lost = {
  code: "store_lost",
  message: expect.stringMatching(/came back without what it held; clear it/),
};
const away = { code: "store_unavailable" };
const put = (store: StateStore, ...touches: Touch[]) => store.write([{ user: u1, touches }]);

let stores: StateStore[] = [];
afterEach(async () => {
  for (const store of stores) await store.close();
  stores = [];
});
async function open(url: string, prefix: string, more: StateStoreOptions = {}): Promise<StateStore> {
  const store = await openStateStore({ store: "redis", url, prefix }, { limits, ...more });
  stores.push(store);
  return store;
}

describe("a touch as a member", () => {
  const one = fc
    .tuple(anyTouch, fc.string({ unit: "binary", maxLength: 3 }), fc.string({ maxLength: 2 }))
    .map(([any, id, item]) => touch(id, 5, { ...any, item }));

  it("comes back as it was, also in a row of others", () => {
    fc.assert(
      fc.property(fc.array(one, { maxLength: 5 }), (touches) => {
        expect(decodeMembers(Buffer.concat(touches.map(encodeMember)), 9)).toEqual(touches);
      }),
    );
  });

  it("has bytes in the order in which a state keeps touches of one time", () => {
    fc.assert(
      fc.property(one, one, fc.boolean(), (a, given, sameId) => {
        const b = sameId ? { ...given, id: a.id } : given;
        const state = mergeTouches(emptyState(u1), [a, b], { touches: 9, vetoes: 9 });
        const order = Buffer.compare(encodeMember(a), encodeMember(b));
        if (state.touches.length + state.vetoes.length === 1 || state.touches.length === 2) {
          expect([...state.touches, ...state.vetoes][0]).toEqual(order >= 0 ? a : b);
        }
      }),
      { numRuns: 2000 },
    );
    const values = [Number.NaN, -Infinity, -1e300, -1, -Number.MIN_VALUE, 0, 0.1, 1, 1e300, Infinity];
    const members = values.map((value) => encodeMember(touch("a", 1, { value })));
    expect([...members].sort(Buffer.compare)).toEqual(members);
  });

  it("takes 53 bytes where the id has 36 characters, and so fits Redis' compact encoding", () => {
    expect(encodeMember(touch("x".repeat(36), 1, { item: "v1234" }))).toHaveLength(53);
  });

  it("throws RangeError for bytes that are cut off anywhere", () => {
    const bytes = encodeMember(touch("映", 1, { value: 1 }));
    for (let length = 1; length < bytes.length; length++) {
      expect(() => decodeMembers(bytes.subarray(0, length), 9)).toThrow(RangeError);
    }
  });
});

describe("the keys", () => {
  it("spread users evenly over all shards", () => {
    const keys = new RedisKeys("upnext", 256);
    const counts = new Array<number>(256).fill(0);
    for (let i = 0; i < 25_600; i++) counts[keys.shardOf(user(`user-${i}`))]!++;
    expect(Math.min(...counts)).toBeGreaterThan(50);
    expect(Math.max(...counts)).toBeLessThan(160);
  });

  it("are told from those of other prefixes", () => {
    const keys = new RedisKeys("a", 256);
    for (const who of ["u", "", "\ud800", "a}b\nc", "ü"]) {
      const shard = keys.shardOf(user(who));
      for (const key of keys.ofUser(shard, user(who))) expect(keys.parse(key)).toEqual({ shard, user: who });
      const [other] = new RedisKeys("a:1", 256).ofUser(shard, user(who));
      expect(keys.parse(other)).toBeUndefined();
    }
    expect(keys.parse(keys.marker(7))).toEqual({ shard: 7 });
    expect(keys.parse("{a:7}other")).toBeUndefined();
  });
});

describe.skipIf(redisMissing !== undefined)(`the Redis store${skipped}`, () => {
  let server: RedisServer;
  let admin: ReturnType<typeof createClient>;
  beforeAll(async () => {
    server = await redisServer();
    admin = createClient({ url: server.url });
    admin.on("error", () => {});
    await admin.connect();
  });
  afterAll(async () => {
    admin?.destroy();
    await server?.stop();
  });

  it("takes one round trip for a read, for a write, and for a batch of the log", async () => {
    const proxy = await flightCounter(server.port);
    const store = await open(`redis://127.0.0.1:${proxy.port}`, "trips");
    const work: Record<string, () => Promise<unknown>> = {
      read: () => store.read(u1),
      write: () => put(store, touch("a", 1), touch("b", 2, { type: "hide" })),
      "write of many users": () =>
        store.write(
          Array.from({ length: 300 }, (_, i) => ({ user: user(`m${i}`), touches: [touch("a", i)] })),
        ),
      erase: () => store.erase(u1, at(1)),
      apply: () =>
        store.apply(
          logged([interaction("u1", touch(`c${store.applied}`, 3)), erasure("u2", 1)], store.applied),
        ),
      "apply of what concerns no user": () => store.apply(logged([item], store.applied)),
      readApplied: () => store.readApplied(),
      skipTo: () => store.skipTo((store.applied + 1) as Offset),
    };
    const trips: Record<string, number> = {};
    for (const [name, call] of Object.entries(work)) {
      await call(); // the server learns the script
      const before = proxy.flights();
      for (let i = 0; i < 5; i++) await call();
      trips[name] = (proxy.flights() - before) / 5;
    }
    expect(trips).toEqual(Object.fromEntries(Object.keys(work).map((name) => [name, 1])));
    proxy.stop();
  });

  it("goes on where the server has forgotten the scripts", async () => {
    const store = await open(server.url, "scripts");
    await put(store, touch("a", 1));
    await admin.sendCommand(["SCRIPT", "FLUSH"]);
    expect((await store.read(u1)).touches).toHaveLength(1);
    await admin.sendCommand(["SCRIPT", "FLUSH"]);
    await store.apply(logged([interaction("u1", touch("b", 2))]));
    expect((await store.read(u1)).touches).toHaveLength(2);
  });

  it("keeps no more in Redis than its limits allow, and no touch that was erased", async () => {
    const store = await open(server.url, "trim");
    for (let i = 0; i < 9; i++) await put(store, touch(`e${i}`, i), touch(`n${i}`, i, { type: "hide" }));
    const count = async (kind: string) => Number(await admin.sendCommand(["ZCARD", `{trim:0}${kind}=u1`]));
    expect([await count("t"), await count("v")]).toEqual([limits.touches, limits.vetoes]);
    await store.erase(u1, at(7));
    expect([await count("t"), await count("v")]).toEqual([1, 1]);
  });

  it("has Redis drop lists when the newest of them is too old, and erasures never", async () => {
    const now = 1_700_000_000_000;
    const clock = new ManualClock(at(now));
    const store = await open(server.url, "age", { limits: { ...limits, maxAge: HOUR }, clock });
    await put(
      store,
      touch("a", now - 1000),
      touch("b", now - 3_000),
      touch("n", now - 2000, { type: "hide" }),
    );
    await put(store, touch("late", now - 4000));
    await store.erase(u1, at(5));
    const ttl = async (kind: string) => Number(await admin.sendCommand(["PTTL", `{age:0}${kind}=u1`]));
    for (const [kind, left] of [
      ["t", HOUR - 1000],
      ["v", HOUR - 2000],
    ] as const) {
      expect(await ttl(kind)).toBeGreaterThan(left - 60_000);
      expect(await ttl(kind)).toBeLessThanOrEqual(left);
    }
    expect(await ttl("e")).toBe(-1);
    await store.write([{ user: user("u2"), touches: [touch("old", now - HOUR)] }]);
    expect(await admin.sendCommand(["EXISTS", "{age:0}t=u2"])).toBe(0);
  });

  it("clears its own keys and no other ones", async () => {
    const foreign = ["{mine:x}t=u1", "{mine:0}other", "mine", "{mine2:0}t=u1", "{m*:0}facts"];
    for (const key of foreign) await admin.sendCommand(["SET", key, "theirs"]);
    const other = await open(server.url, "mine:0");
    await put(other, touch("a", 1));
    const store = await open(server.url, "mine");
    await put(store, touch("b", 2));
    await store.clear();
    expect(await store.read(u1)).toEqual(emptyState(u1));
    expect((await other.read(u1)).touches).toHaveLength(1);
    for (const key of foreign) expect(await admin.sendCommand(["GET", key])).toBe("theirs");
    const own = (await admin.sendCommand(["KEYS", "{mine:0}*"])) as unknown as string[];
    expect(own.sort()).toEqual(["{mine:0}facts", "{mine:0}marker", "{mine:0}other"]);
  });

  it("tells the others once that one of them has cleared it, and then takes them along", async () => {
    const one = await open(server.url, "others", { log: "log-1" });
    const [other, third] = [await open(server.url, "others"), await open(server.url, "others")];
    await one.apply(logged([interaction("u1", touch("a", 1))]));
    expect(await other.readApplied()).toBe(1);
    await one.clear();
    for (const id of ["b", "c", "d"]) await put(one, touch(id, 1)); // newer than what the other one has seen
    await expect(other.read(u1)).rejects.toMatchObject(lost);
    await expect(put(third, touch("stale", 9))).rejects.toMatchObject(lost);
    expect(await other.readApplied()).toBe(0);
    expect((await other.read(u1)).touches).toHaveLength(3);
    await one.clear();
    await expect(other.readApplied()).rejects.toMatchObject(lost);
    expect(await other.readApplied()).toBe(0);
    await one.clear();
    await expect(other.apply(logged([interaction("u1", touch("a", 1))]))).rejects.toMatchObject(lost);
  });

  it("is whole in the end where two clear it at once", async () => {
    const [one, other] = [await open(server.url, "both"), await open(server.url, "both")];
    await put(one, touch("a", 1));
    for (const result of await Promise.allSettled([one.clear(), other.clear(), one.clear()])) {
      if (result.status === "rejected") expect(result.reason).toMatchObject(away);
    }
    await one.clear();
    await put(one, touch("b", 2));
    await other.readApplied().catch(() => {});
    await other.readApplied();
    expect((await other.read(u1)).touches).toEqual([touch("b", 2)]);
  });

  it("is lost, and mended by clear, where the process that cleared it was killed in the middle", async () => {
    const before = await open(server.url, "half");
    await put(before, touch("a", 1));
    await admin.sendCommand(["HSET", "{half:0}facts", "epoch", "x", "clearing", "1"]);
    const store = await open(server.url, "half");
    await expect(store.read(u1)).rejects.toMatchObject(lost);
    await expect(store.readApplied()).rejects.toMatchObject(lost);
    await store.clear();
    expect(await store.read(u1)).toEqual(emptyState(u1));
  });

  it("refuses what is not its own, and what was kept for a shorter time, with the cure", async () => {
    await admin.sendCommand(["HSET", "{foreign:0}facts", "format", "upnext-state-redis/99"]);
    const unlike = expect.stringMatching(
      /expected the format upnext-state-redis\/1, came .*99; choose another prefix/,
    );
    await expect(open(server.url, "foreign")).rejects.toMatchObject({ ...away, message: unlike });
    await admin.sendCommand(["SET", "{text:0}facts", "theirs"]);
    await expect(open(server.url, "text")).rejects.toMatchObject(away);
    await open(server.url, "short", { limits: { ...limits, maxAge: HOUR } });
    const short = expect.stringMatching(
      /keeps touches for 3600000 ms and now no limit of their age is wanted/,
    );
    await expect(open(server.url, "short")).rejects.toMatchObject({ ...away, message: short });
    for (const url of ["http://me:secret@host", "me:secret@host", "redis://"]) {
      const message = expect.stringMatching(/^(?!.*secret).*expected a URL of Redis/);
      await expect(open(url, "url")).rejects.toMatchObject({ code: "invalid_config", message });
    }
    await expect(open(server.url, "a}b")).rejects.toMatchObject({ code: "invalid_config" });
  });

  it("opens with a password and in a database of its own, and tells no password where it is wrong", async () => {
    await admin.sendCommand(["CONFIG", "SET", "requirepass", "s3cret"]);
    try {
      const address = `127.0.0.1:${server.port}`;
      const store = await open(`redis://:s3cret@${address}/3`, "login");
      await put(store, touch("a", 1));
      expect((await store.read(u1)).touches).toHaveLength(1);
      expect(await admin.sendCommand(["EXISTS", "{login:0}facts"])).toBe(0); // in database 0
      const message = expect.stringMatching(/^(?!.*wr0ng).*no connection \(WRONGPASS/);
      await expect(open(`redis://:wr0ng@${address}`, "login")).rejects.toMatchObject({ ...away, message });
    } finally {
      await admin.sendCommand(["CONFIG", "SET", "requirepass", ""]);
    }
  });

  it("refuses a server that drops keys when its memory is full", async () => {
    const set = (name: string, value: string) => admin.sendCommand(["CONFIG", "SET", name, value]);
    const message = expect.stringMatching(/maxmemory-policy volatile-lru it drops states.*set noeviction/);
    await set("maxmemory-policy", "volatile-lru");
    await open(server.url, "policy", { limits: { ...limits, maxAge: HOUR } });
    await set("maxmemory", "100mb");
    const aged = open(server.url, "policy", { limits: { ...limits, maxAge: HOUR } });
    await expect(aged).rejects.toMatchObject({ ...away, message });
    await open(server.url, "policy-2"); // none of its keys expire
    await set("maxmemory-policy", "allkeys-lru");
    await expect(open(server.url, "policy-2")).rejects.toMatchObject(away);
    await set("maxmemory-policy", "noeviction");
    await set("maxmemory", "0");
  });

  it("keeps `applied` where it was when Redis has no memory for a part of the batch", async () => {
    const store = await open(server.url, "full");
    await put(store, touch("a", 1));
    const used = Number(/used_memory:(\d+)/.exec(String(await admin.sendCommand(["INFO", "memory"])))![1]);
    await admin.sendCommand(["CONFIG", "SET", "maxmemory", String(used + 200_000)]);
    const log = logged(Array.from({ length: 2_000 }, (_, i) => interaction(`u${i}`, touch(`e${i}`, i))));
    await expect(store.apply(log)).rejects.toMatchObject({ ...away, message: expect.stringMatching(/OOM/) });
    const taken = ((await admin.sendCommand(["KEYS", "{full:0}t=*"])) as unknown as string[]).length;
    expect(taken).toBeGreaterThan(1);
    expect(taken).toBeLessThan(2_000);
    expect([store.applied, await store.readApplied()]).toEqual([0, 0]);
    await admin.sendCommand(["CONFIG", "SET", "maxmemory", "0"]);
    await store.apply(log);
    expect([store.applied, await store.readApplied()]).toEqual([2_000, 2_000]);
    expect((await store.read(user("u1999"))).touches).toHaveLength(1);
  });

  it("says that a state cannot be read without naming the user", async () => {
    const store = await open(server.url, "bytes");
    await put(store, touch("a", 1));
    await admin.sendCommand(["ZADD", "{bytes:0}t=u1", "7", "noise"]);
    const message = expect.stringMatching(/^(?!.*u1).*a state cannot be read/);
    await expect(store.read(u1)).rejects.toMatchObject({ ...away, message });
    await admin.sendCommand(["SET", "{bytes:0}v=u1", "theirs"]);
    await expect(store.read(u1)).rejects.toMatchObject({
      ...away,
      message: expect.stringMatching(/WRONGTYPE/),
    });
  });
});

describe.skipIf(redisMissing !== undefined)(`the Redis store and a server that fails${skipped}`, () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await redisServer();
  });
  afterAll(() => server?.stop());

  it("refuses everything at once while the server is gone, and says that it is lost when it is back empty", async () => {
    const store = await open(server.url, "empty");
    await store.apply(logged([interaction("u1", touch("a", 1))]));
    await server.kill();
    await expect(store.read(u1)).rejects.toMatchObject(away);
    const start = performance.now();
    for (const call of everyCall(store)) await expect(call()).rejects.toMatchObject(away);
    expect(performance.now() - start).toBeLessThan(500);

    await server.restartEmpty();
    await until(() => store.read(u1), lost.code);
    for (const call of everyCall(store)) await expect(call()).rejects.toMatchObject(lost);
    await until(() => store.clear());
    expect([store.applied, await store.readApplied()]).toEqual([0, 0]);
    expect(await store.read(u1)).toEqual(emptyState(u1));
    await store.apply(logged([interaction("u1", touch("b", 1))]));
    expect((await store.read(u1)).touches).toEqual([touch("b", 1)]);
  });

  it("is lost where nothing was read before the server was back empty", async () => {
    const store = await open(server.url, "quick");
    await put(store, touch("a", 1));
    await server.restartEmpty();
    await until(() => store.readApplied(), lost.code);
    await expect(store.read(u1)).rejects.toMatchObject(lost);
  });

  it("gives up on a server that hangs, and is there again soon after it goes on", async () => {
    const store = await open(server.url, "hang");
    await put(store, touch("a", 1));
    server.pause();
    const start = performance.now();
    await expect(store.read(u1)).rejects.toMatchObject({
      ...away,
      message: expect.stringMatching(/no answer within/),
    });
    expect(performance.now() - start).toBeLessThan(3_000);
    const later = performance.now();
    await expect(store.read(u1)).rejects.toMatchObject(away); // at once: there is no connection now
    expect(performance.now() - later).toBeLessThan(500);
    server.resume();
    const resumed = performance.now();
    await until(() => store.read(u1));
    expect(performance.now() - resumed).toBeLessThan(2_000);
    expect((await store.read(u1)).touches).toEqual([touch("a", 1)]);
  });

  it("rejects within a few seconds where nothing answers", async () => {
    server.pause();
    const start = performance.now();
    await expect(open(server.url, "opening")).rejects.toMatchObject(away);
    server.resume();
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    silent.close();
    await expect(open(`redis://127.0.0.1:${port}`, "opening")).rejects.toMatchObject(away);
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it("is lost where the server is back with an older file", async () => {
    const dir = await mkdtemp(join(tmpdir(), "upnext-aof-"));
    const durable = await redisServer({ appendonly: true, appendfsync: "always", dir: join(dir) });
    try {
      const store = await open(durable.url, "older");
      await store.apply(logged([interaction("u1", touch("a", 1))]));
      await cp(dir, `${dir}-copy`, { recursive: true });
      await durable.kill();
      await durable.start();
      await until(() => store.read(u1));
      expect(await store.readApplied()).toBe(1); // nothing was lost
      await until(() => store.apply(logged([interaction("u1", touch("b", 2))], 1)));

      await durable.kill();
      await rm(dir, { recursive: true });
      await cp(`${dir}-copy`, dir, { recursive: true });
      await durable.start();
      await until(() => store.read(u1), lost.code);
      await expect(store.readApplied()).rejects.toMatchObject(lost);
      const fresh = await open(durable.url, "older");
      expect([fresh.applied, (await fresh.read(u1)).touches]).toEqual([1, [touch("a", 1)]]); // of one moment
      await until(() => store.clear());
      expect(await store.read(u1)).toEqual(emptyState(u1));
    } finally {
      await durable.stop();
      for (const folder of [dir, `${dir}-copy`]) await rm(folder, { recursive: true, force: true });
    }
  });
});

describe.skipIf(redisMissing !== undefined)(`the Redis Cluster store${skipped}`, () => {
  const keys = new RedisKeys("c", 256);
  const users = Array.from({ length: 60 }, (_, i) => user(`u${i}`));
  let cluster: RedisCluster;
  let store: StateStore;
  beforeAll(async () => {
    cluster = await redisCluster();
  });
  afterAll(() => cluster?.stop());

  async function openCluster(nodes = cluster.urls): Promise<StateStore> {
    const opened = await openStateStore({ store: "redis-cluster", nodes, prefix: "c" }, { limits });
    stores.push(opened);
    return opened;
  }
  /** Runs a command at node `i`. */
  async function at(i: number, ...args: string[]): Promise<unknown> {
    const client = createClient({ url: cluster.urls[i]! });
    await client.connect();
    try {
      return await client.sendCommand(args);
    } finally {
      client.destroy();
    }
  }
  let movedSlot = -1;
  const nodeOf = (who: string) => {
    const slot = keys.slotOf(keys.shardOf(user(who)));
    return slot === movedSlot ? 1 : Math.floor((slot * 3) / 16_384);
  };
  const onNode = (i: number) => users.filter((one) => nodeOf(one) === i);
  const fill = (to: StateStore) =>
    to.apply(
      logged(
        users.map((one, i) => interaction(one, touch(`e${i}`, i))),
        to.applied,
      ),
    );

  it("takes one round trip for a read and for a write, and needs only one node to find the others", async () => {
    store = await openCluster([cluster.urls[1]!]);
    await fill(store);
    expect((await store.read(users[7]!)).touches).toEqual([touch("e7", 7)]);
    expect(await at(0, "CLUSTER", "KEYSLOT", keys.marker(9))).toBe(keys.slotOf(9));
    const calls = async () => {
      const stats = await Promise.all([0, 1, 2].map((i) => at(i, "INFO", "commandstats")));
      return stats.map((text) => Number(/cmdstat_evalsha:calls=(\d+)/.exec(String(text))?.[1] ?? 0));
    };
    const before = await calls();
    await store.read(users[7]!);
    await store.write([{ user: users[7]!, touches: [touch("z", 1)] }]);
    const expected = before.map((count, i) => (i === nodeOf(users[7]!) ? count + 2 : count));
    expect(await calls()).toEqual(expected);
  });

  it("does not say that a batch is applied while one of the nodes has not taken its part", async () => {
    store = await openCluster();
    await store.clear();
    const full = (Math.floor((keys.slotOf(keys.factsShard) * 3) / 16_384) + 1) % 3; // not the one with `applied`
    await at(full, "CONFIG", "SET", "maxmemory", "1mb");
    await expect(fill(store)).rejects.toMatchObject({ ...away, message: expect.stringMatching(/OOM/) });
    expect([store.applied, await store.readApplied()]).toEqual([0, 0]);
    await at(full, "CONFIG", "SET", "maxmemory", "0");
    await fill(store);
    expect([store.applied, await store.readApplied()]).toEqual([users.length, users.length]);
  });

  it("follows a slot that moves to another node", async () => {
    store = await openCluster();
    await store.clear();
    await fill(store);
    const digest = await stateDigest(store);
    const who = onNode(0)[0]!;
    const slot = String(keys.slotOf(keys.shardOf(who)));
    const [from, to] = [String(await at(0, "CLUSTER", "MYID")), String(await at(1, "CLUSTER", "MYID"))];
    await at(1, "CLUSTER", "SETSLOT", slot, "IMPORTING", from);
    await at(0, "CLUSTER", "SETSLOT", slot, "MIGRATING", to);
    const moved = (await at(0, "CLUSTER", "GETKEYSINSLOT", slot, "1000")) as string[];
    await at(0, "MIGRATE", "127.0.0.1", String(cluster.nodes[1]!.port), "", "0", "5000", "KEYS", ...moved);
    await expect(store.read(who)).rejects.toMatchObject(away);
    for (const i of [1, 0, 2]) await at(i, "CLUSTER", "SETSLOT", slot, "NODE", to);
    movedSlot = Number(slot);
    expect((await store.read(who)).touches).toHaveLength(1);
    await fill(store);
    expect(await stateDigest(store)).toBe(digest);
  });

  it("is lost where one node alone is back empty, and mended by clear", async () => {
    store = await openCluster();
    await store.clear();
    await fill(store);
    const other = await openCluster();
    const [there, gone] = [onNode(0).at(-1)!, onNode(2)[0]!];
    await cluster.nodes[2]!.kill();
    await expect(store.read(gone)).rejects.toMatchObject(away);
    expect((await store.read(there)).touches).toHaveLength(1);
    await cluster.nodes[2]!.restartEmpty();
    await until(() => store.read(gone), lost.code);
    await expect(store.readApplied()).rejects.toMatchObject(lost);
    await until(() => other.readApplied(), lost.code);
    const late = await openCluster();
    await expect(late.read(gone)).rejects.toMatchObject(lost);
    await until(() => store.clear());
    await fill(store);
    for (const one of users) expect((await store.read(one)).touches).toHaveLength(1);
    expect(await other.readApplied()).toBe(users.length);
    expect((await other.read(gone)).touches).toHaveLength(1);
  });

  it("is lost for whoever opens it after a node has lost the end of what it was given", async () => {
    store = await openCluster();
    await store.clear();
    await fill(store);
    await fill(store);
    const shard = keys.shardOf(users[3]!);
    await at(nodeOf(users[3]!), "HSET", keys.marker(shard), "version", "1");
    await expect((await openCluster()).read(users[3]!)).rejects.toMatchObject(lost);
    await expect(store.read(users[3]!)).rejects.toMatchObject(lost);
  });
});

const item = {
  kind: "item",
  id: touch("i", 0).id,
  time: at(0),
  item: touch("a", 0).item,
  facts: {},
} as const;

/** Every call that needs what the store holds. */
function everyCall(store: StateStore): (() => Promise<unknown>)[] {
  return [
    () => store.read(u1),
    () => put(store, touch("x", 9)),
    () => store.erase(u1, at(0)),
    () => store.apply(logged([interaction("u1", touch("y", 9))], store.applied)),
    () => store.readApplied(),
    () => store.skipTo((store.applied + 1) as Offset),
    () => stateDigest(store),
  ];
}

/** Calls until it resolves, or rejects with `code`; other rejections are waited out. */
async function until(call: () => Promise<unknown>, code?: string): Promise<void> {
  const end = performance.now() + 15_000;
  while (performance.now() < end) {
    const outcome = await call().then(
      () => undefined,
      (error) => error.code,
    );
    if (outcome === code) return;
    await sleep(10);
  }
  throw new Error(`it did not come to ${code ?? "an answer"}`);
}

/** A way to the server that counts how often something was sent after something had come back. */
async function flightCounter(target: number) {
  let flights = 0;
  const open: { destroy(): void }[] = [];
  const proxy = createServer((client) => {
    const server = connect(target, "127.0.0.1");
    open.push(client, server);
    let answered = true;
    client.on("data", (bytes) => {
      if (/^\*1\r\n\$4\r\nPING\r\n$/.test(bytes.toString("latin1"))) return void server.write(bytes);
      if (answered) flights++;
      answered = false;
      server.write(bytes);
    });
    server.on("data", (bytes) => {
      if (bytes.toString("latin1") !== "+PONG\r\n") answered = true;
      client.write(bytes);
    });
    for (const socket of [client, server]) socket.on("error", () => {});
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const stop = () => {
    for (const socket of open) socket.destroy();
    proxy.close();
  };
  return { port: (proxy.address() as AddressInfo).port, flights: () => flights, stop };
}
