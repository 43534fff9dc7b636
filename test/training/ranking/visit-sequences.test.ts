/** Visits as examples of taste: each with what was known before it, and nothing else. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MINUTE, Random } from "../../../src/core/index.ts";
import { INTERACTION_TYPE_NAMES, isVeto } from "../../../src/events/index.ts";
import { MAX_VISITS, visitsOf } from "../../../src/features/index.ts";
import { HEADS, VISIT_COLUMNS, vocabularyOf, writeVisitFacts } from "../../../src/ranking/index.ts";
import { type History, readHistory } from "../../../src/training/history.ts";
import {
  drawExamples,
  tasteFeeds,
  type VisitSequences,
  visitSequences,
} from "../../../src/training/ranking/visit-sequences.ts";
import { type Cut, everything } from "../../../src/training/replay.ts";
import { logOf, START, took } from "../logs.ts";

const ALL = HEADS.map((_, h) => h);
const sequencesOf = (history: History, cut: Cut = everything(history), heads: readonly number[] = ALL) =>
  visitSequences(history, cut, heads, vocabularyOf(history.catalog));

/** Entries of a user before the cut, by visit, oldest first, without vetoes. */
function entriesByVisit(history: History, user: number, cut: Cut): number[][] {
  const visits: number[][] = [];
  for (let e = history.offsets[user]!; e < cut[user]!; e++) {
    if (isVeto(INTERACTION_TYPE_NAMES[history.types[e]!]!)) continue;
    const last = visits.at(-1);
    if (last !== undefined && history.items[last[0]!] === history.items[e]) last.push(e);
    else visits.push([e]);
  }
  return visits;
}

/** As serving would see these entries. */
function visitsOfAll(history: History, entries: readonly number[]) {
  const newest = entries.toReversed();
  return visitsOf(
    {
      items: Int32Array.from(newest, (e) => history.items[e]!),
      times: Float64Array.from(newest, (e) => history.times[e]!),
      types: Uint8Array.from(newest, (e) => history.types[e]!),
      values: Float32Array.from(newest, (e) => history.values[e]!),
      here: new Uint8Array(newest.length),
    },
    history.catalog,
  );
}

/** Feeds of one example. */
function exampleOf(sequences: VisitSequences, example: number, heads: readonly number[] = ALL) {
  const feeds = tasteFeeds(sequences, Int32Array.of(example), heads);
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { data }]) => [name, Array.from(data, Number)]),
  );
}

/** A few users who come back to a few items, in the disorder of late events and of events of one moment. */
function anyEvents(seed: number) {
  const random = new Random(seed);
  return Array.from({ length: random.pick([5, 40, 250]) }, () => {
    const type = random.pick(INTERACTION_TYPE_NAMES);
    const value = type === "watch" && random.next() < 0.8 ? { value: random.next() } : {};
    const [user, item] = [random.pick(["a", "b"]), random.pick(["p", "q", "r", "s", "t"])];
    return took(user, item, START + random.int(300) * MINUTE, { type, ...value });
  });
}

describe("the visits that taste is learned from", () => {
  it("have as their history what serving would have seen right before them, in any log and any cut", async () => {
    let seen = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat().map(anyEvents), fc.integer({ min: 0, max: 8 }), async (events, eighths) => {
        const history = await readHistory(await logOf(events));
        const cut = everything(history).map((end, u) => {
          const first = history.offsets[u]!;
          return first + Math.ceil((eighths / 8) * (end - first));
        });
        const sequences = sequencesOf(history, cut);
        let example = 0;
        for (let user = 0; user < cut.length; user++) {
          const visits = entriesByVisit(history, user, cut);
          for (let v = 3; v < visits.length; v++, example++) {
            const own = visits[v]!;
            const before = visitsOfAll(history, visits.slice(0, v).flat());
            const found = exampleOf(sequences, example);
            const n = before.items.length;
            expect(found["items"]).toEqual([history.items[own[0]!]! + 1]);
            expect(found["history_items"]!.slice(0, n)).toEqual(Array.from(before.items, (row) => row + 1));
            expect(found["history_present"]).toEqual(
              Array.from({ length: Math.min(MAX_VISITS, v) }, (_, at) => (at < n ? 1 : 0)),
            );
            const facts = new Float32Array(found["history_present"]!.length * VISIT_COLUMNS);
            writeVisitFacts(before, history.times[own[0]!]!, facts, 0);
            expect(found["history_facts"]).toEqual([...facts]);
            const { actions } = visitsOfAll(history, own);
            expect(found["labels"]).toEqual(ALL.map((h) => (actions[0]! >> h) & 1));
            seen++;
          }
        }
        expect(sequences.examples.length).toBe(example);
      }),
      { numRuns: 40 },
    );
    expect(seen).toBeGreaterThan(300);
  });

  it("do not know themselves, nor anything later, nor another user", async () => {
    // Each user walks through items of their own, each taken with a click and, minutes later, a like.
    const events = ["a", "b"].flatMap((user) =>
      Array.from({ length: 70 }, (_, step) => {
        const time = START + step * 60 * MINUTE;
        return [
          took(user, `${user}${step}`, time),
          took(user, `${user}${step}`, time + 30 * MINUTE, { type: "like" }),
        ];
      }).flat(),
    );
    const history = await readHistory(await logOf(events));
    const sequences = sequencesOf(history);
    expect(sequences.examples.length).toBe(2 * 67);
    const stepOf = (code: number) => history.catalog.idOf(code - 1);
    for (const example of [0, 40, 66, 67, 133]) {
      const user = example < 67 ? "a" : "b";
      const step = 3 + (example % 67);
      const found = exampleOf(sequences, example);
      expect(stepOf(found["items"]![0]!)).toBe(`${user}${step}`);
      const length = Math.min(step, MAX_VISITS);
      const known = found["history_items"]!.slice(0, length).map(stepOf);
      expect(known).toEqual(Array.from({ length }, (_, v) => `${user}${step - 1 - v}`));
      // As of the click, not of the like that says how the visit went: the like before was half an hour ago.
      const age = found["history_facts"]![VISIT_COLUMNS - 1]!;
      expect(age).toBeCloseTo(Math.log(31) / 10, 6);
    }
  });

  it("are batched with shorter and longer histories, whose places without a visit are not there", async () => {
    const events = Array.from({ length: 9 }, (_, i) => took("a", `v${i}`, START + i * MINUTE));
    const feeds = tasteFeeds(sequencesOf(await readHistory(await logOf(events))), Int32Array.of(0, 4), ALL);
    expect(feeds["history_present"]!.dims).toEqual([2, 7]);
    expect([...feeds["history_present"]!.data]).toEqual([1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1]);
    expect([...feeds["history_items"]!.data]).toEqual([3, 2, 1, 0, 0, 0, 0, 7, 6, 5, 4, 3, 2, 1]);
  });

  it("leave out vetoes, which neither are visits nor end one", async () => {
    const taken = ["p", "q", "r", "s", "t"].map((item, i) => took("a", item, START + i * MINUTE));
    const vetoes = [
      took("a", "x", START + 1.5 * MINUTE, { type: "dislike" }),
      took("a", "p", START + 2.5 * MINUTE, { type: "hide" }),
    ];
    const again = took("a", "t", START + 6 * MINUTE, { type: "like" });
    const between = took("a", "q", START + 5.5 * MINUTE, { type: "dislike" });
    const history = await readHistory(await logOf([...taken, ...vetoes, between, again]));
    const { visits, offsets, examples } = sequencesOf(history);
    expect(Array.from(visits.items, (row) => history.catalog.idOf(row))).toEqual(["p", "q", "r", "s", "t"]);
    expect([[...offsets], [...examples]]).toEqual([
      [0, 5],
      [3, 4],
    ]);
    const approve = HEADS.findIndex(({ name }) => name === "approve");
    expect(Array.from(visits.actions, (actions) => (actions >> approve) & 1)).toEqual([0, 0, 0, 0, 1]);
  });

  it("teach the actions in which they differ; what a watch decides, where there was one", async () => {
    const heads = ["engage", "click", "long-watch", "approve"].map((name) =>
      HEADS.findIndex((head) => head.name === name),
    );
    const events = Array.from({ length: 40 }, (_, i) => {
      const long = i % 2 === 0;
      const time = START + i * MINUTE;
      if (i % 4 === 3) return took("a", `v${i}`, time, { type: "like" });
      return took("a", `v${i}`, time, { type: "watch", value: long ? 1 : 0.2 });
    });
    const history = await readHistory(await logOf(events));
    const sequences = sequencesOf(history, undefined, heads);
    // Nobody ever clicked.
    expect(sequences.learned).toEqual([true, false, true, true]);
    const liked = exampleOf(sequences, 0, heads);
    expect(liked["weights"]).toEqual([1, 0, 0, 1]);
    expect(liked["labels"]).toEqual([1, 0, 0, 1]);
    const watched = exampleOf(sequences, 1, heads);
    expect(watched["weights"]).toEqual([1, 0, 1, 1]);
    expect(watched["labels"]).toEqual([1, 0, 1, 0]);
  });

  it("are drawn without replacement, in an order of chance", async () => {
    const events = Array.from({ length: 30 }, (_, i) => took("a", `v${i}`, START + i * MINUTE));
    const sequences = sequencesOf(await readHistory(await logOf(events)));
    const drawn = drawExamples(sequences, 100, new Random(1));
    expect(drawn.toSorted()).toEqual(Int32Array.from({ length: 27 }, (_, i) => i));
    expect(drawn).not.toEqual(drawn.toSorted());
    expect(drawExamples(sequences, 100, new Random(1))).toEqual(drawn);
    expect(new Set(drawExamples(sequences, 9, new Random(2))).size).toBe(9);
  });

  it("are none where there is nothing, or too little of each user", async () => {
    const few = ["a", "b"].flatMap((user) => ["p", "q", "r"].map((item, i) => took(user, item, START + i)));
    for (const events of [[], few]) {
      const sequences = sequencesOf(await readHistory(await logOf(events)));
      expect(sequences.examples.length).toBe(0);
      expect(sequences.firsts.length).toBe(0);
    }
  });
});
