/** States of the past are those that a store had, recorded live, with the whole log or with a base and the rest of it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EpochMs, ManualClock, type Ms, type Offset, type UserId } from "../../src/core/index.ts";
import type { LoggedEvent, StoredEvent } from "../../src/events/index.ts";
import { stateAt } from "../../src/pipeline/index.ts";
import { openSnapshots, type Snapshots } from "../../src/snapshots/index.ts";
import { eraseBefore, memoryStore, type StateLimits, type UserState } from "../../src/state/index.ts";
import { cutLog } from "./cut-log.ts";
import { baseOf, CLOCK, foldsOf, LIMITS, mixedLog } from "./folds.ts";

const EVENTS = mixedLog(500, "past");
const USERS = Array.from({ length: 13 }, (_, u) => `u${u}` as UserId);
const FIRST = 180;
const BASE = 250;

let home: string;
let none: Snapshots;
let snapshots: Snapshots;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "upnext-past-"));
  none = await openSnapshots(join(home, "none"), { clock: CLOCK, log: "log" });
  snapshots = await openSnapshots(join(home, "some"), { clock: CLOCK, log: "log" });
  await snapshots.write(baseOf(await foldsOf(EVENTS.slice(0, 100))));
  await snapshots.write(baseOf(await foldsOf(EVENTS.slice(0, BASE))));
});
afterAll(() => rm(home, { recursive: true }));

/** The newest erasure of each user in the whole log. */
function erasedAt(user: UserId): EpochMs {
  const times = EVENTS.map(({ event }) =>
    event.kind === "erasure" && event.user === user ? event.time : -Infinity,
  );
  return Math.max(...times) as EpochMs;
}

async function recorded(store: { read(user: UserId): Promise<UserState> }): Promise<Map<UserId, UserState>> {
  const states = new Map<UserId, UserState>();
  for (const user of USERS) states.set(user, eraseBefore(await store.read(user), erasedAt(user)));
  return states;
}

describe("the state at an offset", () => {
  it("is the one that a store had then, recorded live, less what was forgotten since", async () => {
    const live: Map<UserId, UserState>[] = [];
    const store = memoryStore({ limits: LIMITS, clock: CLOCK });
    for (let end = 0; end <= EVENTS.length; end++) {
      if (end > 0) await store.apply(EVENTS.slice(end - 1, end));
      live.push(await recorded(store));
    }
    for (let end = 0; end <= EVENTS.length; end += 35) {
      for (const user of USERS) {
        const at = { offset: end as Offset };
        const expected = live[end]!.get(user);
        expect(await stateAt(cutLog(EVENTS), none, LIMITS, user, at)).toEqual(expected);
        expect(await stateAt(cutLog(EVENTS), snapshots, LIMITS, user, at)).toEqual(expected);
        if (end < BASE) continue;
        expect(await stateAt(cutLog(EVENTS, FIRST), snapshots, LIMITS, user, at)).toEqual(expected);
      }
    }
  }, 60_000);

  it("that retention has dropped is refused, and not answered with less", async () => {
    const log = cutLog(EVENTS, FIRST);
    for (const [where, offset] of [
      [snapshots, BASE - 1],
      [snapshots, 100],
      [none, 400],
    ] as const) {
      await expect(
        stateAt(log, where, LIMITS, USERS[0]!, { offset: offset as Offset }),
      ).rejects.toMatchObject({
        code: "invalid_request",
        message: expect.stringContaining(`the log begins at ${FIRST}`),
      });
    }
  });
});

describe("the state at a time", () => {
  const time = (i: number) => (1_700_000_000_000 + 1000 * i) as EpochMs;

  /** By folding what had happened by then, and every erasure. */
  async function expected(user: UserId, moment: EpochMs, limits: StateLimits = LIMITS): Promise<UserState> {
    const store = memoryStore({ limits, clock: new ManualClock(moment) });
    const kept = EVENTS.filter(({ event }) => event.kind === "erasure" || event.time <= moment);
    await store.apply(kept.map(({ event }, offset): LoggedEvent => ({ offset: offset as Offset, event })));
    return store.read(user);
  }

  it("is the fold of what had happened by then, late events and later erasures included", async () => {
    for (let i = -1; i <= 501; i += 46) {
      for (const user of USERS) {
        const state = await stateAt(cutLog(EVENTS), snapshots, LIMITS, user, { time: time(i) });
        expect(state).toEqual(await expected(user, time(i)));
      }
    }
  });

  it("leaves out what had expired by then", async () => {
    const limits = { ...LIMITS, maxAge: 30_000 as Ms };
    let fewer = 0;
    for (const user of USERS) {
      const state = await stateAt(cutLog(EVENTS), none, limits, user, { time: time(300) });
      expect(state).toEqual(await expected(user, time(300), limits));
      if (state.touches.length < (await expected(user, time(300))).touches.length) fewer++;
    }
    expect(fewer).toBeGreaterThan(3);
  });

  it("from a base on is exact or refused: what the states had pushed out by then is not made up", async () => {
    const log = cutLog(EVENTS, FIRST);
    const outcomes = { exact: 0, refused: 0 };
    for (let i = 0; i <= 500; i += 40) {
      for (const user of USERS) {
        try {
          const state = await stateAt(log, snapshots, LIMITS, user, { time: time(i) });
          expect(state).toEqual(await expected(user, time(i)));
          outcomes.exact++;
        } catch (error) {
          expect(error).toMatchObject({ code: "invalid_request" });
          outcomes.refused++;
        }
      }
    }
    expect(outcomes.exact).toBeGreaterThan(50);
    expect(outcomes.refused).toBeGreaterThan(15);
    await expect(stateAt(log, none, LIMITS, USERS[0]!, { time: time(400) })).rejects.toMatchObject({
      code: "invalid_request",
    });
  });

  it("with an age limit is refused before the base was written: what had expired by then is not in it", async () => {
    const limits = { ...LIMITS, maxAge: 1e9 as Ms };
    const before = { time: (CLOCK.now() - 1) as EpochMs };
    const log = cutLog(EVENTS, FIRST);
    await expect(stateAt(log, snapshots, limits, USERS[0]!, before)).rejects.toMatchObject({
      code: "invalid_request",
    });
    await expect(stateAt(log, snapshots, limits, USERS[0]!, { time: CLOCK.now() })).resolves.toBeDefined();
  });
});

it("compaction changes no answer: what was forgotten is in none, before and after", async () => {
  const [user] = USERS;
  const erased = erasedAt(user!);
  const compacted = EVENTS.map(({ offset, event }): LoggedEvent => {
    if (event.kind !== "interaction" || event.user !== user || event.time > erased) return { offset, event };
    const { id, time, item, type } = event;
    return { offset, event: { kind: "anonymous", id, time, items: [item], type } satisfies StoredEvent };
  });
  expect(compacted).not.toEqual(EVENTS);
  for (let offset = 0; offset <= 500; offset += 50) {
    const at = { offset: offset as Offset };
    const after = await stateAt(cutLog(compacted), none, LIMITS, user!, at);
    expect(await stateAt(cutLog(EVENTS), none, LIMITS, user!, at)).toEqual(after);
    for (const { time } of after.touches) expect(time).toBeGreaterThan(erased);
  }
});
