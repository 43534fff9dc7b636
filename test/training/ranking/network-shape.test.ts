/** What a network is made for: scalings, base rates and heads of the lists that train it. */
import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/index.ts";
import { HEADS } from "../../../src/ranking/index.ts";
import { NEXT_ITEM, SLATE } from "../../../src/training/ranking/lists.ts";
import { sharedShape, usableHeads } from "../../../src/training/ranking/network-shape.ts";
import { listsOf, type MadeList } from "./made-lists.ts";

const RANGES = 4;
const vocabulary = { items: 5, creators: 4, categories: 3 };

function scalings(request: number, candidates: number, smallest = 0) {
  return {
    smallestDeviations: {
      request: new Float32Array(request).fill(smallest),
      candidates: new Float32Array(candidates).fill(smallest),
    },
    popularityColumns: { engage: 1, approve: 0 },
  };
}

/** Lists of ten rows with these features of candidates. */
function withFeatures(rows: readonly (readonly number[])[], request: readonly (readonly number[])[]) {
  const made = request.map((own, list): MadeList => {
    const candidates = rows.slice(10 * list, 10 * list + 10);
    return { kind: SLATE, items: candidates.map(() => 0), request: own, candidates };
  });
  return listsOf(made, request[0]!.length, rows[0]!.length);
}

const upTo = (count: number) => Int32Array.from({ length: count }, (_, i) => i);

describe("the scaling of features", () => {
  // 0 .. 1600, shuffled; a constant that is no sum of few powers of two; a flag that is set once in twenty rows.
  const order = new Random("rows").shuffle(Array.from({ length: 1610 }, (_, i) => Math.min(i, 1600)));
  const rows = order.map((value, i) => [value, 123.456, i % 20 === 0 ? 1 : 0]);
  const lists = withFeatures(
    rows,
    Array.from({ length: 161 }, (_, i) => [i]),
  );
  const shape = sharedShape(lists, upTo(161), [0], scalings(1, 3), vocabulary);
  const { means, deviations, boundaries } = shape.candidateScaling;
  const boundariesOf = (f: number) => boundaries.subarray(f * (RANGES + 1), (f + 1) * (RANGES + 1));

  it("has quantiles of every feature, from the least to the greatest", () => {
    expect(boundaries.length).toBe(3 * (RANGES + 1));
    boundariesOf(0).forEach((value, q) => {
      expect(Math.abs(value - 400 * q)).toBeLessThan(11);
    });
    expect([boundariesOf(0)[0], boundariesOf(0)[RANGES]]).toEqual([0, 1600]);
    expect([...boundariesOf(2)]).toEqual([...new Array<number>(RANGES).fill(0), 1]);
  });

  it("has means and deviations", () => {
    expect(means[0]).toBeCloseTo(order.reduce((a, b) => a + b, 0) / 1610, 2);
    expect(means[2]).toBeCloseTo(0.05, 2);
    const variance = order.reduce((sum, value) => sum + (value - means[0]!) ** 2, 0) / 1610;
    expect(deviations[0]).toBeCloseTo(Math.sqrt(variance), 2);
    expect(deviations[2]).toBeCloseTo(Math.sqrt(means[2]! * (1 - means[2]!)), 4);
  });

  it("has no deviation for a feature that never varied, however its sums were rounded", () => {
    for (const constant of [0, 0.1, 123.456, 12345.678, -1e9]) {
      for (const count of [3, 100, 161]) {
        const some = withFeatures(
          rows.map(() => [constant]),
          Array.from({ length: 161 }, () => [constant]),
        );
        const found = sharedShape(some, upTo(count), [0], scalings(1, 1, 0.5), vocabulary);
        for (const scaling of [found.requestScaling, found.candidateScaling]) {
          expect(scaling.deviations, `${count} of ${constant}`).toEqual(Float32Array.of(0));
          expect(new Set(scaling.boundaries).size).toBe(1);
          expect(scaling.means[0]).toBe(Math.fround(constant));
        }
      }
    }
  });

  it("has no smaller deviation than the feature says", () => {
    const wide = sharedShape(lists, upTo(161), [0], scalings(1, 3, 700), vocabulary);
    expect([...wide.candidateScaling.deviations]).toEqual([700, 0, 700]);
  });

  it("looks at the lists that train alone, at requests once a list", () => {
    const few = sharedShape(lists, Int32Array.of(3, 4, 8), [0], scalings(1, 3), vocabulary);
    expect(few.requestScaling.means[0]).toBe(5);
    expect(few.requestScaling.boundaries[RANGES]).toBe(8);
    const seen = [3, 4, 8].flatMap((list) => order.slice(10 * list, 10 * list + 10));
    expect(few.candidateScaling.boundaries[0]).toBe(Math.min(...seen));
    expect(few.candidateScaling.boundaries[RANGES]).toBe(Math.max(...seen));
  });
});

/** `count` lists of one row, in every `every`-th of which all actions of `done` happened. */
function actions(kind: number, count: number, every: number, done: readonly number[]): MadeList[] {
  return Array.from({ length: count }, (_, i) => ({
    kind,
    items: [0],
    positions: [kind === SLATE ? 1 : 0],
    labels: [HEADS.map((_, h) => Number(i % every === 0 && done.includes(h)))],
  }));
}

describe("the heads of a network", () => {
  it("are the first, and those whose action happened often enough, and not always", () => {
    const lists = listsOf([
      ...actions(SLATE, 400, 4, [1, 2]),
      ...actions(SLATE, 400, 1, [2]),
      ...actions(SLATE, 8, 1, [3]),
    ]);
    expect(usableHeads(lists)).toEqual([0, 1, 2]);
    expect(usableHeads(listsOf(actions(SLATE, 400, 1, [0, 1])))).toEqual([0]);
    expect(usableHeads(listsOf(actions(SLATE, 396, 4, [1])))).toEqual([0]);
    expect(usableHeads(listsOf([]))).toEqual([0]);
  });

  it("are not those that only next items have, where there are slates: these do not count then", () => {
    const made = [...actions(SLATE, 400, 4, [1]), ...actions(NEXT_ITEM, 800, 2, [1, 2])];
    expect(usableHeads(listsOf(made))).toEqual([0, 1]);
    expect(usableHeads(listsOf(made.slice(400)))).toEqual([0, 1, 2]);
  });

  it("begin at the log-odds of their action in what was shown, or in next items where nothing was", () => {
    const made = [...actions(SLATE, 400, 4, [1]), ...actions(NEXT_ITEM, 800, 2, [1, 2])];
    const logitsOf = (some: readonly MadeList[]) =>
      sharedShape(listsOf(some), upTo(some.length), [0, 1, 2], scalings(1, 1), vocabulary).baseLogits;
    const [never, quarter, none] = logitsOf(made);
    expect(quarter).toBeCloseTo(Math.log(1 / 3), 1);
    expect([never, none].map((logit) => Number.isFinite(logit) && logit! < -6)).toEqual([true, true]);
    expect(logitsOf(made.slice(400))[2]).toBeCloseTo(0, 2);
    expect(logitsOf(actions(SLATE, 50, 1, [1]))[1]).toBeGreaterThan(4);
  });

  it("are told apart by the column of their own rate, or that of the first head", () => {
    const lists = listsOf(actions(SLATE, 10, 2, [1]), 1, 2);
    const shape = sharedShape(lists, upTo(10), [0, 1, 3], scalings(1, 2), vocabulary);
    expect(HEADS.map(({ name }) => name)).toEqual(["engage", "click", "long-watch", "approve", "next"]);
    expect(shape.popularityColumns).toEqual([1, 1, 0]);
    expect(shape).toMatchObject({ heads: 3, requestFeatures: 1, candidateFeatures: 2, ...vocabulary });
  });
});
