/** Lists as feeds: every list as it is alone, and what fills a batch up counts for nothing. */
import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/index.ts";
import { ACTIONS } from "../../../src/events/index.ts";
import { MAX_VISITS } from "../../../src/features/index.ts";
import { HEADS, VISIT_COLUMNS, vocabularyOf } from "../../../src/ranking/index.ts";
import type { Feeds } from "../../../src/tensor/index.ts";
import { Batches, batchesOf, type SoftLabels } from "../../../src/training/ranking/batches.ts";
import { NEXT_ITEM, type RankingLists, SLATE } from "../../../src/training/ranking/lists.ts";
import { anyMade, catalogOfItems, listsOf } from "./made-lists.ts";

const ITEMS = 20;
const catalog = catalogOfItems(ITEMS);
const vocabulary = vocabularyOf(catalog);
const INPUTS = ["request", "candidates", "items", "creators", "categories"];
const HISTORY = ["items", "creators", "categories", "facts", "present"].map((name) => `history_${name}`);
const heads = [0, 2, 3];

const all = (lists: RankingLists) => Int32Array.from({ length: lists.count }, (_, list) => list);
const sizeOf = (lists: RankingLists, list: number) => lists.offsets[list + 1]! - lists.offsets[list]!;

/** Element b of every feed, its places from 0 to `most`. */
function elementOf(feeds: Feeds, b: number, most: (name: string) => number): Record<string, number[]> {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { data, dims }]) => {
      const [, places = 1, ...rest] = dims;
      const width = rest.reduce((x, y) => x * y, 1);
      const kept = Math.min(places, most(name)) * width;
      return [name, Array.from(data.slice(b * places * width, b * places * width + kept), Number)];
    }),
  );
}

describe("a batch of lists", () => {
  const made = anyMade(new Random("batches"), 30, ITEMS);
  const lists = listsOf(made, 2, 3);
  const batches = new Batches(lists, heads, catalog, vocabulary);
  const feedsOf = (chosen: Int32Array): Feeds => ({
    ...batches.inputs(chosen, [...INPUTS, ...HISTORY]),
    ...batches.outcomes(chosen),
  });

  it("has each list as it is alone, among larger and smaller ones", () => {
    const together = feedsOf(all(lists));
    for (let list = 0; list < lists.count; list++) {
      const visits = Math.max(1, lists.visitOffsets[list + 1]! - lists.visitOffsets[list]!);
      const most = (name: string) => {
        if (name === "request") return Number.POSITIVE_INFINITY;
        return name.startsWith("history_") ? visits : sizeOf(lists, list);
      };
      const alone = feedsOf(Int32Array.of(list));
      expect(elementOf(together, list, most), `list ${list}`).toEqual(elementOf(alone, 0, most));
    }
  });

  it("has the numbers of its lists in the order that was asked for", () => {
    const chosen = Int32Array.of(7, 2);
    const feeds = feedsOf(chosen);
    chosen.forEach((list, b) => {
      const { request, candidates, items, targets, labels, weights, offsets, positions, kind, visits, time } =
        made[list]!;
      const n = items.length;
      const found = elementOf(feeds, b, (name) => (name.startsWith("history_") ? visits!.length : n));
      const close = (name: string, expected: readonly number[]) => {
        expect(found[name], name).toEqual(expected.map(Math.fround));
      };
      expect(elementOf(feeds, b, () => 2)["request"]).toEqual(request!.map(Math.fround));
      close("candidates", candidates!.flat());
      close(
        "items",
        items.map((row) => row + 1),
      );
      close(
        "creators",
        items.map((row) => catalog.items.creator[row]!),
      );
      close("targets", targets!);
      close("offsets", offsets!);
      close("positions", positions!);
      close(
        "labels",
        labels!.flatMap((row) => heads.map((h) => row[h]!)),
      );
      const single = kind === NEXT_ITEM ? 0 : 1;
      close(
        "weights",
        weights!.flatMap((row) => heads.map((h) => single * row[h]!)),
      );
      const kept = visits!.slice(0, MAX_VISITS);
      close(
        "history_items",
        kept.map(({ item }) => item + 1),
      );
      close(
        "history_facts",
        kept.flatMap((visit) => [
          Number.isNaN(visit.share) ? 0 : visit.share!,
          Number.isNaN(visit.share) ? 0 : 1,
          ...ACTIONS.map((_, h) => (visit.actions! >> h) & 1),
          Number(visit.here ?? false),
          Math.log1p((time! - visit.time) / 60_000) / 10,
        ]),
      );
    });
  });

  it("fills up with places that are not present, count nothing and want nothing", () => {
    const chosen = all(lists);
    const feeds = feedsOf(chosen);
    const S = batches.widest(chosen);
    const H = feeds["history_items"]!.dims[1]!;
    expect(S).toBe(Math.max(...made.map(({ items }) => items.length)));
    expect(H).toBe(MAX_VISITS);
    let filled = 0;
    for (let b = 0; b < chosen.length; b++) {
      for (let s = 0; s < S; s++) {
        const there = s < sizeOf(lists, b);
        expect(feeds["present"]!.data[b * S + s]).toBe(there ? 1 : 0);
        if (there) continue;
        filled++;
        for (const name of ["items", "creators", "categories", "targets", "positions"])
          expect(Number(feeds[name]!.data[b * S + s]), name).toBe(0);
        for (let h = 0; h < heads.length; h++)
          expect(feeds["weights"]!.data[(b * S + s) * heads.length + h]).toBe(0);
      }
      const visits = lists.visitOffsets[b + 1]! - lists.visitOffsets[b]!;
      for (let v = 0; v < H; v++) expect(feeds["history_present"]!.data[b * H + v]).toBe(v < visits ? 1 : 0);
    }
    expect(filled).toBeGreaterThan(50);
  });

  it("gives a user without visits one that is not there", () => {
    const [without] = made.flatMap(({ visits }, list) => (visits!.length === 0 ? [list] : []));
    const feeds = feedsOf(Int32Array.of(without!));
    expect(feeds["history_present"]).toEqual({ data: Float32Array.of(0), dims: [1, 1] });
    expect(feeds["history_facts"]!.dims).toEqual([1, 1, VISIT_COLUMNS]);
  });

  it("counts a list of one candidate in no loss of lists", () => {
    const feeds = feedsOf(all(lists));
    const expected = made.map(({ items }) => (items.length > 1 ? 1 : 0));
    expect(Array.from(feeds["list_weights"]!.data, Number)).toEqual(expected);
    expect(new Set(expected)).toEqual(new Set([0, 1]));
  });

  it("has the inputs that are asked for, and no others", () => {
    expect(Object.keys(batches.inputs(Int32Array.of(0), ["items", "request", "unknown"]))).toEqual([
      "request",
      "items",
    ]);
  });

  it("counts next items in the losses of single candidates only where nothing was shown", () => {
    const nextItems = listsOf(
      made.filter(({ kind }) => kind === NEXT_ITEM),
      2,
      3,
    );
    const { weights } = new Batches(nextItems, heads, catalog, vocabulary).outcomes(Int32Array.of(0));
    expect(weights!.data.every((weight) => weight === Math.fround(0.1))).toBe(true);
    const [first] = made.flatMap(({ kind }, list) => (kind === NEXT_ITEM ? [list] : []));
    const among = batches.outcomes(Int32Array.of(first!));
    expect(among["weights"]!.data.every((weight) => weight === 0)).toBe(true);
    expect(among["list_weights"]).toBeDefined();
  });

  it("wants what a teacher says instead of what followed, and weighs it as before", () => {
    const random = new Random("teacher");
    const soft: SoftLabels = {
      labels: lists.labels.map(() => random.next()),
      targets: lists.targets.map(() => random.next()),
    };
    const chosen = Int32Array.of(3, 11);
    const found = new Batches(lists, heads, catalog, vocabulary, soft).outcomes(chosen);
    const hard = batches.outcomes(chosen);
    const S = batches.widest(chosen);
    chosen.forEach((list, b) => {
      for (let s = 0; s < sizeOf(lists, list); s++) {
        const row = lists.offsets[list]! + s;
        expect(found["targets"]!.data[b * S + s]).toBe(soft.targets[row]);
        heads.forEach((head, h) => {
          const at = (b * S + s) * heads.length + h;
          if (lists.kinds[list] === SLATE) expect(found["weights"]!.data[at]).toBe(hard["weights"]!.data[at]);
          expect(found["labels"]!.data[at]).toBe(soft.labels[row * HEADS.length + head]);
        });
      }
    });
    for (const name of ["offsets", "present", "positions", "list_heads", "list_weights"])
      expect(found[name], name).toEqual(hard[name]);
  });
});

describe("batches", () => {
  const random = new Random("sizes");
  const sizes = Array.from({ length: 900 }, () => random.pick([1, 2, 3, 4, 5, 8, 9, 64, 500]));
  const lists = listsOf(sizes.map((size) => ({ kind: SLATE, items: new Array<number>(size).fill(0) })));
  const chosen = all(lists).filter((list) => list % 3 !== 0);

  it("have every chosen list once, with others of no more than twice its size", () => {
    for (const some of [batchesOf(lists, chosen), batchesOf(lists, chosen, new Random(1))]) {
      expect(some.flatMap((batch) => [...batch]).sort((a, b) => a - b)).toEqual([...chosen]);
      for (const batch of some) {
        const of = Array.from(batch, (list) => sizes[list]!);
        expect(Math.max(...of)).toBeLessThan(2 * Math.min(...of) + 1);
        expect(batch.length * Math.max(...of)).toBeLessThanOrEqual(2048);
        expect(batch.length).toBeLessThanOrEqual(512);
      }
    }
  });

  it("are the same with the same chance and others with another, and in the order of lists without any", () => {
    const drawn = (seed: number) => batchesOf(lists, chosen, new Random(seed));
    expect(drawn(1)).toEqual(drawn(1));
    expect(drawn(1)).not.toEqual(drawn(2));
    for (const batch of batchesOf(lists, chosen)) expect(batch).toEqual(batch.toSorted());
    expect(batchesOf(lists, new Int32Array(0), new Random(1))).toEqual([]);
  });

  it("take a list that is larger than a batch as one of its own", () => {
    const large = listsOf(
      [5000, 5000, 1].map((size) => ({ kind: SLATE, items: new Array<number>(size).fill(0) })),
    );
    expect(batchesOf(large, all(large))).toEqual([Int32Array.of(0), Int32Array.of(1), Int32Array.of(2)]);
  });
});
