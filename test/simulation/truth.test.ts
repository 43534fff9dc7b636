import { describe, expect, test } from "vitest";
import {
  DAY,
  type EpochMs,
  type EventId,
  type ItemId,
  type RequestId,
  UpnextError,
  type UserId,
} from "../../src/core/index.ts";
import type { Interaction } from "../../src/events/index.ts";
import {
  createViewer,
  createWorld,
  examination,
  simulateWorld,
  simulationTruth,
} from "../../src/simulation/index.ts";

const END = Date.UTC(2026, 9, 31) as EpochMs;
const START = (END - 30 * DAY) as EpochMs;
const world = createWorld({ end: END, users: 300, videos: 800 });
const truth = simulationTruth(world);
const users = Array.from({ length: 300 }, (_, i) => `u${i + 1}` as UserId);
const items = Array.from({ length: 800 }, (_, i) => `v${i + 1}` as ItemId);

describe("the truth", () => {
  test("is a probability for every user and item, and NaN for what the platform does not have", () => {
    for (const user of users.slice(0, 20))
      for (const item of items) {
        const p = truth.affinity(user, item, END);
        if (!(p > 0 && p < 1)) throw new Error(`${user} ${item}: ${p}`);
      }
    for (const id of ["v0", "v801", "v01", "v1.5", "v", "x1", "", "v1e2"])
      expect(truth.affinity(users[0]!, id as ItemId, END)).toBeNaN();
    expect(truth.affinity("u301" as UserId, items[0]!, END)).toBeNaN();
    expect(truth.interests("u301" as UserId, END)).toEqual([]);
  });

  test("is the same whatever was asked before", () => {
    const fresh = simulationTruth(createWorld({ end: END, users: 300, videos: 800 }));
    for (const days of [30, 3, 0, -5, 40]) {
      const time = (START + days * DAY) as EpochMs;
      expect(truth.affinity(users[7]!, items[9]!, time)).toBe(fresh.affinity(users[7]!, items[9]!, time));
    }
  });

  test("differs between users more than quality alone explains", () => {
    const taste = (user: UserId) => items.map((item) => truth.affinity(user, item, END));
    const pairs = users.slice(0, 30).map((user, i) => correlation(taste(user), taste(users[i + 50]!)));
    expect(mean(pairs)).toBeLessThan(0.5);
  });

  test("drifts: a month changes tastes more than a day, and some interests are replaced", () => {
    const similarity = (days: number) =>
      mean(
        users.slice(0, 60).map((user) => {
          const at = (time: number) =>
            items.map((item) => {
              const p = truth.affinity(user, item, time as EpochMs);
              return Math.log(p / (1 - p));
            });
          return correlation(at(START), at(START + days * DAY));
        }),
      );
    expect(similarity(1)).toBeGreaterThan(0.95);
    expect(similarity(29)).toBeLessThan(similarity(1) - 0.05);
    const kept = users.map((user) => {
      const before = new Set(truth.interests(user, START));
      return truth.interests(user, END).filter((topic) => before.has(topic)).length / before.size;
    });
    expect(mean(kept)).toBeGreaterThan(0.5);
    expect(mean(kept)).toBeLessThan(0.85);
  });

  test("predicts what is played in the first slot, which is always looked at", () => {
    expect(examination(0)).toBe(1);
    const plays = new Map<string, { expected: number; played: boolean }>();
    for (const batch of simulateWorld(world))
      for (const event of batch) {
        if (event.kind === "impression") {
          const { item } = event.slots[0]!;
          const expected = truth.affinity(event.user, item, event.time);
          plays.set(`${event.request}/${item}`, { expected, played: false });
        } else if (event.kind === "interaction" && event.type === "watch") {
          const play = plays.get(`${event.request}/${event.item}`);
          if (play !== undefined) play.played = true;
        }
      }
    const rate = (low: number, high: number) =>
      mean(
        [...plays.values()]
          .filter((p) => p.expected >= low && p.expected < high)
          .map((p) => Number(p.played)),
      );
    expect(rate(0, 0.1)).toBeLessThan(0.15);
    expect(rate(0.3, 0.5)).toBeGreaterThan(0.25);
    expect(rate(0.7, 1)).toBeGreaterThan(0.65);
  });

  test("has examination fall from 1 with every position", () => {
    for (let k = 1; k < 100; k++) {
      expect(examination(k)).toBeLessThan(examination(k - 1));
      expect(examination(k)).toBeGreaterThan(0);
    }
  });
});

describe("a viewer", () => {
  const viewer = (user = "u1", seed = 1) => {
    let made = 0;
    return createViewer(world, { user: user as UserId, seed, makeId: () => `e${made++}` as EventId });
  };
  const slate = (shown: readonly ItemId[], n = 1) =>
    ({ request: `q${n}` as RequestId, items: shown, time: (END + n * DAY) as EpochMs }) as const;

  test("imagines what viewers of other seeds do with the slate, position by position", () => {
    const shown = items.slice(0, 10);
    const counts = new Float64Array(10);
    const viewers = 3_000;
    for (let seed = 1; seed <= viewers; seed++) {
      const { events } = viewer("u5", seed).view(slate(shown));
      for (const { type, item, request } of events)
        if (type === "watch" && request !== undefined) counts[shown.indexOf(item)]! += 1 / viewers;
    }
    const imagined = viewer("u5", 1).imagine(slate(shown), viewers);
    expect(imagined.some((share) => share > 0.02)).toBe(true);
    for (let position = 0; position < 10; position++)
      expect(Math.abs(imagined[position]! - counts[position]!)).toBeLessThan(0.03);
  });

  test("does the same whether it has imagined something or not", () => {
    const live = (imagines: boolean) => {
      const one = viewer("u5", 1);
      return Array.from({ length: 20 }, (_, n) => {
        if (imagines) one.imagine(slate(items.slice(0, 10)), 5);
        return one.view(slate(items.slice(n * 10, n * 10 + 10), n));
      });
    };
    const ids = (answers: readonly { readonly events: readonly object[] }[]) =>
      answers.map(({ events, ...rest }) => ({
        ...rest,
        events: events.map((event) => ({ ...event, id: "" })),
      }));
    expect(ids(live(true))).toEqual(ids(live(false)));
  });

  test("does the same with the same slates, and something else with another seed", () => {
    const live = (seed: number) => {
      const one = viewer("u5", seed);
      return Array.from({ length: 20 }, (_, n) => one.view(slate(items.slice(n * 10, n * 10 + 10), n)));
    };
    expect(live(1)).toEqual(live(1));
    expect(live(1)).not.toEqual(live(2));
  });

  test("answers its slate in the order of time, and is done after its last event", () => {
    const one = viewer("u9");
    for (let n = 1; n <= 30; n++) {
      const shown = items.slice(n * 20, n * 20 + 20);
      const { events, time } = one.view(slate(shown, n));
      const times = [END + n * DAY, ...events.map((event) => event.time), time];
      expect([...times].sort((a, b) => a - b)).toEqual(times);
      for (const event of events) {
        expect(event.user).toBe("u9");
        if (event.request === undefined) continue;
        expect(event.request).toBe(`q${n}`);
        expect(shown).toContain(event.item);
      }
    }
  });

  test("plays what it likes more often than what it does not", () => {
    const one = viewer("u3");
    const liked = [...items].sort(
      (a, b) => truth.affinity("u3" as UserId, b, END) - truth.affinity("u3" as UserId, a, END),
    );
    const plays = (from: readonly ItemId[]) => {
      let count = 0;
      for (let n = 0; n < 8; n++)
        count += one
          .view(slate(from.slice(n * 10, n * 10 + 10)))
          .events.filter((event) => event.type === "watch").length;
      return count;
    };
    expect(plays(liked.slice(0, 80))).toBeGreaterThan(3 + 2 * plays(liked.slice(-80)));
  });

  test("passes over items it does not know and an empty slate", () => {
    const one = viewer();
    expect(one.view(slate([])).events).toEqual([]);
    expect(one.view(slate(["x1" as ItemId, "v801" as ItemId])).events).toEqual([]);
    expect(one.interest("x1" as ItemId, END)).toBeNaN();
  });

  test("goes on where its log ended", () => {
    const { nextPart } = world.catalogue;
    const part = nextPart.findIndex((row) => row >= 0);
    const next = items[nextPart[part]!]!;
    const watch = (user: string): Interaction => ({
      kind: "interaction",
      id: "e" as EventId,
      time: END,
      user: user as UserId,
      item: items[part]!,
      type: "watch",
      value: 1,
    });
    const one = viewer("u2");
    const before = one.interest(next, END);
    one.remember(watch("u1"));
    expect(one.interest(next, END)).toBe(before);
    one.remember(watch("u2"));
    expect(one.interest(next, END)).toBeGreaterThan(before);
  });

  test("now and then comes for something without having been shown it", () => {
    const arrivals = users.map((user) => viewer(user).arrive(END));
    const events = arrivals.flatMap((answer) => answer.events);
    expect(events.length).toBeGreaterThan(20);
    expect(events.filter((event) => event.request !== undefined)).toEqual([]);
    expect(arrivals.every(({ stays }) => stays)).toBe(true);
  });

  test("must be a user of the world", () => {
    expect(() => viewer("u301")).toThrow(UpnextError);
    expect(() => viewer("u301")).toThrow(/expected a user of this world, u1 to u300/);
  });
});

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [mean(a), mean(b)];
  const product = (x: readonly number[], y: readonly number[], mx: number, my: number) =>
    x.reduce((sum, value, i) => sum + (value - mx) * (y[i]! - my), 0);
  return product(a, b, meanA, meanB) / Math.sqrt(product(a, a, meanA, meanA) * product(b, b, meanB, meanB));
}
