/** The contract of state stores, for every store in the list. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { UserId } from "../../src/core/index.ts";
import type { Event } from "../../src/events/index.ts";
import {
  DEFAULT_LIMITS,
  emptyState,
  STATE_STORES,
  type StateLimits,
  type StateStore,
  stateDigest,
  type Touch,
} from "../../src/state/index.ts";
import { anyTouch, at, erasure, interaction, logged, model, touch, user } from "./touches.ts";

const limits = { touches: 4, vetoes: 2 };
const u1 = user("u1");

let folder: string;
let opened = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "upnext-state-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function usersOf(store: StateStore): Promise<UserId[]> {
  const users: UserId[] = [];
  for await (const one of store.users()) users.push(one);
  return users.sort();
}

const placeOf = (store: string) => ({ store, path: join(folder, `${store}-${opened++}`) }) as never;

describe.each(Object.entries(STATE_STORES))("state store %s", (name, openStore) => {
  const open = (given: StateLimits = limits) => openStore(placeOf(name), { limits: given });
  /** Runs `body` with a new store and closes it. */
  async function withStore(body: (store: StateStore) => Promise<void>, given?: StateLimits): Promise<void> {
    const store = await open(given);
    try {
      await body(store);
    } finally {
      await store.close();
    }
  }
  const put = (store: StateStore, who: UserId, ...touches: Touch[]) => store.write([{ user: who, touches }]);

  it("has its name, its limits, and nothing in it", () =>
    withStore(async (store) => {
      expect(store.name).toBe(name);
      expect(store.limits).toEqual(limits);
      expect(store.applied).toBe(0);
      expect(await store.read(u1)).toEqual(emptyState(u1));
      expect(await usersOf(store)).toEqual([]);
    }));

  it("takes the default limits where none are given", async () => {
    const store = await openStore(placeOf(name), {});
    expect(store.limits).toEqual(DEFAULT_LIMITS);
    await store.close();
  });

  it("gives back what was written, newest first, vetoes apart", () =>
    withStore(async (store) => {
      const touches = [touch("a", 2, { value: 0.25 }), touch("b", 3, { type: "block" }), touch("c", 1)];
      await put(store, u1, ...touches);
      expect(await store.read(u1)).toEqual(model("u1", touches, [], limits));
      expect(await usersOf(store)).toEqual([u1]);
    }));

  it("changes nothing for an empty batch, an empty list, or an empty user's touches", () =>
    withStore(async (store) => {
      await store.write([]);
      await put(store, u1);
      await store.apply([]);
      expect(await usersOf(store)).toEqual([]);
      expect(store.applied).toBe(0);
    }));

  it("merges a user named twice in one batch, late touches and repetitions", () =>
    withStore(async (store) => {
      const [a, b, c] = [touch("a", 1), touch("b", 2), touch("c", 3)];
      await store.write([
        { user: u1, touches: [c] },
        { user: user("u2"), touches: [a] },
        { user: u1, touches: [a, c] },
      ]);
      await put(store, u1, b, b);
      expect((await store.read(u1)).touches).toEqual([c, b, a]);
      expect((await store.read(user("u2"))).touches).toEqual([a]);
    }));

  it("holds the limit and drops the oldest at one more", () =>
    withStore(async (store) => {
      for (const time of [1, 2, 3, 4]) await put(store, u1, touch(`e${time}`, time));
      expect((await store.read(u1)).touches.map((one) => one.id)).toEqual(["e4", "e3", "e2", "e1"]);
      await put(store, u1, touch("e5", 5), touch("e0", 0));
      expect((await store.read(u1)).touches.map((one) => one.id)).toEqual(["e5", "e4", "e3", "e2"]);
      await put(store, u1, ...[7, 8, 9].map((time) => touch(`n${time}`, time, { type: "hide" })));
      const { touches, vetoes } = await store.read(u1);
      expect([touches.length, vetoes.map((one) => one.id)]).toEqual([4, ["n9", "n8"]]);
    }));

  it("does not give out a state that later writes change", () =>
    withStore(async (store) => {
      await put(store, u1, touch("a", 1));
      const before = await store.read(u1);
      await put(store, u1, touch("b", 2));
      await store.read(user("u2"));
      expect(before.touches).toEqual([touch("a", 1)]);
    }));

  it("forgets what is at or before an erasure, also what arrives later, and remembers the erasure", () =>
    withStore(async (store) => {
      await put(store, u1, touch("a", 1), touch("b", 2, { type: "hide" }), touch("c", 3));
      await store.erase(u1, at(2));
      await put(store, u1, touch("d", 2));
      expect(await store.read(u1)).toEqual({ user: u1, touches: [touch("c", 3)], vetoes: [], erasedAt: 2 });
      await store.erase(user("stranger"), at(7));
      await put(store, user("stranger"), touch("e", 7));
      expect(await store.read(user("stranger"))).toEqual({ ...emptyState(user("stranger")), erasedAt: 7 });
      expect(await usersOf(store)).toEqual(["stranger", u1]);
    }));

  it("keeps users apart whose ids are alike, long or outside ASCII", () =>
    withStore(async (store) => {
      const names = [
        "u",
        "u1",
        "u10",
        "U1",
        "u\u00e9",
        "ue\u0301",
        "用户",
        "👤",
        "\ud83d",
        "\udc64",
        "\ufffd",
        " ",
        "\u007f",
      ];
      const long = ["字".repeat(256), `${"字".repeat(255)}母`, "x".repeat(256), "👤".repeat(128)];
      const all = [...names, ...long];
      await store.write(all.map((one, i) => ({ user: user(one), touches: [touch(`e${i}`, i)] })));
      for (const [i, one] of all.entries())
        expect((await store.read(user(one))).touches).toEqual([touch(`e${i}`, i)]);
      expect(await usersOf(store)).toEqual(all.map(user).sort());
    }));

  it("lists more users than it reads at once", () =>
    withStore(async (store) => {
      const names = Array.from({ length: 2001 }, (_, i) => user(`u${i}`));
      await store.write(names.map((one) => ({ user: one, touches: [touch("a", 1)] })));
      expect(await usersOf(store)).toEqual([...names].sort());
    }));

  it("loses nothing of many writes at once to one user", () =>
    withStore(
      async (store) => {
        const touches = Array.from({ length: 60 }, (_, i) => touch(`e${i}`, (i * 37) % 60));
        await Promise.all([...touches.map((one) => put(store, u1, one)), store.erase(u1, at(4))]);
        expect(await store.read(u1)).toEqual(model("u1", touches, [4], { touches: 100, vetoes: 1 }));
      },
      { touches: 100, vetoes: 1 },
    ));

  it("agrees with the plain model for any writes and erasures, and in any other order", async () => {
    type Step = { who: string; touches: readonly Touch[]; erase?: number };
    const who = fc.constantFrom("u1", "u2");
    const step: fc.Arbitrary<Step> = fc.oneof(
      { weight: 6, arbitrary: fc.record({ who, touches: fc.array(anyTouch, { maxLength: 4 }) }) },
      {
        weight: 1,
        arbitrary: fc.record({ who, touches: fc.constant([]), erase: fc.integer({ min: -1, max: 6 }) }),
      },
    );
    const run = async (steps: readonly Step[]) => {
      const store = await open();
      for (const { who, touches, erase } of steps) {
        if (erase === undefined) await put(store, user(who), ...touches);
        else await store.erase(user(who), at(erase));
      }
      const states = [await store.read(u1), await store.read(user("u2"))];
      const digest = await stateDigest(store);
      await store.close();
      return { states, digest };
    };
    const orders = fc
      .array(step, { maxLength: 12 })
      .chain((steps) =>
        fc.tuple(fc.constant(steps), fc.shuffledSubarray(steps, { minLength: steps.length })),
      );
    await fc.assert(
      fc.asyncProperty(orders, async ([steps, shuffled]) => {
        const { states, digest } = await run(steps);
        for (const [i, name] of ["u1", "u2"].entries()) {
          const own = steps.filter((one) => one.who === name);
          const erasures = own.flatMap((one) => (one.erase === undefined ? [] : [one.erase]));
          const touches = own.flatMap((one) => one.touches);
          expect(states[i]).toEqual(model(name, touches, erasures, limits));
        }
        expect((await run([...shuffled, ...steps])).digest).toBe(digest);
      }),
      { numRuns: 25 },
    );
  });

  describe("apply", () => {
    const events: Event[] = [
      interaction("u1", touch("a", 1)),
      { kind: "item", id: touch("i", 0).id, time: at(0), item: touch("a", 0).item, facts: {} },
      interaction("u2", touch("b", 2, { type: "dislike" })),
      erasure("u1", 1),
      interaction("u1", touch("c", 2, { value: 1 })),
      { kind: "user", id: touch("f", 0).id, time: at(0), user: user("u3"), facts: {} },
      erasure("u1", 0),
      interaction("u1", touch("late", 1)),
    ];

    it("takes interactions and erasures, and counts every event", () =>
      withStore(async (store) => {
        await store.apply(logged(events));
        expect(store.applied).toBe(8);
        expect(await store.read(u1)).toEqual(model("u1", [touch("c", 2, { value: 1 })], [1], limits));
        expect((await store.read(user("u2"))).vetoes).toHaveLength(1);
        expect(await usersOf(store)).toEqual(["u1", "u2"]);
      }));

    it("gives the same state in batches of any size, repeated and overlapping", () =>
      withStore(async (store) => {
        for (const [from, to] of [
          [0, 1],
          [0, 2],
          [1, 3],
          [3, 3],
          [2, 5],
          [0, 8],
          [5, 8],
        ] as const) {
          await store.apply(logged(events.slice(from, to), from));
        }
        await withStore(async (whole) => {
          await whole.apply(logged(events));
          expect(await stateDigest(store)).toBe(await stateDigest(whole));
          expect(store.applied).toBe(whole.applied);
        });
      }));

    it("refuses a batch that leaves out an event, and keeps nothing of it", () =>
      withStore(async (store) => {
        const log = logged(events);
        await expect(store.apply(log.slice(1))).rejects.toMatchObject({ code: "internal" });
        await expect(store.apply([log[0]!, log[2]!])).rejects.toThrow(/offset 1 and got offset 2/);
        expect([store.applied, await usersOf(store)]).toEqual([0, []]);
        await store.apply(log);
        expect(store.applied).toBe(8);
      }));

    it("keeps the order of calls that do not wait for each other", () =>
      withStore(async (store) => {
        await Promise.all(logged(events).map((one) => store.apply([one])));
        expect(store.applied).toBe(8);
        expect((await store.read(u1)).touches).toEqual([touch("c", 2, { value: 1 })]);
      }));
  });

  it("may be closed twice, and then refuses everything", async () => {
    const store = await open();
    const last = store.apply(logged([interaction("u1", touch("a", 1))]));
    await Promise.all([last, store.close(), store.close()]);
    await store.close();
    const refused = { code: "store_unavailable", message: expect.stringMatching(/was closed/) };
    await expect(store.read(u1)).rejects.toMatchObject(refused);
    await expect(put(store, u1, touch("a", 1))).rejects.toMatchObject(refused);
    await expect(store.erase(u1, at(1))).rejects.toMatchObject(refused);
    await expect(store.apply([])).rejects.toMatchObject(refused);
    await expect(usersOf(store)).rejects.toMatchObject(refused);
  });
});

describe("all state stores", () => {
  it("hold the same after the same log, to the digest", async () => {
    const log = logged(
      fc
        .sample(fc.tuple(fc.constantFrom("u1", "u2", "u3"), anyTouch), { numRuns: 400, seed: 7 })
        .map(([who, one], i) => (i % 40 === 39 ? erasure(who, one.time % 5) : interaction(who, one))),
    );
    const digests = new Set<string>();
    for (const [name, openStore] of Object.entries(STATE_STORES)) {
      const store = await openStore(placeOf(name), { limits });
      for (let i = 0; i < log.length; i += 30) await store.apply(log.slice(i, i + 30));
      digests.add(await stateDigest(store));
      await store.close();
    }
    expect(digests.size).toBe(1);
  });
});
