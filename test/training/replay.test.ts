/** Training and serving agree: what a replayed example sees is what folding the same events gives a request. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ANSWERED_AT,
  type Catalog,
  DECAYED,
  DECAYED_AT,
  HALF_LIVES_DAYS,
  RECORD,
  SHOWN,
  SHOWN_AT,
  VETOES,
  withStatistics,
} from "../../src/catalog/index.ts";
import { type EpochMs, ManualClock, type Ms, Random } from "../../src/core/index.ts";
import type { Event, Interaction } from "../../src/events/index.ts";
import { buildMask } from "../../src/policy/index.ts";
import { touchesOf } from "../../src/retrieval/index.ts";
import { emptyState, memoryStore, type StateLimits } from "../../src/state/index.ts";
import { examplesBetween, visit } from "../../src/training/examples.ts";
import { type History, readHistory } from "../../src/training/history.ts";
import {
  cutAt,
  cutLast,
  everything,
  momentOf,
  Replay,
  sequencesOf,
  touchesBefore,
} from "../../src/training/replay.ts";
import { anyLog } from "./any-log.ts";
import { at, catalogOf, HOUR_MS, logged, logOf, START, shown, took, userId } from "./logs.ts";

const byTimeAndId = (a: Event, b: Event) => a.time - b.time || (a.id < b.id ? -1 : 1);
/** By count alone, and by age too. */
const LIMITS: readonly StateLimits[] = [
  { touches: 4, vetoes: 2 },
  { touches: 4, vetoes: 2, maxAge: (5 * HOUR_MS) as Ms },
];

/** The touches that serving makes for `user` after folding exactly `events`. */
async function served(
  events: readonly Event[],
  user: string,
  catalog: Catalog,
  now: EpochMs,
  limits: StateLimits,
  surface?: string,
) {
  const store = memoryStore({ limits, clock: new ManualClock(now) });
  await store.apply(logged(events));
  return touchesOf(await store.read(userId(user)), catalog, now, surface);
}

/** Entries of the history as (user, entry, the event behind it). */
function entriesOf(history: History, events: readonly Interaction[]) {
  return history.users.flatMap((user, u) =>
    events
      .filter((event) => event.user === user)
      .sort(byTimeAndId)
      .map((event, i) => ({ user, u, entry: history.offsets[u]! + i, event })),
  );
}

const interactionsOf = (events: readonly Event[]) =>
  events.filter((event): event is Interaction => event.kind === "interaction");

describe("the query before an entry", () => {
  it("is that of serving, to the bit, after folding what is before the entry by (time, id), in any order", async () => {
    await fc.assert(
      fc.asyncProperty(
        anyLog({ erasures: true, ordered: false }),
        fc.integer({ min: 0, max: 1e6 }),
        fc.constantFrom(...LIMITS),
        fc.constantFrom(undefined, "home", "nowhere"),
        async (events, seed, limits, surface) => {
          const history = await readHistory(await logOf(events));
          const erasures = events.filter((event) => event.kind === "erasure");
          const erased = (event: Interaction) =>
            erasures.some(({ user, time }) => user === event.user && event.time <= time);
          const kept = interactionsOf(events).filter((event) => !erased(event));
          for (const { user, u, entry, event } of entriesOf(history, kept)) {
            const before = interactionsOf(events).filter((other) => byTimeAndId(other, event) < 0);
            const shuffled = new Random(seed).shuffle([...before, ...erasures]) as Event[];
            expect(touchesBefore(history, u, entry, event.time, limits, surface)).toEqual(
              await served(shuffled, user, history.catalog, event.time, limits, surface),
            );
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it("is that of a live system at the entry's place in a log that is in order", async () => {
    await fc.assert(
      fc.asyncProperty(
        anyLog({ erasures: false, ordered: true }),
        fc.constantFrom(...LIMITS),
        async (drawn, limits) => {
          const events = [...drawn].sort(byTimeAndId);
          const history = await readHistory(await logOf(events));
          for (const { user, u, entry, event } of entriesOf(history, interactionsOf(events))) {
            const prefix = events.slice(0, events.indexOf(event));
            const catalog = catalogOf(prefix);
            expect(touchesBefore(history, u, entry, event.time, limits)).toEqual(
              await served(prefix, user, catalog, event.time, limits),
            );
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe("the touches of an example", () => {
  it("end where they are as old as serving keeps them, to the millisecond", async () => {
    const history = await readHistory(
      await logOf([took("a", "p", START), took("a", "q", START + 1), took("a", "r", START + 5)]),
    );
    const known = (maxAge: number) => {
      const limits = { touches: 9, maxAge: maxAge as Ms };
      const { items } = touchesBefore(history, 0, 3, at(START + 10), limits).touches;
      return Array.from(items, (row) => history.catalog.idOf(row));
    };
    expect([known(11), known(10), known(9), known(5), known(1)]).toEqual([
      ["r", "q", "p"],
      ["r", "q"],
      ["r"],
      [],
      [],
    ]);
    const replay = new Replay(history, everything(history), { touches: 9, maxAge: 10 as Ms });
    replay.advance(START + 10);
    const asked = await replay.asOf(0, 3, at(START + 10), async ({ items }) => [...items]);
    expect(asked.map((row) => history.catalog.idOf(row))).toEqual(["r", "q"]);
  });
});

/** Everything that an item's counters say, by item id, at the end of their columns' use. */
function countersOf(catalog: Catalog, known: Iterable<string>) {
  const { statistics } = catalog;
  return {
    total: statistics.totalEngagements,
    sums: [...statistics.sums.all],
    newest: statistics.newest,
    items: [...known].map((item) => {
      const row = catalog.rowOf(item as Interaction["item"]);
      if (row === undefined) {
        const none = (length: number) => new Array<number>(length).fill(0);
        const never = -Infinity;
        return [item, 0, 0, none(SHOWN_AT), never, never, none(HALF_LIVES_DAYS.length), never, never];
      }
      const record = statistics.records.subarray(row * RECORD, (row + 1) * RECORD);
      return [
        item,
        statistics.engagements[row],
        record[VETOES],
        [...record.subarray(0, SHOWN_AT)],
        record[SHOWN_AT],
        record[ANSWERED_AT],
        [...record.subarray(DECAYED, DECAYED + HALF_LIVES_DAYS.length)],
        record[DECAYED_AT],
        statistics.heat[row],
      ];
    }),
  };
}

describe("a replay", () => {
  it("has at every moment the statistics of a catalog that folded the events before it, to the bit", async () => {
    await fc.assert(
      fc.asyncProperty(anyLog({ erasures: false, ordered: true }), async (events) => {
        const history = await readHistory(await logOf(events));
        const replay = new Replay(history, everything(history));
        const replayed = withStatistics(history.catalog, replay.statistics);
        const items = Array.from({ length: history.catalog.size }, (_, row) => history.catalog.idOf(row));
        for (let hour = 0; hour <= 13; hour++) {
          const moment = START + hour * HOUR_MS;
          replay.advance(moment);
          const folded = catalogOf(events.filter((event) => event.time < moment));
          expect(countersOf(replayed, items)).toEqual(countersOf(folded, items));
        }
      }),
      { numRuns: 150 },
    );
  });

  it("allows at every moment what was mentioned before it, is published by then and was never removed", async () => {
    await fc.assert(
      fc.asyncProperty(anyLog({ erasures: false, ordered: true }), async (events) => {
        const history = await readHistory(await logOf(events));
        const replay = new Replay(history, everything(history));
        for (let hour = 0; hour <= 13; hour++) {
          const moment = at(START + hour * HOUR_MS);
          replay.advance(moment);
          const folded = catalogOf(events.filter((event) => event.time < moment));
          const live = buildMask(history.catalog, emptyState(userId("nobody")), {}, moment).allowed;
          const expected = live.map((bit, row) =>
            folded.rowOf(history.catalog.idOf(row)) === undefined ? 0 : bit,
          );
          expect(replay.allowed).toEqual(expected);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("does not count what lies behind the cut, or was erased", async () => {
    const erasure: Event = {
      kind: "erasure",
      id: "x" as Event["id"],
      user: userId("b"),
      time: at(START + 5),
    };
    const events = [took("a", "v", START), took("a", "w", START + 1), took("b", "v", START + 2), erasure];
    const history = await readHistory(await logOf(events));
    const replay = new Replay(history, cutAt(history, START + 1, everything(history)));
    replay.advance(START + 100);
    expect([...replay.statistics.engagements.subarray(0, 2)]).toEqual([1, 0]);
  });

  it("counts an impression of a user who never did anything, and none of an item not known by then", async () => {
    const history = await readHistory(
      await logOf([
        took("a", "v", START),
        shown("nobody", "r1", START + 1, ["v", "later"]),
        took("a", "later", START + 2),
        shown("nobody", "r2", START + 3, ["v", "later"]),
      ]),
    );
    const replay = new Replay(history, everything(history));
    replay.advance(START + 100);
    expect([0, 1].map((row) => replay.statistics.records[row * RECORD + SHOWN])).toEqual([2, 1]);
  });

  it("hides during an example what the user has touched before it, and nothing afterwards", async () => {
    const history = await readHistory(
      await logOf([
        took("a", "v", START),
        took("a", "w", START + 1, { type: "hide" }),
        took("b", "u", START),
      ]),
    );
    const replay = new Replay(history, everything(history));
    replay.advance(START + 10);
    const seen = await replay.asOf(0, 2, at(START + 10), async (query) => [...query.allowed]);
    expect(seen).toEqual([0, 0, 1]);
    expect([...replay.allowed]).toEqual([1, 1, 1]);
    await expect(replay.asOf(0, 2, at(START + 10), () => Promise.reject(new Error("stop")))).rejects.toThrow(
      "stop",
    );
    expect([...replay.allowed]).toEqual([1, 1, 1]);
  });

  it("visits examples in time order, each with its target and with nothing of its own moment in the state", async () => {
    const history = await readHistory(
      await logOf([
        took("a", "v", START),
        took("b", "w", START + 1),
        took("a", "w", START + 2),
        took("b", "v", START + 3),
      ]),
    );
    const all = everything(history);
    const replay = new Replay(history, all);
    const visited: unknown[] = [];
    const examples = examplesBetween(history, history.offsets.slice(0, -1), all);
    await visit(history, replay, examples, async (query, target, { user }, index) => {
      visited.push([
        index,
        history.users[user],
        target,
        [...query.items],
        replay.statistics.totalEngagements,
      ]);
    });
    expect(visited).toEqual([
      [0, "a", 0, [], 0],
      [1, "b", 1, [], 1],
      [2, "a", 1, [0], 2],
      [3, "b", 0, [1], 3],
    ]);
  });

  it("works on a catalogue of one item, of more than a first column holds, and of none", async () => {
    for (const items of [0, 1, 1500]) {
      const history = await readHistory(
        await logOf(Array.from({ length: items }, (_, i) => took("a", `v${i}`, START + i))),
      );
      const replay = new Replay(history, everything(history));
      replay.advance(START + 5000);
      expect(replay.statistics.totalEngagements).toBe(items);
      expect(replay.allowed.length).toBe(items);
    }
  });
});

describe("cuts", () => {
  /** User a: three items, of which the second is a veto, an hour apart; user b: one item at hour 1; c: erased. */
  const events = [
    took("a", "p", START),
    took("a", "q", START + HOUR_MS, { type: "dislike" }),
    took("a", "r", START + 2 * HOUR_MS),
    took("b", "p", START + HOUR_MS),
    took("c", "p", START),
    { kind: "erasure", id: "x", user: "c", time: START } as Event,
  ];
  const history = logOf(events).then((log) => readHistory(log));

  it("in time keep what lies before the moment", async () => {
    const h = await history;
    const all = everything(h);
    expect([...all]).toEqual([3, 4, 4]);
    expect([...cutAt(h, START, all)]).toEqual([0, 3, 4]);
    expect([...cutAt(h, START + HOUR_MS, all)]).toEqual([1, 3, 4]);
    expect([...cutAt(h, START + HOUR_MS + 1, all)]).toEqual([2, 4, 4]);
    expect([...cutAt(h, Infinity, all)]).toEqual([3, 4, 4]);
    expect([...cutAt(h, Infinity, cutAt(h, START + HOUR_MS, all))]).toEqual([1, 3, 4]);
  });

  it("of the last items pass over what shows no interest, and end at a user's beginning", async () => {
    const h = await history;
    expect([...cutLast(h, 0)]).toEqual([3, 4, 4]);
    expect([...cutLast(h, 1)]).toEqual([2, 3, 4]);
    expect([...cutLast(h, 2)]).toEqual([0, 3, 4]);
    expect([...cutLast(h, 9)]).toEqual([0, 3, 4]);
  });

  it("have a moment before which a share of them lies", async () => {
    const h = await history;
    const all = everything(h);
    expect(momentOf(h, all, 0)).toBe(START);
    expect(momentOf(h, all, 0.5)).toBe(START + HOUR_MS);
    expect(momentOf(h, all, 1)).toBe(START + 2 * HOUR_MS);
    expect(momentOf(h, h.offsets.slice(0, -1), 0.5)).toBe(-Infinity);
  });

  it("become sequences of the entries that show interest", async () => {
    const h = await history;
    const sequences = sequencesOf(h, everything(h));
    expect([...sequences.offsets]).toEqual([0, 2, 3, 3]);
    expect(Array.from(sequences.items, (row) => h.catalog.idOf(row))).toEqual(["p", "r", "p"]);
    expect([...sequences.times]).toEqual([START, START + 2 * HOUR_MS, START + HOUR_MS]);
    expect([...sequences.weights]).toEqual([1, 1, 1]);
    expect(sequences.itemCount).toBe(3);
  });

  it("leave examples between them: interest in an item that the user has not touched, in time order", async () => {
    const h = await readHistory(
      await logOf([
        took("a", "p", START),
        took("a", "q", START + 1, { type: "hide" }),
        took("a", "p", START + 2),
        took("a", "q", START + 3),
        took("a", "r", START + 6),
        took("b", "r", START + 5),
        took("b", "s", START + 6, { type: "watch", value: 0.1 }),
      ]),
    );
    const name = ({ user, entry }: { user: number; entry: number }) =>
      `${h.users[user]}:${h.catalog.idOf(h.items[entry]!)}`;
    const all = everything(h);
    expect(examplesBetween(h, h.offsets.slice(0, -1), all).map(name)).toEqual(["a:p", "b:r", "a:r"]);
    expect(examplesBetween(h, cutLast(h, 1), all).map(name)).toEqual(["b:r", "a:r"]);
    expect(examplesBetween(h, cutAt(h, START + 6, all), all).map(name)).toEqual(["a:r"]);
    expect(examplesBetween(h, all, all)).toEqual([]);
  });
});
