/**
 * Reads of 50 touches and appends of one event, for every store: one call at a time, and 64 at once.
 *
 * `append` applies one event of the log, as the follower does, in the order of the log; `write` merges one touch, in no
 * order, and is durable where the store is. Users are at their limit, so a new touch drops the oldest and the sizes
 * stay. Beside LMDB a bare get of the same
 * bytes, copied out; beside Redis the commands of a read and of an append as a plain pipeline. CPU time is that of this
 * process, all threads; of Redis also the server's, as it tells it. An append's rate and CPU time end when the store's
 * file has it.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { open as openLmdb, type RootDatabase } from "lmdb";
import {
  type EpochMs,
  type EventId,
  type ItemId,
  type Offset,
  Random,
  type UserId,
} from "../../src/core/index.ts";
import type { LoggedEvent } from "../../src/events/index.ts";
import type { openStateStore, StatePlace, StateStore, UserTouches } from "../../src/state/index.ts";
import { called, type Figures, type Subject, timed } from "./measure.ts";
import { type BareRedis, openBareRedis, type RedisUse, useOf } from "./redis.ts";

const TOUCHES = 50;
const FLIGHTS = [1, 64];
const FILL_BATCH = 4096;

interface Size {
  readonly users: number;
  readonly reads: number;
  readonly appends: number;
  readonly writes: number;
  /** Events that are applied in batches, as at start. */
  readonly catchUp: number;
}

/** dynalite takes a millisecond a row. */
const SMALL: Size = { users: 40, reads: 60, appends: 60, writes: 60, catchUp: 0 };
const USUAL: Size = { users: 1000, reads: 4000, appends: 4000, writes: 400, catchUp: 20_000 };

/** The stores as they are run, compiled: loaded as a benchmark is, from its sources, a read costs half as much again. */
export type OpenStateStore = typeof openStateStore;

export interface Servers {
  readonly places: ReadonlyMap<string, StatePlace>;
  /** URLs of the Redis servers behind a store. */
  readonly redis: ReadonlyMap<string, readonly string[]>;
}

export interface StoreSubjects {
  readonly subjects: readonly Subject[];
  readonly bytesPerUser: Readonly<Record<string, Figures>>;
  close(): Promise<void>;
}

/** Fills every store that has a place, and makes it and what stands beside it the subjects of a measurement. */
export async function storeSubjects(
  open: OpenStateStore,
  { places, redis }: Servers,
): Promise<StoreSubjects> {
  const subjects: Subject[] = [];
  const bytesPerUser: Record<string, Figures> = {};
  const closing: (() => Promise<void>)[] = [];
  for (const [name, place] of places) {
    const size = name === "dynamodb" ? SMALL : USUAL;
    const urls = redis.get(name);
    const use = urls && (await useOf(urls));
    const before = { heap: heapUsed(), redis: await use?.bytes() };
    const store = await filled(open, place, size);
    const after = { heap: heapUsed(), redis: await use?.bytes() };
    if (place.store === "memory") bytesPerUser[name] = { heap: (after.heap - before.heap) / size.users };
    if (after.redis !== undefined) {
      bytesPerUser[name] = { used_memory: (after.redis - before.redis!) / size.users };
    }
    subjects.push({ name, round: () => storeRound(store, size, use) });
    closing.push(() => store.close());
    if (use !== undefined) closing.push(() => use.close());
    if (place.store === "lmdb") {
      const bare = openBareLmdb(place.path);
      const { size: file } = await stat(join(place.path, "data.mdb"));
      bytesPerUser[name] = { value: bare.getBinary(keyOf("u1"))!.length, file: file / size.users };
      subjects.push({ name: "bare LMDB get", round: () => bareLmdbRound(bare) });
      closing.push(() => bare.close());
    }
    if (place.store === "redis") {
      const bare = await openBareRedis(place.url, USUAL.users);
      subjects.push({ name: "bare Redis pipeline", round: () => bareRedisRound(bare, use!) });
      closing.push(() => bare.close());
    }
  }
  return {
    subjects,
    bytesPerUser,
    async close() {
      for (const close of closing) await close();
    },
  };
}

async function filled(open: OpenStateStore, place: StatePlace, size: Size): Promise<StateStore> {
  const options = { limits: { touches: TOUCHES, vetoes: TOUCHES } };
  const store = await open(place, options);
  const log = events(0, size.users * TOUCHES, size.users);
  for (let i = 0; i < log.length; i += FILL_BATCH) await store.apply(log.slice(i, i + FILL_BATCH));
  if (place.store === "memory") return store;
  // What is written behind is in the file then.
  await store.close();
  return open(place, options);
}

async function storeRound(store: StateStore, size: Size, use: RedisUse | undefined): Promise<Figures> {
  const random = new Random(`bench ${store.applied}`);
  const read = async () => {
    const { touches } = await store.read(`u${random.int(size.users)}` as UserId);
    check(touches.length === TOUCHES);
  };
  const figures: Record<string, number> = {};
  for (const flight of FLIGHTS) {
    const counted = await counting(use, size.reads, `read, ${flight} in flight`, () =>
      called("read", size.reads, flight, read),
    );
    Object.assign(figures, counted);
    if (use !== undefined && flight === 1) figures["round trips a read"] = oneRoundTrip(use);
  }
  for (const flight of FLIGHTS) {
    let next: number = store.applied;
    const log = events(next, size.appends, size.users);
    const append = () => store.apply([log[next++ - log[0]!.offset]!]);
    const counted = await counting(use, size.appends, `append, ${flight} in flight`, () =>
      called("append", size.appends, flight, append, () => written(store)),
    );
    Object.assign(figures, counted);
  }
  for (const flight of FLIGHTS) {
    const log = events(store.applied, size.writes, size.users).values();
    const write = () => store.write([writeOf(log.next().value!)]);
    const counted = await counting(use, size.writes, `write, ${flight} in flight`, () =>
      called("write", size.writes, flight, write),
    );
    Object.assign(figures, counted);
  }
  return size.catchUp === 0 ? figures : { ...figures, ...(await catchUp(store, size)) };
}

/** Batches as a store gets them when it follows the log from far behind. */
async function catchUp(store: StateStore, { catchUp: count, users }: Size): Promise<Figures> {
  const log = events(store.applied, count, users);
  const taken = await timed(async () => {
    for (let i = 0; i < log.length; i += FILL_BATCH) await store.apply(log.slice(i, i + FILL_BATCH));
    await written(store);
  });
  return {
    "catch-up: events/s": count / taken.seconds,
    "catch-up: cpu us/event": (taken.cpuSeconds / count) * 1e6,
  };
}

/** A list of users comes from where the states are kept, so all that was written behind is there first. */
async function written(store: StateStore): Promise<void> {
  if (store.remote) return;
  for await (const _ of store.users()) return;
}

/** The figures of `measured`, and the CPU time of the Redis servers meanwhile. */
async function counting(
  use: RedisUse | undefined,
  count: number,
  title: string,
  measured: () => Promise<Figures>,
): Promise<Figures> {
  await use?.begin();
  const figures = await measured();
  if (use === undefined) return figures;
  await use.end();
  return { ...figures, [`${title}: server cpu us/op`]: (use.cpuSeconds / count) * 1e6 };
}

/** Throws where the reads that were counted last took more than one each. */
function oneRoundTrip(use: RedisUse): number {
  const trips = use.replies / USUAL.reads;
  // Some pings of the connection, and the counting itself, are among them.
  if (trips < 1 || trips > 1.02) {
    throw new Error(`bench/state: expected one round trip a read, counted ${trips}`);
  }
  return Math.floor(trips * 100) / 100;
}

/** The floor of an LMDB read: the same bytes, copied out and not decoded. */
async function bareLmdbRound(db: RootDatabase<Buffer, Buffer>): Promise<Figures> {
  const random = new Random("bare");
  const get = async () => check(db.getBinary(keyOf(`u${random.int(USUAL.users)}`))!.length > TOUCHES);
  const figures: Record<string, number> = {};
  for (const flight of FLIGHTS) Object.assign(figures, await called("read", USUAL.reads, flight, get));
  return figures;
}

/** The floor of Redis: what the scripts do, as commands that go out together, answers not decoded. */
async function bareRedisRound(bare: BareRedis, use: RedisUse): Promise<Figures> {
  const random = new Random("bare");
  const figures: Record<string, number> = {};
  const { users, reads, appends } = USUAL;
  for (const flight of FLIGHTS) {
    const read = async () => check((await bare.read(random.int(users))) === TOUCHES);
    const title = `read, ${flight} in flight`;
    Object.assign(figures, await counting(use, reads, title, () => called("read", reads, flight, read)));
  }
  for (const flight of FLIGHTS) {
    const append = () => bare.append(random.int(users));
    const title = `append, ${flight} in flight`;
    const measured = () => called("append", appends, flight, append);
    Object.assign(figures, await counting(use, appends, title, measured));
  }
  return figures;
}

/** Events of the log from offset `from` on, one second apart, each user in turn, in a scattered order of items. */
function events(from: number, count: number, users: number): LoggedEvent[] {
  return Array.from({ length: count }, (_, i) => {
    const offset = from + i;
    return {
      offset: offset as Offset,
      event: {
        kind: "interaction",
        id: `event-${offset}` as EventId,
        user: `u${offset % users}` as UserId,
        item: `v${(offset * 7919) % 5000}` as ItemId,
        type: "watch",
        value: (offset % 10) / 10,
        time: (1_700_000_000_000 + offset * 1000) as EpochMs,
      },
    };
  });
}

function writeOf({ event }: LoggedEvent): UserTouches {
  if (event.kind !== "interaction") throw new Error("bench/state: only interactions leave touches");
  const { user, id, item, type, time, value = Number.NaN } = event;
  return { user, touches: [{ id, item, type, time, value }] };
}

function openBareLmdb(path: string): RootDatabase<Buffer, Buffer> {
  return openLmdb<Buffer, Buffer>({ path, noSubdir: false, encoding: "binary", keyEncoding: "binary" });
}

function keyOf(user: string): Buffer {
  return Buffer.from(`\u0001${user}`);
}

/** Bytes on the heap after a collection. */
function heapUsed(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)(); // --expose-gc makes this function
  return process.memoryUsage().heapUsed;
}

/** Keeps the result of a call in use. */
function check(whole: boolean): void {
  if (!whole) throw new Error("bench/state: read a user who should have touches");
}
