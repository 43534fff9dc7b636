/**
 * What keeping a directory costs: moving user states to another store, comparing them, a backup and its way back.
 *
 * One after the other in one process, ROUNDS times; a figure is the median over the rounds with the smallest and the
 * largest. CPU time counts all threads of this process, not Redis. Nothing is appended meanwhile.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { backup, restore } from "../src/backup/index.ts";
import {
  type EpochMs,
  type EventId,
  type ItemId,
  type Offset,
  silent,
  systemClock,
  type UserId,
} from "../src/core/index.ts";
import { type Event, openFileLog } from "../src/events/index.ts";
import {
  type MigrationReport,
  migrate,
  openStateStore,
  type StatePlace,
  type StateStore,
} from "../src/state/index.ts";
import { redisMissing, redisServer } from "../test/servers/redis.ts";

export const about =
  "Moving user states to another store and comparing them, users with 50 touches each; backup and restore of a log without erasures.";
export const needsBuild = false;

const ROUNDS = 3;
const USERS = 50_000;
const TOUCHES = 50;
const EVENTS = 1_000_000;
const PAGE = 1_000;
const APPENDED = 10_000;

type Figures = Record<string, number>;

/** @param args numbers of users and of events; 50,000 and 1,000,000 where they are absent */
export async function run([users = USERS, events = EVENTS]: readonly (string | number)[]): Promise<unknown> {
  const home = await mkdtemp(join(tmpdir(), "upnext-keeping-"));
  try {
    const moved = await moving(home, Number(users));
    const kept = await keeping(home, Number(events));
    return { users: Number(users), touches: TOUCHES, events: Number(events), rounds: ROUNDS, moved, kept };
  } finally {
    await rm(home, { recursive: true });
  }
}

async function moving(home: string, users: number): Promise<unknown> {
  const source = await openStateStore({ store: "lmdb", path: join(home, "source") }, {});
  await fill(source, users);
  const rows: unknown[] = [];
  const lmdb = await measured((round) =>
    move(home, source, { store: "lmdb", path: join(home, `target-${round}`) }),
  );
  rows.push({ to: "lmdb", ...lmdb });
  if (redisMissing === undefined) {
    const server = await redisServer();
    const redis = await measured((round) =>
      move(home, source, { store: "redis", url: server.url, prefix: `r${round}` }),
    );
    rows.push({ to: "redis", ...redis });
    await server.stop();
  }
  await source.close();
  return rows;
}

async function fill(source: StateStore, users: number): Promise<void> {
  for (let first = 0; first < users; first += PAGE) {
    await source.write(
      Array.from({ length: Math.min(PAGE, users - first) }, (_, i) => ({
        user: `user-${first + i}` as UserId,
        touches: Array.from({ length: TOUCHES }, (_, t) => ({
          id: `event-${first + i}-${t}` as EventId,
          item: `item-${((first + i) * 7 + t * 31) % 100_003}` as ItemId,
          type: "watch" as const,
          value: 0.5,
          time: (1_700_000_000_000 + t * 1000) as EpochMs,
        })),
      })),
    );
  }
  await source.skipTo(1 as Offset);
}

async function move(home: string, source: StateStore, place: StatePlace): Promise<Figures> {
  const target = await openStateStore(place, {});
  const nothing = {
    first: 0 as Offset,
    end: 1 as Offset,
    refresh: async () => 1 as Offset,
    async *read() {},
  };
  const before = process.cpuUsage();
  const report: MigrationReport = await migrate({
    ...{ source, target, log: nothing, logId: "bench", from: "here", to: "there", replace: false },
    ...{ file: join(home, "migration.json"), clock: systemClock, progress: silent },
  });
  const { user, system } = process.cpuUsage(before);
  await target.close();
  const { users, copyMs, verifyMs } = report;
  return {
    copied_users_per_s: (1000 * users) / copyMs,
    compared_users_per_s: (1000 * users) / verifyMs,
    cpu_us_per_user: (user + system) / users,
  };
}

async function keeping(home: string, events: number): Promise<unknown> {
  const directory = join(home, "data");
  const log = await openFileLog(join(directory, "log"));
  for (let n = 0; n < events; n += APPENDED) await log.append(someEvents(n, Math.min(APPENDED, events - n)));
  await log.close();
  const path = (round: number) => join(home, `copy-${round}`);
  const base = { clock: systemClock, progress: silent };
  const made = await measured((round) =>
    timed(() => backup({ directory, path: path(round), config: null, ...base })),
  );
  const back = await measured((round) => {
    const target = join(home, `restored-${round}`);
    return timed(() => restore({ path: path(round), directory: target, replace: false, ...base }));
  });
  return [
    { what: "backup", ...made },
    { what: "restore", ...back },
  ];
}

function someEvents(from: number, count: number): Event[] {
  return Array.from({ length: count }, (_, i) => ({
    kind: "interaction",
    id: `event-${from + i}` as EventId,
    user: `user-${(from + i) % 50_021}` as UserId,
    item: `item-${((from + i) * 7919) % 100_003}` as ItemId,
    type: "watch",
    value: 0.5,
    time: (1_700_000_000_000 + from + i) as EpochMs,
  }));
}

async function timed(work: () => Promise<{ readonly bytes: number }>): Promise<Figures> {
  const begin = performance.now();
  const before = process.cpuUsage();
  const { bytes } = await work();
  const { user, system } = process.cpuUsage(before);
  return { mb: bytes / 1e6, ms: performance.now() - begin, cpu_ms: (user + system) / 1000 };
}

/** Median, smallest and largest of each figure. */
async function measured(once: (round: number) => Promise<Figures>): Promise<Record<string, unknown>> {
  const rounds: Figures[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await once(round));
  const names = Object.keys(rounds[0]!);
  return Object.fromEntries(
    names.map((name) => {
      const values = rounds.map((figures) => figures[name]!).sort((a, b) => a - b);
      const [min, median, max] = [values[0]!, values[Math.floor(ROUNDS / 2)]!, values.at(-1)!].map(
        Math.round,
      );
      return [name, min === max ? median : { median, min, max }];
    }),
  );
}
