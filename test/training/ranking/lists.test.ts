/** Lists as columns: what is written is read again, however much it is. */
import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/index.ts";
import { MAX_VISITS } from "../../../src/features/index.ts";
import { HEADS } from "../../../src/ranking/index.ts";
import {
  ListWriter,
  listsWhere,
  NEXT_ITEM,
  type RankingLists,
  SLATE,
} from "../../../src/training/ranking/lists.ts";
import { anyMade, listsOf, type MadeList, visitsFrom } from "./made-lists.ts";

/** A list as it was made, out of the columns. */
function readBack(lists: RankingLists, list: number) {
  const [first, end] = [lists.offsets[list]!, lists.offsets[list + 1]!];
  const [from, to] = [lists.visitOffsets[list]!, lists.visitOffsets[list + 1]!];
  const rows = (column: ArrayLike<number>, width: number) =>
    Array.from({ length: end - first }, (_, row) =>
      Array.from({ length: width }, (_, i) => column[(first + row) * width + i]!),
    );
  return {
    kind: lists.kinds[list],
    user: lists.users[list],
    time: lists.times[list],
    items: [...lists.items.subarray(first, end)],
    request: [...lists.request.subarray(list * lists.requestWidth, (list + 1) * lists.requestWidth)],
    candidates: rows(lists.candidates, lists.candidateWidth),
    visits: Array.from({ length: to - from }, (_, v) => ({
      item: lists.visits.items[from + v],
      time: lists.visits.times[from + v],
      share: lists.visits.shares[from + v],
      actions: lists.visits.actions[from + v],
    })),
    targets: [...lists.targets.subarray(first, end)],
    offsets: [...lists.samplingOffsets.subarray(first, end)],
    positions: [...lists.positions.subarray(first, end)],
    labels: rows(lists.labels, HEADS.length),
    weights: rows(lists.weights, HEADS.length),
  };
}

/** Numbers as float32 keeps them, and no more visits than are kept. */
function asKept(made: MadeList) {
  const { visits = [], time, user, ...rest } = made;
  const rounded = JSON.parse(
    JSON.stringify(rest, (_, value) => (typeof value === "number" ? Math.fround(value) : value)),
  );
  const kept = visits.slice(0, MAX_VISITS).map((visit) => ({ ...visit, share: Math.fround(visit.share!) }));
  return { ...rounded, user, time, visits: kept };
}

describe("ranking lists", () => {
  it("come back as they were written, through every growth of the columns", () => {
    const made = anyMade(new Random("lists"), 400);
    const lists = listsOf(made, 2, 3);
    expect(lists.count).toBe(400);
    // The columns began with 1024 entries.
    expect(lists.items.length).toBeGreaterThan(1500);
    expect(lists.visits.items.length).toBeGreaterThan(3000);
    made.forEach((list, at) => {
      expect(readBack(lists, at)).toEqual(asKept(list));
    });
  });

  it("have columns of exactly their length, an end for the last list, and what was missed", () => {
    const lists = listsOf([{ kind: SLATE, items: [4, 7] }]);
    expect([lists.count, ...lists.offsets, ...lists.visitOffsets]).toEqual([1, 0, 2, 0, 0]);
    expect([lists.items.length, lists.labels.length, lists.candidates.length]).toEqual([
      2,
      2 * HEADS.length,
      2,
    ]);
    const none = new ListWriter(3, 4).finish(7);
    expect([none.count, none.missed, none.requestWidth, none.candidateWidth]).toEqual([0, 7, 3, 4]);
    expect([...none.offsets, ...none.visitOffsets]).toEqual([0, 0]);
    expect(none.items.length).toBe(0);
  });

  it("take one list that is larger than twice what the columns had", () => {
    const rows = Int32Array.from({ length: 5000 }, (_, i) => i);
    const writer = new ListWriter(0, 1);
    const features = { request: new Float32Array(0), candidates: Float32Array.from(rows) };
    writer.add({ kind: SLATE, user: 1, time: 2, rows, features, visits: visitsFrom([]) }, ({ targets }) => {
      targets[4999] = 1;
    });
    const lists = writer.finish(0);
    expect(lists.items).toEqual(rows);
    expect(lists.candidates).toEqual(Float32Array.from(rows));
    expect([lists.targets.length, lists.targets.indexOf(1)]).toEqual([5000, 4999]);
  });

  it("give labels that are 0 until they are written", () => {
    const writer = new ListWriter(0, 0);
    const features = { request: new Float32Array(0), candidates: new Float32Array(0) };
    const rows = Int32Array.of(1, 2, 3);
    for (let i = 0; i < 500; i++) {
      writer.add({ kind: 0, user: 0, time: i, rows, features, visits: visitsFrom([]) }, (target) => {
        for (const column of Object.values(target)) {
          expect(column.every((value: number) => value === 0)).toBe(true);
          column.fill(1);
        }
      });
    }
    expect(writer.finish(0).weights.every((weight) => weight === 1)).toBe(true);
  });

  it("are chosen by what is wanted of them, in their order", () => {
    const lists = listsOf([SLATE, NEXT_ITEM, SLATE, SLATE].map((kind) => ({ kind, items: [1] })));
    expect(listsWhere(lists, (list) => lists.kinds[list] === SLATE)).toEqual(Int32Array.of(0, 2, 3));
    expect(listsWhere(lists, () => false)).toEqual(new Int32Array(0));
  });
});
