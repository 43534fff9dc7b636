/** Losses of lists and a teacher's labels, against sums in the plainest form. */
import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/index.ts";
import { POSITIONS, rankingLoss } from "../../../src/models/index.ts";
import { HEADS, vocabularyOf } from "../../../src/ranking/index.ts";
import { compileServing, Graph, loadModel } from "../../../src/tensor/index.ts";
import { Batches } from "../../../src/training/ranking/batches.ts";
import { listsWhere, NEXT_ITEM, type RankingLists, SLATE } from "../../../src/training/ranking/lists.ts";
import { listLosses } from "../../../src/training/ranking/losses.ts";
import { softLabels } from "../../../src/training/ranking/soft-labels.ts";
import { smallShape } from "../../models/any-ranking.ts";
import { anyMade, catalogOfItems, listsOf, type MadeList } from "./made-lists.ts";

const heads = [0, 3];
const made = anyMade(new Random("losses"), 60);
const lists = listsOf(made, 2, 3);
const everyList = listsWhere(lists, () => true);

/** (R, heads) and [list][row][head] the same numbers. */
function anyLogits(of: RankingLists, spread = 2) {
  const random = new Random("logits");
  const logits = Float32Array.from(
    { length: of.items.length * heads.length },
    () => spread * random.normal(),
  );
  const nested = Array.from({ length: of.count }, (_, list) =>
    Array.from({ length: of.offsets[list + 1]! - of.offsets[list]! }, (_, row) =>
      heads.map((_, h) => logits[(of.offsets[list]! + row) * heads.length + h]!),
    ),
  );
  return { logits, nested };
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const sumOf = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** Softmax over a list, sampled candidates counting for as many as they stand for. */
function sharesOf({ offsets }: MadeList, logits: readonly (readonly number[])[]): number[] {
  const odds = logits.map(([first], row) => Math.exp(first! + Math.fround(offsets![row]!)));
  return odds.map((one) => one / sumOf(odds));
}

function listPart(list: MadeList, logits: readonly (readonly number[])[]): number {
  const wanted = sumOf(list.targets!);
  if (list.items.length === 1 || wanted === 0) return 0;
  const shares = sharesOf(list, logits);
  return sumOf(shares.map((share, row) => -(list.targets![row]! / wanted) * Math.log(share)));
}

function singlePart({ labels, weights }: MadeList, logits: readonly (readonly number[])[]): number {
  const terms = logits.flatMap((row, at) =>
    heads.map((head, h) => {
      const p = sigmoid(row[h]!);
      const label = labels![at]![head]!;
      return [weights![at]![head]!, -(label * Math.log(p) + (1 - label) * Math.log(1 - p))] as const;
    }),
  );
  const counted = sumOf(terms.map(([weight]) => weight));
  return counted === 0 ? 0 : sumOf(terms.map(([weight, loss]) => weight * loss)) / counted;
}

describe("the losses of lists", () => {
  it("are the cross-entropy of the first head over the list, and of all heads over single shown candidates", () => {
    const { logits, nested } = anyLogits(lists);
    const found = listLosses(lists, everyList, heads, logits);
    made.forEach((list, at) => {
      const single = list.kind === SLATE ? singlePart(list, nested[at]!) : 0;
      expect(found[at], `list ${at}`).toBeCloseTo(listPart(list, nested[at]!) + single, 5);
    });
    expect(found.filter((loss) => loss === 0).length).toBeLessThan(20);
  });

  it("count single candidates of next items where nothing was shown", () => {
    const nextItems = made.filter(({ kind }) => kind === NEXT_ITEM);
    const only = listsOf(nextItems, 2, 3);
    const { logits, nested } = anyLogits(only);
    const found = listLosses(
      only,
      listsWhere(only, () => true),
      heads,
      logits,
    );
    nextItems.forEach((list, at) => {
      const expected = listPart(list, nested[at]!) + singlePart(list, nested[at]!);
      expect(found[at], `list ${at}`).toBeCloseTo(expected, 5);
    });
  });

  it("are of the chosen lists, in their order, and finite for logits of any size", () => {
    const { logits } = anyLogits(lists, 500);
    const every = listLosses(lists, everyList, heads, logits);
    expect(every.every(Number.isFinite)).toBe(true);
    expect([...listLosses(lists, Int32Array.of(9, 2), heads, logits)]).toEqual([every[9], every[2]]);
    expect(listLosses(lists, new Int32Array(0), heads, logits)).toEqual(new Float64Array(0));
  });

  it("are what training lowers, of lists with one target", async () => {
    // A network that says of a candidate what its features are.
    const shape = smallShape("popularity", { candidateFeatures: 2, popularityColumns: [0, 1] });
    const { logits, nested } = anyLogits(lists);
    const chosen = made.flatMap(({ targets, items }, at) =>
      sumOf([...targets!]) === 1 && items.length > 1 ? [at] : [],
    );
    const same = listsOf(
      made.map((list, at) => ({ ...list, candidates: nested[at]! })),
      2,
      2,
    );
    const catalog = catalogOfItems(20);
    const batches = new Batches(same, heads, catalog, vocabularyOf(catalog));
    const graph = new Graph();
    const model = await loadModel(
      compileServing(
        { loss: rankingLoss(graph, shape) },
        {
          "heads.scale": Float32Array.of(1, 1),
          "heads.bias": new Float32Array(2),
          "position.logits": new Float32Array(POSITIONS * 2),
        },
      ),
    );
    const losses = listLosses(lists, Int32Array.from(chosen), heads, logits);
    expect(chosen.length).toBeGreaterThan(5);
    for (const [i, list] of chosen.entries()) {
      const one = Int32Array.of(list);
      const feeds = { ...batches.inputs(one, model.inputNames), ...batches.outcomes(one) };
      const { loss } = await model.run(feeds);
      expect(Number(loss!.data[0]), `list ${list}`).toBeCloseTo(losses[i]!, 4);
    }
    await model.close();
  });
});

describe("a teacher's labels", () => {
  it("are shares of each list that sum to 1, and probabilities of each head", () => {
    const { logits, nested } = anyLogits(lists);
    const soft = softLabels(lists, heads, logits);
    made.forEach((list, at) => {
      const targets = soft.targets.subarray(lists.offsets[at]!, lists.offsets[at + 1]!);
      expect(sumOf([...targets])).toBeCloseTo(1, 6);
      sharesOf(list, nested[at]!).forEach((share, row) => {
        expect(targets[row]).toBeCloseTo(share, 5);
        const labels = soft.labels.subarray(
          (lists.offsets[at]! + row) * HEADS.length,
          (lists.offsets[at]! + row + 1) * HEADS.length,
        );
        expect(labels[0]).toBeCloseTo(sigmoid(nested[at]![row]![0]!), 5);
        expect(labels[3]).toBeCloseTo(sigmoid(nested[at]![row]![1]!), 5);
        expect([labels[1], labels[2]]).toEqual([0, 0]);
      });
    });
  });

  it("sum to 1 for logits of any size, and of a list that the teacher knows nothing of", () => {
    for (const spread of [0, 1000]) {
      const { targets, labels } = softLabels(lists, heads, anyLogits(lists, spread).logits);
      for (let list = 0; list < lists.count; list++) {
        const own = targets.subarray(lists.offsets[list]!, lists.offsets[list + 1]!);
        expect(sumOf([...own])).toBeCloseTo(1, 6);
      }
      expect(labels.every((label) => label >= 0 && label <= 1)).toBe(true);
    }
  });
});
