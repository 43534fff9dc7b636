/** Moving user states from one store to another while events come in: the copy equals the fold of the log. */
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from "vitest";
import { ManualClock, type Offset, Random, silent, systemClock } from "../../src/core/index.ts";
import { type Event, type EventLog, memoryLog } from "../../src/events/index.ts";
import {
  catchUp,
  compareStates,
  type FollowedLog,
  type MigrationReport,
  memoryStore,
  migrate,
  openStateStore,
  STATE_STORES,
  type StateStore,
  stateDigest,
} from "../../src/state/index.ts";
import { type Places, type StoreName, TEST_STORES } from "./stores.ts";
import { erasure, interaction, touch, user } from "./touches.ts";

const limits = { touches: 8, vetoes: 3 };
let folder: string;
let made = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "upnext-migrate-"));
});
afterAll(() => rm(folder, { recursive: true }));

function followed(log: EventLog): FollowedLog {
  return {
    get first() {
      return log.first;
    },
    get end() {
      return log.end;
    },
    read: (from) => log.read(from),
    refresh: async () => log.end,
  };
}

/** Events of 300 users, some late, some vetoes, some erasures. */
function someEvents(from: number, count: number, random: Random): Event[] {
  return Array.from({ length: count }, (_, i) => {
    const n = from + i;
    const who = `u${random.int(300)}`;
    const time = 1000 + n - random.int(200);
    if (random.int(100) === 0) return { ...erasure(who, time), id: `x${n}` as never };
    const type = random.int(10) === 0 ? ("hide" as const) : ("watch" as const);
    return interaction(who, touch(`e${n}`, time, { type, item: `v${random.int(50)}`, value: 0.5 }));
  });
}

let file: string;
beforeEach(() => {
  file = join(folder, `migration-${made++}.json`);
});

interface House {
  readonly log: EventLog;
  readonly source: StateStore;
  readonly target: StateStore;
  readonly random: Random;
}

const inMemory = async () => memoryStore({ limits });

async function house(events: number, stores = { source: inMemory, target: inMemory }): Promise<House> {
  const random = new Random(`house ${events}`);
  const log = memoryLog();
  await log.append(someEvents(0, events, random));
  const [source, target] = await Promise.all([stores.source(), stores.target()]);
  await catchUp(source, followed(log));
  return { log, source, target, random };
}

function move({ log, source, target }: House, replace = false): Promise<MigrationReport> {
  return migrate({
    source,
    target,
    log: followed(log),
    logId: "this log",
    from: "lmdb:a",
    to: "lmdb:b",
    file,
    replace,
    clock: systemClock,
    progress: silent,
  });
}

/** The states that the log says. */
async function foldOf(log: EventLog): Promise<string> {
  const store = memoryStore({ limits });
  await catchUp(store, followed(log));
  return stateDigest(store);
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "no error",
    ({ code }) => code,
  );
const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Every store of the list, there and back. */
const NAMES = Object.keys(STATE_STORES) as StoreName[];
const others = NAMES.filter((name) => name !== "lmdb");
const ways: [StoreName, StoreName][] = [["lmdb", "lmdb"]];
for (const name of others) ways.push(["lmdb", name], [name, "lmdb"]);

describe.each(ways)("from %s to %s", (from, to) => {
  const missing = TEST_STORES[from].missing ?? TEST_STORES[to].missing;
  const it = test.skipIf(missing !== undefined);
  let places: { readonly source: Places; readonly target: Places };
  const stores = {
    source: async () => openStateStore(await places.source.newPlace(), { limits }),
    target: async () => openStateStore(await places.target.newPlace(), { limits }),
  };
  beforeAll(async () => {
    if (missing !== undefined) return;
    places = { source: await TEST_STORES[from].start(), target: await TEST_STORES[to].start() };
  });
  afterAll(async () => {
    if (missing === undefined) await Promise.all([places.source.stop(), places.target.stop()]);
  });

  it("copies every state while events come in, late ones and erasures among them", async () => {
    const rooms = await house(400, stores);
    let moving = true;
    const serving = (async () => {
      for (let n = 400; moving && n < 700; n += 20) {
        await rooms.log.append(someEvents(n, 20, rooms.random));
        // The source lags behind its log, as a remote store does.
        if (rooms.random.int(3) === 0) await catchUp(rooms.source, followed(rooms.log));
        await sleep(1);
      }
    })();
    const report = await move(rooms);
    moving = false;
    await serving;
    expect(report).toMatchObject({ resumed: false });
    expect(report.offset).toBeGreaterThan(400);
    expect(report.users).toBeGreaterThan(200);
    expect(await exists(file)).toBe(false);
    await catchUp(rooms.target, followed(rooms.log));
    expect(rooms.target.applied).toBe(rooms.log.end);
    expect(await stateDigest(rooms.target)).toBe(await foldOf(rooms.log));
    await Promise.all([rooms.source.close(), rooms.target.close()]);
  });
});

describe("a migration that was stopped", () => {
  /** `store` whose writes fail after `left` of them. */
  function failingAfter(store: StateStore, left: number): StateStore {
    let rest = left;
    return new Proxy(store, {
      get(object, name) {
        const member = Reflect.get(object, name, object);
        if (typeof member !== "function") return member;
        if (name !== "write") return member.bind(object);
        return (...given: unknown[]) => {
          if (rest-- <= 0) throw new Error("pulled the plug");
          return member.apply(object, given);
        };
      },
    });
  }

  it("goes on where it was, to the same end, wherever it was stopped", async () => {
    const rooms = await house(1500);
    const wanted = await foldOf(rooms.log);
    let stops = 0;
    for (let plug = 0; ; plug += 17) {
      const tried = await codeOf(move({ ...rooms, target: failingAfter(rooms.target, plug) }));
      if (tried === "no error") break;
      stops++;
    }
    expect(stops).toBeGreaterThan(5);
    expect(await stateDigest(rooms.target)).toBe(wanted);
  });

  it("has copied nothing twice where all of it was copied, and remembers nobody's name", async () => {
    const rooms = await house(1500);
    const cut: FollowedLog = { ...followed(rooms.log), first: 0 as Offset, end: rooms.log.end, read: broken };
    async function* broken(): AsyncGenerator<never> {
      yield* [];
      throw new Error("pulled the plug");
    }
    await rooms.log.append(someEvents(1500, 1, rooms.random));
    const options = { source: rooms.source, target: rooms.target, logId: "this log", file, replace: false };
    const more = { from: "lmdb:a", to: "lmdb:b", clock: systemClock, progress: silent };
    await expect(migrate({ ...options, ...more, log: cut })).rejects.toThrow("pulled the plug");
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual({
      format: 1,
      log: "this log",
      from: "lmdb:a",
      to: "lmdb:b",
      startedAt: 1500,
      ranges: 256,
    });
    const report = await move(rooms);
    expect(report).toMatchObject({ copied: 0, resumed: true, offset: 1501 });
    expect(await stateDigest(rooms.target)).toBe(await foldOf(rooms.log));
  });

  it("begins anew where the log has dropped what the target would need, or is another one", async () => {
    for (const change of ["dropped", "other log"]) {
      const rooms = await house(600);
      await codeOf(move({ ...rooms, target: failingAfter(rooms.target, 2) }));
      await rooms.log.append(someEvents(600, 10, rooms.random));
      await catchUp(rooms.source, followed(rooms.log));
      const log = Object.create(followed(rooms.log), {
        first: { value: change === "dropped" ? 605 : 0 },
      }) as FollowedLog;
      const logId = change === "dropped" ? "this log" : "another";
      const more = { from: "lmdb:a", to: "lmdb:b", clock: systemClock, progress: silent };
      const report = await migrate({ ...rooms, ...more, log, logId, file, replace: false });
      expect(report).toMatchObject({ resumed: false, offset: 610 });
      expect(await stateDigest(rooms.target)).toBe(await foldOf(rooms.log));
    }
  });
});

describe("a migration is refused", () => {
  it("where the target holds something, unless that may go", async () => {
    const rooms = await house(300);
    await rooms.target.write([{ user: user("stranger"), touches: [touch("s", 1)] }]);
    expect(await codeOf(move(rooms))).toBe("invalid_request");
    expect((await rooms.target.read(user("stranger"))).touches).toHaveLength(1);
    await move(rooms, true);
    expect((await rooms.target.read(user("stranger"))).touches).toEqual([]);
    expect(await stateDigest(rooms.target)).toBe(await foldOf(rooms.log));
  });

  it("where a state of the copy is not the source's; the next one begins anew", async () => {
    const rooms = await house(600);
    await codeOf(
      move({
        ...rooms,
        target: new Proxy(rooms.target, {
          get(object, name) {
            const member = Reflect.get(object, name, object);
            if (name === "skipTo") {
              // Somebody else writes into the target.
              return async (offset: Offset) => {
                await object.write([{ user: user("u7"), touches: [touch("alien", 9e6)] }]);
                await object.skipTo(offset);
              };
            }
            return typeof member === "function" ? member.bind(object) : member;
          },
        }),
      }),
    ).then((code) => expect(code).toBe("migration_failed"));
    expect(await exists(file)).toBe(false);
    expect(await codeOf(move(rooms))).toBe("invalid_request");
    expect(await move(rooms, true)).toMatchObject({ resumed: false });
    expect(await stateDigest(rooms.target)).toBe(await foldOf(rooms.log));
  });

  it("where source and target are one store", async () => {
    const rooms = await house(600);
    expect(await codeOf(move({ ...rooms, target: rooms.source }, true))).toBe("migration_failed");
    await catchUp(rooms.source, followed(rooms.log));
    expect(await stateDigest(rooms.source)).toBe(await foldOf(rooms.log));
  });

  it("where the log has dropped events that the source has not applied", async () => {
    const rooms = await house(600);
    const log = Object.create(followed(rooms.log), { first: { value: 601 } }) as FollowedLog;
    const more = { from: "lmdb:a", to: "lmdb:b", clock: systemClock, progress: silent };
    const work = migrate({ ...rooms, ...more, log, logId: "this log", file, replace: false });
    expect(await codeOf(work)).toBe("store_unavailable");
    expect(await exists(file)).toBe(false);
  });
});

describe("comparing stores", () => {
  const clock = new ManualClock();

  it("finds a touch too many, an erasure too many and a user too many, on either side", async () => {
    const spoil: Record<string, (store: StateStore) => Promise<void>> = {
      "a touch too many": (store) => store.write([{ user: user("u1"), touches: [touch("alien", 9e6)] }]),
      "an erasure too many": (store) => store.erase(user("u1"), 9e6 as never),
      "a user too many": (store) => store.write([{ user: user("stranger"), touches: [touch("s", 1)] }]),
      nothing: async () => {},
    };
    for (const [name, change] of Object.entries(spoil)) {
      for (const side of ["source", "target"] as const) {
        const rooms = await house(600);
        await catchUp(rooms.target, followed(rooms.log));
        await change(rooms[side]);
        const { different } = await compareStates(
          rooms.source,
          rooms.target,
          followed(rooms.log),
          clock,
          silent,
        );
        expect({ name, side, different }).toEqual({ name, side, different: name === "nothing" ? 0 : 1 });
      }
    }
  });

  it("takes a store that is behind its log for what it is once it has caught up", async () => {
    const rooms = await house(600);
    await rooms.log.append(someEvents(600, 500, rooms.random));
    const compared = await compareStates(rooms.source, rooms.target, followed(rooms.log), clock, silent);
    expect(compared).toMatchObject({ different: 0, offset: 1100 });
    expect(rooms.source.applied).toBe(600);
  });
});
