/** What a read sees is one prefix of the log, the one that the catalog records, however store and log dawdle. */
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createCatalog } from "../../src/catalog/index.ts";
import { Random, type UserId } from "../../src/core/index.ts";
import { type Event, type EventLog, memoryLog } from "../../src/events/index.ts";
import { Follower } from "../../src/pipeline/index.ts";
import { memoryStore, type StateStore, type UserState } from "../../src/state/index.ts";
import { anyLog } from "../training/any-log.ts";
import { logged, START, took, userId } from "../training/logs.ts";

/** Lets other work go first, for as many turns as chance says. */
async function dawdle(random: Random): Promise<void> {
  for (let turns = random.int(4); turns > 0; turns--)
    await (random.int(2) ? Promise.resolve() : setImmediate());
}

/** The memory store, slow before and after it does what it is asked to. */
function slowStore(random: Random): StateStore {
  const store = memoryStore();
  return Object.assign(Object.create(store), {
    async read(user: UserId) {
      await dawdle(random);
      const state = await store.read(user);
      await dawdle(random);
      return state;
    },
    async apply(batch: Parameters<StateStore["apply"]>[0]) {
      await dawdle(random);
      await store.apply(batch);
      await dawdle(random);
    },
  });
}

/** The log, read in batches of a few events. */
function choppy(log: EventLog, random: Random): EventLog {
  return Object.assign(Object.create(log), {
    async *read(from: EventLog["end"]) {
      for await (const batch of log.read(from)) {
        for (let start = 0; start < batch.length; ) {
          const size = 1 + random.int(3);
          yield batch.slice(start, start + size);
          start += size;
        }
      }
    },
  });
}

async function stateAfter(events: readonly Event[], user: UserId): Promise<UserState> {
  const store = memoryStore();
  await store.apply(logged(events));
  return store.read(user);
}

describe("a follower", () => {
  it("never reads a state that the offset of that moment does not have, while events keep coming", async () => {
    let staleReads = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyLog({ erasures: true, ordered: false }), { minLength: 3, maxLength: 6 }),
        fc.integer({ min: 0, max: 1e6 }),
        async (logs, seed) => {
          const events = logs.flatMap((log, l) =>
            log.map((event) => ({ ...event, id: `${l}-${event.id}` }) as Event),
          );
          const random = new Random(seed);
          const log = memoryLog();
          const catalog = createCatalog();
          const follower = new Follower(choppy(log, random), catalog, slowStore(random.fork("store")));
          const writer = async () => {
            for (let start = 0; start < events.length; start += 5) {
              const { offset } = await log.append(events.slice(start, start + 5));
              if (random.int(2)) await follower.reached(offset);
              else void follower.reached(offset);
              await dawdle(random);
            }
          };
          const seen: { user: UserId; offset: number; state: UserState }[] = [];
          const reader = async (user: UserId) => {
            for (let i = 0; i < 12; i++) {
              let read = await follower.read(user);
              // A request encodes what it has read before it looks whether that still holds.
              await dawdle(random);
              while (read.stale()) {
                staleReads++;
                read.release();
                read = await follower.read(user);
                await dawdle(random);
              }
              read.release();
              // Nothing waits between the look at the state and the look at the offset, as in a request.
              seen.push({ user, offset: catalog.applied, state: read.state });
              await dawdle(random);
            }
          };
          await Promise.all([writer(), ...["a", "b", "c", "a"].map((name) => reader(userId(name)))]);
          await follower.reached(log.end);
          for (const { user, offset, state } of seen)
            expect(state).toEqual(await stateAfter(events.slice(0, offset), user));
          for (const name of ["a", "b", "c"].map(userId))
            expect(await follower.state(name)).toEqual(await stateAfter(events, name));
        },
      ),
      { numRuns: 60 },
    );
    // Without such a case nothing was proved.
    expect(staleReads).toBeGreaterThan(0);
  });

  it("lets readers of users in one batch go on while later batches are applied", async () => {
    const log = memoryLog();
    await log.append([took("a", "v", START), took("b", "v", START)]);
    const store = memoryStore();
    const gates: (() => void)[] = [];
    const gated: StateStore = Object.assign(Object.create(store), {
      async apply(batch: Parameters<StateStore["apply"]>[0]) {
        await new Promise<void>((resolve) => gates.push(resolve));
        await store.apply(batch);
      },
    });
    const oneByOne = Object.assign(Object.create(log), {
      async *read(from: EventLog["end"]) {
        for await (const batch of log.read(from)) for (const event of batch) yield [event];
      },
    });
    const follower = new Follower(oneByOne, createCatalog(), gated);
    const all = follower.reached(log.end);
    while (gates.length < 1) await setImmediate();
    const early = follower.read(userId("a"));
    gates[0]!();
    while (gates.length < 2) await setImmediate();
    const read = await Promise.race([early, sleep(2000, "late", { ref: false })]);
    expect(read).toMatchObject({ state: { touches: [{ item: "v" }] } });
    gates[1]!();
    await all;
  });

  it("tries again where the store failed, and leaves nothing out", async () => {
    const log = memoryLog();
    const events = Array.from({ length: 10 }, (_, i) => took("a", `v${i}`, START + i));
    const { offset } = await log.append(events);
    const store = memoryStore();
    let failures = 3;
    const failing: StateStore = Object.assign(Object.create(store), {
      apply: async (batch: Parameters<StateStore["apply"]>[0]) => {
        if (failures-- > 0) throw new Error("disk full");
        await store.apply(batch);
      },
    });
    const catalog = createCatalog();
    const follower = new Follower(log, catalog, failing);
    for (let i = 0; i < 3; i++) await expect(follower.reached(offset)).rejects.toThrow("disk full");
    expect([catalog.applied, (await follower.state(userId("a"))).touches.length]).toEqual([0, 0]);
    await follower.reached(offset);
    expect([catalog.applied, (await follower.state(userId("a"))).touches.length]).toEqual([10, 10]);
  });

  it("goes on from where a store that was ahead of the catalog stands", async () => {
    const log = memoryLog();
    const events = Array.from({ length: 10 }, (_, i) => took("a", `v${i}`, START + i));
    const { offset } = await log.append(events);
    const store = memoryStore();
    await store.apply(logged(events.slice(0, 6)));
    const follower = new Follower(log, createCatalog(), store);
    await follower.reached(offset);
    expect(await follower.state(userId("a"))).toEqual(await stateAfter(events, userId("a")));
  });

  it("is done at once where there is nothing to apply", async () => {
    const follower = new Follower(memoryLog(), createCatalog(), memoryStore());
    await follower.reached(0 as EventLog["end"]);
    expect((await follower.state(userId("a"))).touches).toEqual([]);
  });
});
