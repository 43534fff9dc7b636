import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { DAY, type EpochMs, type EventId, UpnextError } from "../../src/core/index.ts";
import { type Event, type Impression, type Interaction, parseEvent } from "../../src/events/index.ts";
import {
  createWorld,
  examination,
  type SimulationOptions,
  simulate,
  simulateWorld,
} from "../../src/simulation/index.ts";

const END = Date.UTC(2026, 9, 31) as EpochMs;

const SIZES: readonly (Partial<SimulationOptions> & { readonly name: string })[] = [
  { name: "one user and one video", users: 1, videos: 1, events: 50, days: 3 },
  { name: "one user and no events wanted", users: 1, videos: 30, events: 0, days: 1 },
  { name: "five users and ten videos", users: 5, videos: 10 },
  { name: "many users, few videos", users: 200, videos: 3, days: 5, events: 2_000 },
  { name: "few users, many videos", users: 3, videos: 1_000, events: 500 },
  { name: "a small platform", users: 60, videos: 300, seed: 7 },
  { name: "an end near the epoch", users: 20, videos: 50, end: (31 * DAY) as EpochMs },
];

describe.each(SIZES)("a log of $name", ({ name: _, ...size }) => {
  const options = { end: END, ...size };
  const events = all(options);

  test("is in the order of time and ends in time", () => {
    expect(events.filter((event, i) => i > 0 && event.time < events[i - 1]!.time)).toEqual([]);
    expect(events.at(-1)!.time).toBeLessThanOrEqual(options.end);
  });

  test("has every user and every video once, and no event id twice", () => {
    expect(events.filter((event) => event.kind === "user").map((event) => event.user)).toEqual(
      Array.from({ length: options.users ?? 0 }, (_, i) => `u${i + 1}`),
    );
    expect(events.filter((event) => event.kind === "item").map((event) => event.item)).toEqual(
      Array.from({ length: options.videos ?? 0 }, (_, i) => `v${i + 1}`),
    );
    expect(new Set(events.map((event) => event.id)).size).toBe(events.length);
  });

  test("passes the validation at the border unchanged", () => {
    const makeId = () => "unused" as EventId;
    const parse = (event: Event) =>
      parseEvent(JSON.parse(JSON.stringify(event)), { now: options.end, makeId });
    const faults = events.flatMap((event): readonly (string | Event)[] => {
      const parsed = parse(event);
      if (!parsed.ok) return [parsed.problem.message];
      return JSON.stringify(parsed.value) === JSON.stringify(event) ? [] : [event];
    });
    expect(faults).toEqual([]);
  });

  test("shows only videos that are published, to users that have joined, none twice in a slate", () => {
    const known = new Set<string>();
    const faults: Event[] = [];
    for (const event of events) {
      if (event.kind === "item") known.add(event.item);
      if (event.kind === "user") known.add(event.user);
      if (event.kind === "interaction" && !known.has(event.item)) faults.push(event);
      if (event.kind !== "impression") continue;
      const { slots } = event;
      const right =
        known.has(event.user) &&
        slots.length > 0 &&
        slots.every(({ item, position }, i) => known.has(item) && position === i) &&
        new Set(slots.map(({ item }) => item)).size === slots.length;
      if (!right) faults.push(event);
    }
    expect(faults).toEqual([]);
  });

  test("answers slots of impressions that were shown to the same user before", () => {
    const shown = new Map<string, Impression>();
    const faults: Event[] = [];
    for (const event of events) {
      if (event.kind === "impression") {
        if (shown.has(event.request)) faults.push(event);
        shown.set(event.request, event);
      }
      if (event.kind !== "interaction" || event.request === undefined) continue;
      const answered = shown.get(event.request);
      if (answered?.user !== event.user || !answered.slots.some(({ item }) => item === event.item))
        faults.push(event);
    }
    expect(faults).toEqual([]);
  });

  test("carries a share with every watch and with nothing else", () => {
    const wrong = events.filter(
      (event) =>
        event.kind === "interaction" &&
        (event.type === "watch") !== (event.value !== undefined && event.value > 0),
    );
    expect(wrong).toEqual([]);
  });
});

describe("the same options", () => {
  const options = { end: END, users: 60, videos: 200, events: 2_000, seed: 3 };

  test("give the same bytes, also while another run goes on", () => {
    const alone = digest(simulate(options));
    const other = simulate({ ...options, seed: 4 });
    const hash = createHash("sha256");
    for (const batch of simulate(options)) {
      hash.update(JSON.stringify(batch));
      other.next();
    }
    expect(hash.digest("hex")).toBe(alone);
  });

  test("give the same bytes from a world that was used before", () => {
    const world = createWorld(options);
    expect(digest(simulateWorld(world))).toBe(digest(simulateWorld(world)));
  });

  test("with another seed give other bytes and other ids", () => {
    const [one, other] = [all(options), all({ ...options, seed: 4 })];
    expect(digest([one])).not.toBe(digest([other]));
    const ids = new Set(one.map((event) => event.id));
    expect(other.some((event) => ids.has(event.id))).toBe(false);
  });
});

describe("a platform of 800 users and 2,000 videos", () => {
  const events = all({ end: END, users: 800, videos: 2_000 });
  const interactions = events.filter((event) => event.kind === "interaction");
  const impressions = events.filter((event) => event.kind === "impression");

  test("has about as many interactions as were asked for", () => {
    expect(Math.abs(interactions.length / (800 * 88) - 1)).toBeLessThan(0.05);
  });

  test("comes in batches of at most a thousand", () => {
    for (const batch of simulate({ end: END, users: 50, videos: 2_000, events: 100 })) {
      expect(batch.length).toBeGreaterThan(0);
      expect(batch.length).toBeLessThanOrEqual(1_000);
    }
  });

  test("has videos and users that appear during the period", () => {
    const start = END - 30 * DAY;
    const appear = (kind: "item" | "user") =>
      events.filter((event) => event.kind === kind && event.time > start).length;
    expect(appear("item")).toBeGreaterThan(400);
    expect(appear("user")).toBeGreaterThan(150);
  });

  test("has titles that are nearly all different and creators with one to three categories a video", () => {
    const items = events.filter((event) => event.kind === "item");
    expect(new Set(items.map((event) => event.facts.title)).size).toBeGreaterThan(0.97 * items.length);
    const usual = items.filter(
      ({ facts: { title, creator, categories } }) =>
        /^[A-Z0-9][^{}]+$/.test(title ?? "") &&
        /^[A-Z]/.test(creator ?? "") &&
        [1, 2, 3].includes(categories?.length ?? 0),
    );
    expect(usual.length).toBe(items.length);
  });

  test("numbers the parts of a series in the order of publication", () => {
    const parts = new Map<unknown, number>();
    for (const event of events) {
      if (event.kind !== "item" || event.facts.attributes === undefined) continue;
      const { series, part } = event.facts.attributes as { readonly series: string; readonly part: number };
      expect(part).toBe((parts.get(series) ?? 0) + 1);
      expect(event.facts.title).toMatch(new RegExp(`, part ${part}$`));
      parts.set(series, part);
    }
    expect(Math.max(...parts.values())).toBeGreaterThan(3);
  });

  test("has a few videos with much of the attention and users of very different activity", () => {
    const perUser = counts(interactions.map((event) => event.user)).sort((a, b) => b - a);
    expect(perUser[0]!).toBeGreaterThan(8 * perUser[perUser.length >> 1]!);
    const perItem = counts(interactions.map((event) => event.item)).sort((a, b) => b - a);
    const top = perItem.slice(0, 200).reduce((a, b) => a + b);
    expect(top / interactions.length).toBeGreaterThan(0.25);
  });

  test("has watch shares with two modes", () => {
    const shares = watches(interactions).map((event) => event.value!);
    const within = (low: number, high: number) => shares.filter((s) => s >= low && s < high).length;
    expect(within(0, 0.15)).toBeGreaterThan(2 * within(0.3, 0.45));
    expect(within(0.85, 1.01)).toBeGreaterThan(2 * within(0.3, 0.45));
  });

  test("plays randomly placed slots as the examination curve says", () => {
    const shown = new Float64Array(10);
    const played = new Float64Array(10);
    const explored = new Map<string, number>();
    for (const { request, slots } of impressions)
      for (const { item, position, sources } of slots) {
        if (sources?.[0] !== "logging-explore") continue;
        shown[position]!++;
        explored.set(`${request}/${item}`, position);
      }
    for (const { request, item } of watches(interactions)) {
      const position = explored.get(`${request}/${item}`);
      if (position !== undefined) played[position]!++;
    }
    const rate = (from: number, to: number) => {
      const sum = (column: Float64Array) => column.subarray(from, to).reduce((a, b) => a + b, 0);
      return sum(played) / sum(shown);
    };
    const truth = (from: number, to: number) => {
      let sum = 0;
      for (let i = from; i < to; i++) sum += examination(i);
      return sum / (to - from);
    };
    expect(rate(0, 1)).toBeGreaterThan(1.8 * rate(5, 10));
    expect(rate(0, 2) / rate(5, 10) / (truth(0, 2) / truth(5, 10))).toBeGreaterThan(0.75);
    expect(rate(0, 2) / rate(5, 10) / (truth(0, 2) / truth(5, 10))).toBeLessThan(1.3);
  });
});

test("new batches do not wait for the whole period", () => {
  const run = simulate({ end: END, users: 20_000, videos: 1_000, events: 10_000_000 });
  expect(run.next().value?.length).toBe(1_000);
});

test.each([
  ["users", 0],
  ["users", 1.5],
  ["videos", 0],
  ["events", -1],
  ["days", 0],
  ["days", Number.NaN],
  ["seed", -1],
] as const)("the option %s refuses %s and names the range", (name, value) => {
  const attempt = () => [...simulate({ end: END, [name]: value })];
  expect(attempt).toThrow(UpnextError);
  expect(attempt).toThrow(new RegExp(`'${name}' must be an integer from .* got ${value}`));
});

function all(options: SimulationOptions): readonly Event[] {
  return [...simulate(options)].flat();
}

function watches(interactions: readonly Interaction[]): readonly Interaction[] {
  return interactions.filter((event) => event.type === "watch");
}

function digest(batches: Iterable<readonly Event[]>): string {
  const hash = createHash("sha256");
  for (const batch of batches) hash.update(JSON.stringify(batch));
  return hash.digest("hex");
}

function counts(values: readonly string[]): number[] {
  const byValue = new Map<string, number>();
  for (const value of values) byValue.set(value, (byValue.get(value) ?? 0) + 1);
  return [...byValue.values()];
}
