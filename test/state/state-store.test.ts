/** The contract of state stores, for every store in the list. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HOUR, ManualClock, type Offset, Random, type UserId } from "../../src/core/index.ts";
import type { Event } from "../../src/events/index.ts";
import {
  DEFAULT_LIMITS,
  emptyState,
  memoryStore,
  openStateStore,
  type StateLimits,
  type StatePlace,
  type StateStore,
  type StateStoreOptions,
  stateDigest,
  type Touch,
} from "../../src/state/index.ts";
import { type Places, type StoreName, TEST_STORES, titleOf } from "./stores.ts";
import { anyTouch, at, erasure, interaction, logged, model, touch, user } from "./touches.ts";

const limits = { touches: 4, vetoes: 2 };
const u1 = user("u1");

async function usersOf(store: StateStore): Promise<UserId[]> {
  const users: UserId[] = [];
  for await (const one of store.users()) users.push(one);
  return users.sort();
}

for (const name of Object.keys(TEST_STORES) as StoreName[]) {
  describe.skipIf(TEST_STORES[name].missing !== undefined)(`state store ${titleOf(name)}`, () =>
    contract(name),
  );
}

function contract(name: StoreName): void {
  const { start, shared } = TEST_STORES[name];
  let places: Places;
  beforeAll(async () => {
    places = await start();
  });
  afterAll(() => places?.stop());

  const open = async (given: StateLimits = limits, more?: Partial<StateStoreOptions>, at?: StatePlace) =>
    openStateStore(at ?? (await places.newPlace()), { limits: given, ...more });
  /** Runs `body` with a new store and closes it. */
  async function withStore(
    body: (store: StateStore) => Promise<void>,
    given?: StateLimits,
    more?: Partial<StateStoreOptions>,
  ): Promise<void> {
    const store = await open(given, more);
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
      expect([store.applied, await store.readApplied()]).toEqual([0, 0]);
      expect(await store.read(u1)).toEqual(emptyState(u1));
      expect(await usersOf(store)).toEqual([]);
    }));

  it("takes the default limits where none are given", async () => {
    const store = await openStateStore(await places.newPlace(), {});
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
    const store = await open();
    const run = async (steps: readonly Step[]) => {
      await store.clear();
      for (const { who, touches, erase } of steps) {
        if (erase === undefined) await put(store, user(who), ...touches);
        else await store.erase(user(who), at(erase));
      }
      const states = [await store.read(u1), await store.read(user("u2"))];
      return { states, digest: await stateDigest(store) };
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
    await store.close();
  });

  it("orders times as far apart as there are, and equal times by id", () =>
    withStore(
      async (store) => {
        const times = [-8.64e15, -1, 0, 1_700_000_000_000, 8.64e15];
        const touches = times.flatMap((time) => ["b", "a"].map((id) => touch(`${id}${time}`, time)));
        for (const one of touches) await put(store, u1, one);
        expect(await store.read(u1)).toEqual(model("u1", touches, [], store.limits));
      },
      { touches: 20, vetoes: 1 },
    ));

  it("keeps every text, type, value and surface of a touch", () =>
    withStore(
      async (store) => {
        const touches = [
          touch("x".repeat(256), 1, { item: "字".repeat(256), value: -1 }),
          touch("ÿ", 1, { item: "Ā", value: Number.MIN_VALUE, type: "purchase" }),
          touch("\ud800", 1, { item: "🎬", value: 1e300, type: "rate" }),
          touch("👍", 1, { item: "é", value: 0.1, type: "block" }),
          touch("\u0000", 1, { item: "\u0001\u0000", type: "dislike" }),
          touch("\uffff", 1, { item: "\u007f", type: "view" }),
          touch("here", 1, { surface: "x".repeat(64), value: 0.5 }),
          touch("there", 1, { item: "é", surface: "特集 🎬", type: "click" }),
          touch("where", 1, { surface: "ÿ", type: "hide" }),
        ];
        await put(store, u1, ...touches);
        const { touches: engaged, vetoes } = await store.read(u1);
        const byId = (a: Touch, b: Touch) => (a.id > b.id ? -1 : 1);
        expect([...engaged, ...vetoes].sort(byId)).toEqual([...touches].sort(byId));
        expect(engaged).toEqual([...engaged].sort(byId));
      },
      { touches: 20, vetoes: 20 },
    ));

  it("takes touches for one where time and id agree, and keeps the greater, one call after the other", () =>
    withStore(
      async (store) => {
        const same = [
          touch("a", 5, { value: 0.2 }),
          touch("a", 5, { item: "v2" }),
          touch("a", 5, { value: -3 }),
          touch("a", 5, { type: "like" }),
          touch("a", 5),
        ];
        const others = [touch("a", 4), touch("a", 6), touch("A", 5), touch("aa", 5)];
        for (const one of [...others, ...same, ...same.reverse()]) await put(store, u1, one);
        const ids = (await store.read(u1)).touches.map((one) => [one.id, one.time, one.item]);
        expect(ids).toEqual([
          ["a", 6, "v1"],
          ["aa", 5, "v1"],
          ["a", 5, "v2"],
          ["A", 5, "v1"],
          ["a", 4, "v1"],
        ]);
      },
      { touches: 9, vetoes: 1 },
    ));

  it("holds what the memory store holds after the same log, to the digest", () =>
    withStore(async (store) => {
      const log = logged(
        fc
          .sample(fc.tuple(fc.constantFrom("u1", "u2", "u3"), anyTouch), { numRuns: 400, seed: 7 })
          .map(([who, one], i) => (i % 40 === 39 ? erasure(who, one.time % 5) : interaction(who, one))),
      );
      const plain = memoryStore({ limits });
      await plain.apply(log);
      for (let i = 0; i < log.length; i += 30) await store.apply(log.slice(i, i + 30));
      expect(await stateDigest(store)).toBe(await stateDigest(plain));
    }));

  it("holds more users and touches than go to a server at once", () =>
    withStore(async (store) => {
      const log = logged(
        Array.from({ length: 3_000 }, (_, i) => interaction(`u${i % 700}`, touch(`e${i}`, i, { value: i }))),
      );
      await store.apply(log);
      expect(store.applied).toBe(3_000);
      const plain = memoryStore({ limits });
      await plain.apply(log);
      expect(await stateDigest(store)).toBe(await stateDigest(plain));
      const long = Array.from({ length: 600 }, (_, i) => touch(`e${i}`, i));
      await put(store, u1, ...long);
      expect((await store.read(u1)).touches).toEqual(
        model(
          "u1",
          [
            ...long,
            ...Array.from({ length: 5 }, (_, i) =>
              touch(`e${1 + 700 * i}`, 1 + 700 * i, { value: 1 + 700 * i }),
            ),
          ],
          [],
          limits,
        ).touches,
      );
    }));

  describe("expiry", () => {
    const now = 1_700_000_000_000;
    const aged = { ...limits, maxAge: HOUR };

    it("gives out a touch or a veto while it is younger than the limit, and not at it", async () => {
      const clock = new ManualClock(at(now));
      await withStore(
        async (store) => {
          const [young, edge, old] = [touch("c", now), touch("b", now - HOUR + 1), touch("a", now - HOUR)];
          // Of each list one is young: Redis goes by its own time, and drops a list when all of it has expired.
          const [hide, block] = [
            touch("n", now, { type: "hide" }),
            touch("m", now - HOUR + 2, { type: "block" }),
          ];
          await put(store, u1, young, edge, old, hide, block);
          expect(await store.read(u1)).toMatchObject({ touches: [young, edge], vetoes: [hide, block] });
          clock.advance(1);
          expect(await store.read(u1)).toMatchObject({ touches: [young], vetoes: [hide, block] });
          clock.advance(1);
          expect(await store.read(u1)).toMatchObject({ touches: [young], vetoes: [hide] });
          clock.advance(HOUR);
          expect(await store.read(u1)).toEqual(emptyState(u1));
        },
        aged,
        { clock },
      );
    });

    it("never gives out a touch that came when it had expired, and remembers erasures for ever", async () => {
      const clock = new ManualClock(at(now));
      await withStore(
        async (store) => {
          await put(store, u1, touch("late", now - 2 * HOUR), touch("veto", 5, { type: "block" }));
          expect(await store.read(u1)).toEqual(emptyState(u1));
          expect(await stateDigest(store)).toBe(await stateDigest(memoryStore()));
          await store.erase(u1, at(now));
          clock.advance(10 * HOUR);
          await put(store, u1, touch("before", now), touch("after", now + 9.5 * HOUR));
          expect(await store.read(u1)).toEqual({
            ...emptyState(u1),
            touches: [touch("after", now + 9.5 * HOUR)],
            erasedAt: now,
          });
        },
        aged,
        { clock },
      );
    });

    it("agrees with the plain model at any time", async () => {
      const clock = new ManualClock(at(now));
      const inHours = anyTouch.map((one) =>
        Math.abs(one.time) < 10 ? { ...one, time: at(now + one.time * HOUR) } : one,
      );
      const store = await open({ ...limits, maxAge: (3 * HOUR) as typeof HOUR }, { clock });
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(inHours, fc.integer({ min: 0, max: 2 })), { maxLength: 12 }),
          async (steps) => {
            await store.clear();
            for (const [one, hours] of steps) {
              await put(store, u1, one);
              clock.advance(hours * HOUR);
            }
            const whole = model(
              "u1",
              steps.map(([one]) => one),
              [],
              limits,
            );
            const alive = (one: Touch) => one.time > clock.now() - 3 * HOUR;
            expect(await store.read(u1)).toEqual({
              ...whole,
              touches: whole.touches.filter(alive),
              vetoes: whole.vetoes.filter(alive),
            });
          },
        ),
        { numRuns: 25 },
      );
      await store.close();
    });
  });

  describe("clear and skipTo", () => {
    it("forget everything, the erasures and what was applied included, and go on", () =>
      withStore(async (store) => {
        await store.apply(logged([interaction("u1", touch("a", 1)), erasure("u2", 7)]));
        await put(store, user("\ud800"), touch("b", 2, { type: "hide" }));
        await store.clear();
        expect([store.applied, await store.readApplied(), await usersOf(store)]).toEqual([0, 0, []]);
        expect(await store.read(u1)).toEqual(emptyState(u1));
        await store.apply(logged([interaction("u2", touch("c", 3))]));
        expect((await store.read(user("u2"))).touches).toEqual([touch("c", 3)]);
        expect(await store.readApplied()).toBe(1);
        await store.clear();
        await store.clear();
        expect(await usersOf(store)).toEqual([]);
      }));

    it("take the states for those at an offset, from which apply goes on, and never go back", () =>
      withStore(async (store) => {
        await put(store, u1, touch("a", 1));
        await store.skipTo(5 as Offset);
        await store.skipTo(3 as Offset);
        expect([store.applied, await store.readApplied()]).toEqual([5, 5]);
        await store.apply(logged([interaction("u1", touch("old", 9)), interaction("u1", touch("b", 2))], 4));
        expect((await store.read(u1)).touches).toEqual([touch("b", 2), touch("a", 1)]);
        expect(store.applied).toBe(6);
      }));
  });

  describe.runIf(shared !== "nothing")("opened twice", () => {
    async function withTwo(body: (one: StateStore, other: StateStore) => Promise<void>, given?: StateLimits) {
      const place = await places.newPlace();
      const one = await open(given, {}, place);
      const other = await open(given, {}, place);
      try {
        await body(one, other);
      } finally {
        await one.close();
        await other.close();
      }
    }

    it("shows each what the other has written and erased", () =>
      withTwo(async (one, other) => {
        await put(one, u1, touch("a", 1), touch("b", 2));
        await other.erase(u1, at(1));
        const seen = { ...emptyState(u1), touches: [touch("b", 2)], erasedAt: 1 };
        expect([await one.read(u1), await other.read(u1)]).toEqual([seen, seen]);
        expect(await usersOf(other)).toEqual([u1]);
      }));

    it.runIf(shared === "everything")("shows each what the other has applied", () =>
      withTwo(async (one, other) => {
        await one.apply(logged([interaction("u1", touch("c", 3))]));
        expect(await other.readApplied()).toBe(1);
        expect((await other.read(u1)).touches).toEqual([touch("c", 3)]);
        await other.skipTo(4 as Offset);
        expect(await one.readApplied()).toBe(4);
      }),
    );

    it("equals the plain model after events that come one to five times, in any order, through both at once", () =>
      withTwo(
        async (one, other) => {
          const random = new Random(4);
          const events = Array.from({ length: 300 }, (_, i) => ({
            who: `u${random.int(5)}`,
            touch: touch(`e${i % 250}`, random.int(40), {
              type: random.int(4) === 0 ? "hide" : "watch",
              value: random.int(3),
            }),
          }));
          const sent = events.flatMap((event) => Array.from({ length: 1 + random.int(5) }, () => event));
          random.shuffle(sent);
          const erasures = [5, 9, 3];
          const write = async (store: StateStore, from: number) => {
            const running: Promise<void>[] = [];
            for (let i = from; i < sent.length; i += 2) {
              running.push(put(store, user(sent[i]!.who), sent[i]!.touch));
              if (i % 200 === from) running.push(store.erase(u1, at(erasures[((i / 200) % 3) | 0]!)));
              if (running.length > 20) await Promise.all(running.splice(0));
            }
            await Promise.all(running);
          };
          await Promise.all([write(one, 0), write(other, 1)]);
          for (const who of ["u0", "u1", "u2", "u3", "u4"]) {
            const own = events.filter((event) => event.who === who).map((event) => event.touch);
            const expected = model(who, own, who === "u1" ? erasures : [], one.limits);
            expect(await one.read(user(who))).toEqual(expected);
            expect(await other.read(user(who))).toEqual(expected);
          }
        },
        { touches: 20, vetoes: 5 },
      ));

    it.runIf(shared === "everything")("loses nothing where both apply the same log", () =>
      withTwo(async (one, other) => {
        const log = logged(
          Array.from({ length: 90 }, (_, i) => interaction(`u${i % 4}`, touch(`e${i}`, i % 30))),
        );
        const apply = async (store: StateStore, size: number) => {
          for (let i = 0; i < log.length; i += size) await store.apply(log.slice(i, i + size));
        };
        await Promise.all([apply(one, 7), apply(other, 4)]);
        const plain = memoryStore({ limits });
        await plain.apply(log);
        expect(await stateDigest(one)).toBe(await stateDigest(plain));
        expect([await one.readApplied(), await other.readApplied()]).toEqual([90, 90]);
      }),
    );

    it("has its states and what was applied when it is opened again", async () => {
      const place = await places.newPlace();
      const first = await open(limits, {}, place);
      await first.apply(logged([interaction("u1", touch("a", 1)), erasure("u2", 4)]));
      const digest = await stateDigest(first);
      await first.close();
      const second = await open(limits, {}, place);
      expect([second.applied, await second.readApplied(), await stateDigest(second)]).toEqual([2, 2, digest]);
      await second.close();
    });

    it("cuts states to lower limits, and refuses to go back to higher ones than it has kept", async () => {
      const place = await places.newPlace();
      const first = await open(limits, {}, place);
      await put(first, u1, ...[1, 2, 3, 4].map((time) => touch(`e${time}`, time)));
      await first.close();
      const second = await open({ touches: 2, vetoes: 2 }, {}, place);
      expect((await second.read(u1)).touches.map((one) => one.id)).toEqual(["e4", "e3"]);
      await put(second, u1, touch("e5", 5));
      expect((await second.read(u1)).touches.map((one) => one.id)).toEqual(["e5", "e4"]);
      await second.close();
      await expect(open(limits, {}, place)).rejects.toMatchObject({
        code: "store_unavailable",
        message: expect.stringMatching(/keeps 2 touches and 2 vetoes.* 4 and 2 are wanted/),
      });
    });

    it("belongs to the first log that it is opened with, also after clear, and to none before", async () => {
      const place = await places.newPlace();
      await (await open(limits, {}, place)).close();
      const mine = await open(limits, { log: "log-1" }, place);
      await put(mine, u1, touch("a", 1));
      const refused = {
        code: "store_unavailable",
        message: expect.stringMatching(/holds the states of another log/),
      };
      await expect(open(limits, { log: "log-2" }, place)).rejects.toMatchObject(refused);
      await mine.clear();
      await mine.close();
      await expect(open(limits, { log: "log-2" }, place)).rejects.toMatchObject(refused);
      for (const log of [{ log: "log-1" }, {}]) await (await open(limits, log, place)).close();
      await expect(open(limits, { log: "log-2" }, place)).rejects.toMatchObject(refused);
      const anybody = await open(limits, {}, place);
      await anybody.clear();
      await anybody.close();
      await (await open(limits, { log: "log-2" }, place)).close();
    });

    it("belongs to the next log once it was cleared by somebody who opened it without one", async () => {
      const place = await places.newPlace();
      await (await open(limits, { log: "log-1" }, place)).close();
      const anybody = await open(limits, {}, place);
      await anybody.clear();
      await anybody.close();
      await (await open(limits, { log: "log-2" }, place)).close();
      await expect(open(limits, { log: "log-1" }, place)).rejects.toMatchObject({
        code: "store_unavailable",
      });
    });
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
    await expect(store.readApplied()).rejects.toMatchObject(refused);
    await expect(store.clear()).rejects.toMatchObject(refused);
    await expect(store.skipTo(1 as Offset)).rejects.toMatchObject(refused);
  });
}
