/** Compaction: what was a user's is nobody's afterwards, and nothing else has changed. */
import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { catalogDigest, createCatalog } from "../../src/catalog/index.ts";
import { type EpochMs, type EventId, type Offset, systemClock, type UserId } from "../../src/core/index.ts";
import { type Event, type EventLog, openFileLog, type StoredEvent } from "../../src/events/index.ts";
import { UserIndex } from "../../src/events/user-index.ts";
import { memoryStore } from "../../src/state/index.ts";
import { interaction, interactions, readAll, readEvents } from "./make-events.ts";
import { mixedEvents, T0, userId } from "./mixed-events.ts";
import { usingLogs } from "./using-logs.ts";

const SMALL = { segmentBytes: 8000 };
const GONE = userId(2);
/** In the middle of the events: earlier ones go, later ones stay. */
const ERASED_AT = T0 + 600;
const EVENTS = mixedEvents(900, "compaction").map((event, n) => {
  // At the very moment, which goes, and just behind it, which stays.
  const time = (ERASED_AT + n - 450) as EpochMs;
  return n === 450 || n === 451 ? interaction(n, { user: GONE, time }) : event;
});

let root: string;
let directory: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "upnext-compaction-"));
  directory = join(root, "log");
});

afterEach(() => rm(root, { recursive: true }));

const using = usingLogs(SMALL);

/** In many frames, so that segments hold several. */
async function appendAll(log: EventLog, events: readonly Event[]): Promise<void> {
  for (let from = 0; from < events.length; from += 25) await log.append(events.slice(from, from + 25));
}

function erasure(user: UserId, time: number): Event {
  return { kind: "erasure", id: `forget/${time}` as EventId, user, time: time as EpochMs };
}

const isTheirs = (event: StoredEvent, user = GONE, until = ERASED_AT) =>
  "user" in event && event.user === user && event.time <= until && event.kind !== "erasure";

/** What must be read where `event` was, by the definition and not by the code; the id is the log's own affair. */
function expected(event: Event): unknown {
  if (!isTheirs(event)) return event;
  const id = expect.stringMatching(/^[0-9a-f]{24}$/);
  if (event.kind === "impression")
    return { kind: "anonymous", id, time: event.time, items: event.slots.map((slot) => slot.item) };
  if (event.kind !== "interaction") return { kind: "anonymous", id, time: 0, items: [] };
  const { time, item, type, value, request } = event;
  return {
    kind: "anonymous",
    id,
    time,
    items: [item],
    type,
    ...(value !== undefined && { value: Math.fround(value) }),
    ...(request !== undefined && { answered: true }),
  };
}

async function foldCatalog(log: EventLog): Promise<string> {
  const catalog = createCatalog();
  for await (const batch of log.read(0 as Offset)) catalog.apply(batch);
  return catalogDigest(catalog, [0, 1, 3, 4, 5].map(userId));
}

async function foldStates(log: EventLog): Promise<unknown[]> {
  const store = memoryStore({
    limits: { touches: 50, vetoes: 20 },
    log: "log",
    clock: systemClock,
  });
  for await (const batch of log.read(0 as Offset)) await store.apply(batch);
  const states = await Promise.all([0, 1, 2, 3, 4, 5].map((n) => store.read(userId(n))));
  await store.close();
  return states;
}

/** Names of the directory's files that hold the user's id, as it is or as JSON has it. */
async function filesWith(path: string, user: UserId): Promise<string[]> {
  const names: string[] = [];
  for (const name of await readdir(path)) {
    const bytes = await readFile(join(path, name));
    const forms = [user, JSON.stringify(user).slice(1, -1)];
    if (forms.some((form) => bytes.includes(form))) names.push(name);
  }
  return names;
}

describe("compaction", () => {
  it("leaves of an erased user's events what the item statistics need, and changes nothing else", async () => {
    const events = [...EVENTS, erasure(GONE, ERASED_AT)];
    await using(directory, async (log) => {
      await appendAll(log, events);
      const before = { catalog: await foldCatalog(log), states: await foldStates(log) };
      const sizes = log.segments.reduce((sum, { bytes }) => sum + bytes, 0);
      const compaction = await log.compact(new Map([[GONE, ERASED_AT]]), log.end);

      const theirs = events.filter((event) => isTheirs(event));
      expect(theirs.length).toBeGreaterThan(50);
      expect(compaction.events).toBe(theirs.length);
      expect(compaction.segments).toBeGreaterThan(3);
      expect([...compaction.users]).toEqual([
        [GONE, { events: theirs.length, firstOffset: events.findIndex((event) => isTheirs(event)) }],
      ]);
      expect(sizes - log.segments.reduce((sum, { bytes }) => sum + bytes, 0)).toBeGreaterThanOrEqual(
        compaction.bytes - 36,
      );
      expect(log.compactedThrough).toBe(events.length);
      expect(await readEvents(log)).toEqual(events.map(expected));
      expect(await foldCatalog(log)).toBe(before.catalog);
      expect(await foldStates(log)).toEqual(before.states);
      expect((await log.verify()).problems).toEqual([]);
    });
    await using(directory, async (log) => {
      expect(log.compactedThrough).toBe(events.length);
      expect(await readEvents(log)).toEqual(events.map(expected));
      // The ids are gone and still known.
      expect(await log.append(events)).toEqual({
        offset: events.length,
        accepted: 0,
        duplicates: events.length,
      });
      expect((await log.verify()).problems).toEqual([]);
    });
  });

  it("leaves the id of an erased user in no file but in the erasure itself", async () => {
    const later = EVENTS.filter((event) => !isTheirs(event, GONE, Infinity) || isTheirs(event));
    await using(directory, async (log) => {
      await appendAll(log, later);
      await log.append([erasure(GONE, ERASED_AT)]);
      expect((await filesWith(directory, GONE)).length).toBeGreaterThan(5);
      await log.rotate();
      const last = log.segments.at(-2)!.path;
      await log.compact(new Map([[GONE, ERASED_AT]]), log.end);
      expect(await filesWith(directory, GONE)).toEqual([last.slice(directory.length + 1)]);
      const bytes = await readFile(last);
      const form = JSON.stringify(GONE).slice(1, -1);
      expect(bytes.indexOf(form)).toBe(bytes.lastIndexOf(form));
      expect((await filesWith(directory, userId(3))).length).toBeGreaterThan(5);
    });
  });

  it("leaves items alone that have the id of an erased user, and users whose id begins like it", async () => {
    const mine = [
      interaction(1, { user: "a" as UserId, item: "a" as never }),
      interaction(2, { user: "ab" as UserId, item: "a" as never }),
      interaction(3, { user: "A" as UserId, item: "b" as never, request: "a" as never }),
    ];
    await using(directory, async (log) => {
      await log.append(mine);
      await log.compact(new Map([["a" as UserId, Infinity]]), log.end);
      const [first, ...others] = await readEvents(log);
      expect(first).toMatchObject({ kind: "anonymous", items: ["a"] });
      expect(others).toEqual(mine.slice(1));
    });
  });

  it("leaves a user alone whose id has the same hash in the index of users", async () => {
    // FNV-1a of 32 bits gives both words one hash.
    const [gone, stays] = ["costarring", "liquid"] as UserId[];
    expect(new UserIndex(new Map([[gone!, 1]])).at(Buffer.from(gone!), 0, 10)?.user).toBe(gone);
    await using(directory, async (log) => {
      await log.append([interaction(1, { user: gone! }), interaction(2, { user: stays! })]);
      await log.compact(new Map([[gone!, Infinity]]), log.end);
      expect((await readEvents(log)).map(({ kind }) => kind)).toEqual(["anonymous", "interaction"]);
    });
  });

  it("changes nothing when it is done again, and nothing where there is nothing to do", async () => {
    await using(directory, async (log) => {
      await appendAll(log, EVENTS);
      await log.compact(new Map([[GONE, ERASED_AT]]), 300 as Offset);
      const files = await filesOf(directory);
      for (const erasures of [new Map([[GONE, ERASED_AT]]), new Map(), new Map([[userId(99), Infinity]])]) {
        expect(await log.compact(erasures, 200 as Offset)).toEqual({
          segments: 0,
          events: 0,
          bytes: 0,
          users: new Map(),
        });
      }
      expect(await filesOf(directory)).toEqual(files);
      expect(log.compactedThrough).toBe(300);
    });
  });

  it("reaches events that came late, when it is called again", async () => {
    await using(directory, async (log) => {
      await log.append([interaction(1, { user: GONE }), erasure(GONE, ERASED_AT * 2)]);
      const erasures = new Map([[GONE, ERASED_AT * 2]]);
      expect((await log.compact(erasures, log.end)).events).toBe(1);
      await log.append([interaction(2, { user: GONE })]);
      expect((await log.compact(erasures, log.end)).events).toBe(1);
    });
  });

  it("takes many users in one pass", async () => {
    const users = new Map([0, 1, 2, 3].map((n) => [userId(n), T0 + 300 + n] as const));
    await using(directory, async (log) => {
      await appendAll(log, EVENTS);
      const compaction = await log.compact(users, log.end);
      for (const [user, until] of users) {
        const theirs = EVENTS.filter((event) => isTheirs(event, user, until)).length;
        expect(compaction.users.get(user)?.events).toBe(theirs);
      }
      const left = await readEvents(log);
      for (const [user, until] of users)
        expect(left.filter((event) => isTheirs(event, user, until))).toEqual([]);
    });
  });

  it("lets appends and reads go on: a read that began before it sees events or what is left of them", async () => {
    await using(directory, async (log) => {
      await appendAll(log, EVENTS);
      const whole = EVENTS.map((event) => [event.id as string, expected(event)] as const);
      const reading = log.read(0 as Offset)[Symbol.asyncIterator]();
      const seen: StoredEvent[] = [];
      const take = async () => {
        const { value, done } = await reading.next();
        if (!done) seen.push(...value.map((logged: { event: StoredEvent }) => logged.event));
        return !done;
      };
      const compacting = log.compact(new Map([[GONE, ERASED_AT]]), log.end);
      const appending = appendAll(log, interactions(10_000, 10_300));
      const reads = Array.from({ length: 30 }, async (_, n) => {
        const from = n * 30;
        const read = await readAll(log, from);
        for (const { offset, event } of read.slice(0, 900 - from)) {
          const [id, anonymous] = whole[offset]!;
          if (event.kind === "anonymous") expect(event).toEqual(anonymous);
          else expect(event).toMatchObject({ id });
        }
      });
      while (await take());
      await Promise.all([compacting, appending, ...reads]);
      expect(seen).toHaveLength(900);
      expect(await readEvents(log)).toEqual([...EVENTS.map(expected), ...interactions(10_000, 10_300)]);
    });
  });

  it("is seen by a log that another process reads, also where it knew the old files", async () => {
    await using(directory, async (log) => {
      await appendAll(log, EVENTS);
      await using(
        directory,
        async (reader) => {
          for (const from of [0, 10, 450, 880]) await readAll(reader, from);
          await log.compact(new Map([[GONE, ERASED_AT]]), log.end);
          for (const from of [880, 450, 10, 0])
            expect(await readEvents(reader, from)).toEqual(EVENTS.slice(from).map(expected));
          expect(reader.compactedThrough).toBe(0);
          expect(await reader.refresh()).toBe(900);
          expect(reader.compactedThrough).toBe(900);
          await appendAll(log, interactions(10_000, 10_100));
          expect(await reader.refresh()).toBe(1000);
          expect((await reader.verify()).problems).toEqual([]);
        },
        { readOnly: true },
      );
    });
  });

  it("refuses a damaged segment and leaves it as it is", async () => {
    await using(directory, (log) => appendAll(log, EVENTS));
    const path = join(directory, "00000000000000000000.log");
    const bytes = await readFile(path);
    bytes[bytes.length - 10]! ^= 1;
    await writeFile(path, bytes);
    await using(directory, async (log) => {
      await expect(log.compact(new Map([[GONE, ERASED_AT]]), log.end)).rejects.toMatchObject({
        code: "log_corrupt",
      });
      expect(log.compactedThrough).toBe(0);
    });
    expect(await readFile(path)).toEqual(bytes);
    expect((await readdir(directory)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("ends when the log is closed, and refuses a log that is closed or read-only", async () => {
    const log = await openFileLog(directory, SMALL);
    await appendAll(log, EVENTS);
    const compacting = log.compact(new Map([[GONE, ERASED_AT]]), log.end);
    const rejected = expect(compacting).rejects.toMatchObject({ code: "log_closed" });
    await log.close();
    await rejected;
    await expect(log.compact(new Map(), 0 as Offset)).rejects.toMatchObject({ code: "log_closed" });
    await using(
      directory,
      (reader) => expect(reader.compact(new Map(), 0 as Offset)).rejects.toMatchObject({ code: "read_only" }),
      { readOnly: true },
    );
    await using(directory, async (again) => {
      await again.compact(new Map([[GONE, ERASED_AT]]), again.end);
      expect(await readEvents(again)).toEqual(EVENTS.map(expected));
    });
  });

  it("is noticed by who has noted where frames begin in the old files, here and in another process", async () => {
    // Frames are noted each 64 KiB.
    const events = mixedEvents(6000, "large");
    const options = { segmentBytes: 400_000 };
    await using(
      directory,
      async (log) => {
        await appendAll(log, events);
        await using(
          directory,
          async (reader) => {
            const starts = [5900, 4000, 2500, 1999, 700];
            for (const from of starts) await Promise.all([readAll(reader, from), readAll(log, from)]);
            // They go on in the old files, when these have no name any more.
            const readings = [reader, log].map((one) => one.read(0 as Offset)[Symbol.asyncIterator]());
            for (const reading of readings) await reading.next();
            const compaction = await log.compact(new Map([[GONE, Infinity]]), log.end);
            expect(compaction.segments).toBe(2);
            for (const reading of readings) while (!(await reading.next()).done);
            for (const from of starts) {
              for (const one of [reader, log]) {
                const read = await readAll(one, from);
                expect(read.map(({ offset }) => offset)).toEqual(
                  Array.from({ length: 6000 - from }, (_, n) => from + n),
                );
                for (const { offset, event } of read)
                  if (event.kind !== "anonymous") expect(event.id).toBe(`e${offset}`);
              }
            }
          },
          { readOnly: true },
        );
      },
      options,
    );
  });

  it("may be killed after any of its steps: what is there is whole, and doing it again ends it", async () => {
    const erasures = new Map([[GONE, ERASED_AT]]);
    const events = EVENTS.slice(300, 700);
    const wanted = events.map(expected);
    const copies: string[] = [];
    await using(directory, (log) => appendAll(log, events));
    const onStep = async (what: string) => {
      if (what.startsWith("read")) return;
      const copy = join(root, `killed-${copies.length}`);
      copies.push(copy);
      await cp(directory, copy, { recursive: true });
      await rm(join(copy, "lock"));
      // Also in the middle of writing.
      const [half] = (await readdir(copy)).filter((name) => name.endsWith(".log.tmp"));
      if (half !== undefined && copies.length % 2 === 0) await truncate(join(copy, half), 1000);
    };
    await using(directory, (log) => log.compact(erasures, log.end), { ...SMALL, onStep });
    expect(copies.length).toBeGreaterThan(10);
    let done = 0;
    for (const copy of copies) {
      await using(copy, async (log) => {
        const found = await readEvents(log);
        const anonymous = found.filter((event) => event.kind === "anonymous").length;
        // Segment by segment.
        expect(anonymous).toBeGreaterThanOrEqual(done);
        done = anonymous;
        expect(found).toEqual(events.map((event, n) => (found[n]!.kind === "anonymous" ? wanted[n] : event)));
        expect((await log.append(events)).accepted).toBe(0);
        expect((await log.verify()).problems).toEqual([]);
        if (log.compactedThrough > 0) expect(found).toEqual(wanted);
        await log.compact(erasures, log.end);
        expect(await readEvents(log)).toEqual(wanted);
      });
      await using(copy, async (log) => expect((await log.verify()).problems).toEqual([]));
    }
    expect(done).toBeGreaterThan(20);
  });
});

/** All but the end mark, which is written by the clock. */
async function filesOf(path: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const name of await readdir(path))
    if (name !== "end") files[name] = (await readFile(join(path, name))).toString("latin1");
  return files;
}
