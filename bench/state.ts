/**
 * User state: reading a user with 50 touches, and taking one event, for every store. Users are at their limit, so a
 * new touch drops the oldest and the sizes stay.
 *
 * All stores and a bare LMDB get of the same bytes are measured in one process, round after round, in an order that
 * turns round each time; a figure is the median over the rounds with the smallest and the largest. Latencies are of
 * one call at a time; rates also with 64 calls in flight. CPU time counts all threads, so LMDB's writer is in it.
 */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
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
} from "../src/core/index.ts";
import type { LoggedEvent } from "../src/events/index.ts";
import { STATE_STORES, type StateStore } from "../src/state/index.ts";

const USERS = 1000;
const TOUCHES = 50;
const ROUNDS = 5;
const READS = 4000;
const APPENDS = 400;
const IN_FLIGHT = 64;
const CATCH_UP = 20_000;
const CATCH_UP_BATCH = 4096;

interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** What one round of one subject gave: figures by name. */
type Figures = Record<string, number>;

interface Subject {
  readonly name: string;
  round(): Promise<Figures>;
}

export async function run(): Promise<Record<string, unknown>> {
  const folder = await mkdtemp(join(tmpdir(), "upnext-bench-state-"));
  const subjects: Subject[] = [];
  const bytesPerUser: Record<string, Figures> = {};
  const stores: StateStore[] = [];
  const warmLog = events(0, USERS * TOUCHES);
  for (const [name, open] of Object.entries(STATE_STORES)) {
    const path = join(folder, name);
    const heapBefore = heapUsed();
    const store = await open({ path } as never, { limits: { touches: TOUCHES, vetoes: TOUCHES } });
    for (let i = 0; i < warmLog.length; i += CATCH_UP_BATCH) {
      await store.apply(warmLog.slice(i, i + CATCH_UP_BATCH));
    }
    const file = await stat(join(path, "data.mdb")).catch(() => undefined);
    bytesPerUser[name] =
      file === undefined ? { heap: (heapUsed() - heapBefore) / USERS } : { file: file.size / USERS };
    stores.push(store);
    subjects.push({ name, round: () => storeRound(store) });
  }
  const bare = openLmdb<Buffer, Buffer>({
    path: join(folder, "lmdb"),
    noSubdir: false,
    encoding: "binary",
    keyEncoding: "binary",
  });
  Object.assign(bytesPerUser, { "lmdb value": { value: bare.getBinary(keyOf("u1"))!.length } });
  subjects.push({ name: "bare lmdb get", round: async () => bareRound(bare) });

  const measured = await measure(subjects);
  for (const store of stores) await store.close();
  await bare.close();
  await rm(folder, { recursive: true });
  return { users: USERS, touches: TOUCHES, rounds: ROUNDS, inFlight: IN_FLIGHT, bytesPerUser, ...measured };
}

/** One warm-up round, then the others in turning order. */
async function measure(subjects: readonly Subject[]): Promise<Record<string, Record<string, Spread>>> {
  const seen = new Map<string, Figures[]>(subjects.map(({ name }) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    const order = round % 2 === 0 ? subjects : [...subjects].reverse();
    for (const subject of order) {
      const figures = await subject.round();
      if (round > 0) seen.get(subject.name)!.push(figures);
    }
  }
  return Object.fromEntries([...seen].map(([name, rounds]) => [name, spreads(rounds)]));
}

async function storeRound(store: StateStore): Promise<Figures> {
  const random = new Random(`bench ${store.applied}`);
  const anyone = () => `u${random.int(USERS)}` as UserId;
  const read = async () => check((await store.read(anyone())).touches.length);
  const figures: Figures = {
    ...(await alone("read", READS, read)),
    ...(await together("read", READS, read)),
  };

  let next = store.applied as number;
  let log = events(next, 2 * APPENDS);
  const append = () => store.apply([log[next++ - log[0]!.offset]!]);
  Object.assign(figures, await alone("append", APPENDS, append));
  Object.assign(figures, await together("append", APPENDS, append));

  next = store.applied;
  log = events(next, CATCH_UP);
  const batches = Math.ceil(CATCH_UP / CATCH_UP_BATCH);
  const taken = await timed(async () => {
    for (let i = 0; i < batches; i++) {
      await store.apply(log.slice(i * CATCH_UP_BATCH, (i + 1) * CATCH_UP_BATCH));
    }
  });
  figures["catch-up events/s"] = CATCH_UP / taken.seconds;
  figures["catch-up cpu us/event"] = (taken.cpuSeconds / CATCH_UP) * 1e6;
  return figures;
}

/** The floor of a read: the same bytes, without decoding. */
async function bareRound(db: RootDatabase<Buffer, Buffer>): Promise<Figures> {
  const random = new Random("bare");
  const get = async () => check(db.getBinary(keyOf(`u${random.int(USERS)}`))!.length);
  return { ...(await alone("read", READS, get)), ...(await together("read", READS, get)) };
}

/** One call at a time. */
async function alone(name: string, count: number, call: () => Promise<void>): Promise<Figures> {
  const latencies = new Float64Array(count);
  const taken = await timed(async () => {
    for (let i = 0; i < count; i++) {
      const start = performance.now();
      await call();
      latencies[i] = (performance.now() - start) * 1000;
    }
  });
  latencies.sort();
  return {
    [`${name} p50 us`]: latencies[Math.floor(count * 0.5)]!,
    [`${name} p99 us`]: latencies[Math.floor(count * 0.99)]!,
    [`${name} ops/s, 1 in flight`]: count / taken.seconds,
    [`${name} cpu us/op, 1 in flight`]: (taken.cpuSeconds / count) * 1e6,
  };
}

/** IN_FLIGHT callers that each call again once answered. */
async function together(name: string, count: number, call: () => Promise<void>): Promise<Figures> {
  let left = count;
  const caller = async () => {
    while (left-- > 0) await call();
  };
  const taken = await timed(async () => {
    await Promise.all(Array.from({ length: IN_FLIGHT }, caller));
  });
  return {
    [`${name} ops/s, ${IN_FLIGHT} in flight`]: count / taken.seconds,
    [`${name} cpu us/op, ${IN_FLIGHT} in flight`]: (taken.cpuSeconds / count) * 1e6,
  };
}

async function timed(work: () => Promise<void>): Promise<{ seconds: number; cpuSeconds: number }> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuSeconds: (user + system) / 1e6 };
}

/** Events of the log from offset `from` on, one second apart, each user in turn, in a scattered order of items. */
function events(from: number, count: number): LoggedEvent[] {
  return Array.from({ length: count }, (_, i) => {
    const offset = from + i;
    return {
      offset: offset as Offset,
      event: {
        kind: "interaction",
        id: `event-${offset}` as EventId,
        user: `u${offset % USERS}` as UserId,
        item: `v${(offset * 7919) % 5000}` as ItemId,
        type: "watch",
        value: (offset % 10) / 10,
        time: (1_700_000_000_000 + offset * 1000) as EpochMs,
      },
    };
  });
}

function keyOf(user: string): Buffer {
  return Buffer.from(`\u0001${user}`);
}

function spreads(rounds: readonly Figures[]): Record<string, Spread> {
  const names = Object.keys(rounds[0] ?? {});
  return Object.fromEntries(
    names.map((name) => {
      const values = rounds.map((figures) => figures[name]!).sort((a, b) => a - b);
      return [
        name,
        {
          median: rounded(values[values.length >> 1]!),
          min: rounded(values[0]!),
          max: rounded(values.at(-1)!),
        },
      ];
    }),
  );
}

/** Four digits are more than the spread leaves certain. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/** Bytes on the heap after a collection. */
function heapUsed(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)(); // --expose-gc makes this function
  return process.memoryUsage().heapUsed;
}

/** Keeps the result of a call in use. */
function check(size: number): void {
  if (size === 0) throw new Error("bench: read a user that should have touches");
}
