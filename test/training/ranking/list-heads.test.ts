/** Which heads learn from which lists. */
import { describe, expect, it } from "vitest";
import { HEADS, NEXT_HEAD, vocabularyOf } from "../../../src/ranking/index.ts";
import { Batches } from "../../../src/training/ranking/batches.ts";
import { listHead, listWeight, nextItemsApart } from "../../../src/training/ranking/list-heads.ts";
import { listsWhere, NEXT_ITEM, SLATE } from "../../../src/training/ranking/lists.ts";
import { listLosses } from "../../../src/training/ranking/losses.ts";
import { sharedShape, usableHeads } from "../../../src/training/ranking/network-shape.ts";
import { softLabels } from "../../../src/training/ranking/soft-labels.ts";
import { catalogOfItems, listsOf, type MadeList } from "./made-lists.ts";

const bits = (...done: number[]) => HEADS.map((_, head) => Number(done.includes(head)));

/** `count` slates of two slots, of which the first is taken. */
const slates = (count: number): MadeList[] =>
  Array.from({ length: count }, () => ({
    kind: SLATE,
    items: [1, 2],
    targets: [1, 0],
    labels: [bits(0, 1), bits()],
    weights: [
      [1, 1, 1, 1, 0],
      [1, 1, 1, 1, 0],
    ],
  }));
/** `count` next items among four candidates. */
const nextItems = (count: number): MadeList[] =>
  Array.from({ length: count }, () => ({
    kind: NEXT_ITEM,
    items: [3, 1, 2, 4],
    targets: [1, 0, 0, 0],
    offsets: [0, 0, 0, 0],
    labels: [bits(0, NEXT_HEAD), bits(), bits(), bits()],
    weights: Array.from({ length: 4 }, () => HEADS.map(() => 0.1)),
  }));

const both = listsOf([...slates(500), ...nextItems(100)], 1, 1);
const heads = [0, 1, NEXT_HEAD];
const catalog = catalogOfItems(10);
const vocabulary = vocabularyOf(catalog);

describe("the next item", () => {
  it("has a head of its own where enough is known of what was shown, and of next items", () => {
    expect(nextItemsApart(both)).toBe(true);
    expect(nextItemsApart(listsOf([...slates(499), ...nextItems(100)]))).toBe(false);
    expect(nextItemsApart(listsOf([...slates(500), ...nextItems(99)]))).toBe(false);
    expect(nextItemsApart(listsOf(nextItems(900)))).toBe(false);
    expect(usableHeads(both)).toEqual(heads);
    expect(usableHeads(listsOf(nextItems(900)))).not.toContain(NEXT_HEAD);
  });

  it("is what its lists are about, and slates about the first head", () => {
    expect([listHead(heads, NEXT_ITEM), listHead(heads, SLATE)]).toEqual([2, 0]);
    expect([listHead([0, 1], NEXT_ITEM), listHead([0, 1], SLATE)]).toEqual([0, 0]);
    expect(listWeight(heads, NEXT_ITEM)).toBeLessThan(listWeight(heads, SLATE));
    expect(listWeight([0, 1], NEXT_ITEM)).toBe(1);
  });

  /** Of the first slate and the first next item: what each head of row 1 counts, and which head the list is about. */
  function countedIn(batches: Batches) {
    const { weights, list_heads: about } = batches.outcomes(Int32Array.of(0, 500));
    const ofRow = (list: number) =>
      Array.from({ length: 3 }, (_, h) => Number(weights!.data[(list * 4 + 1) * 3 + h]));
    return { slate: ofRow(0), nextItem: ofRow(1), about: Array.from(about!.data, Number) };
  }

  it("learns from next items alone, and the actions from slates alone", () => {
    expect(countedIn(new Batches(both, heads, catalog, vocabulary))).toEqual({
      slate: [1, 1, 0],
      nextItem: [0, 0, Math.fround(0.1)],
      about: [1, 0, 0, 0, 0, 1],
    });
  });

  it("and the actions learn from everything where a teacher says what would have followed", () => {
    const soft = softLabels(both, heads, new Float32Array(both.items.length * 3));
    const tenth = Math.fround(0.1);
    expect(countedIn(new Batches(both, heads, catalog, vocabulary, soft))).toEqual({
      slate: [1, 1, 0],
      nextItem: [tenth, tenth, tenth],
      about: [1, 0, 0, 0, 0, 1],
    });
  });

  it("starts at its own rate", () => {
    const scalings = {
      smallestDeviations: { request: new Float32Array(1), candidates: new Float32Array(1) },
      popularityColumns: { engage: 0 },
    };
    const every = listsWhere(both, () => true);
    const { baseLogits } = sharedShape(both, every, heads, scalings, vocabulary);
    expect(baseLogits[0]).toBeCloseTo(0, 2);
    expect(baseLogits[2]).toBeCloseTo(Math.log(1 / 3), 1);
  });

  it("is judged, and taught, by its own column", () => {
    const logits = new Float32Array(both.items.length * 3);
    const list = 500;
    const target = both.offsets[list]!;
    const lossOf = () => listLosses(both, Int32Array.of(list), heads, logits)[0]!;
    const before = lossOf();
    logits[target * 3] = 5;
    expect(lossOf()).toBe(before);
    logits[target * 3 + 2] = 5;
    expect(lossOf()).toBeLessThan(before / 2);
    const { targets } = softLabels(both, heads, logits);
    expect(targets[target]).toBeCloseTo(Math.exp(5) / (Math.exp(5) + 3), 5);
  });
});
