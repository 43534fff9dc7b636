/** Fitting networks to small lists with a planted rule. */
import { describe, expect, it } from "vitest";
import { Deadline, ManualClock, MINUTE, Random, silent } from "../../../src/core/index.ts";
import type { RankingArchitecture } from "../../../src/models/index.ts";
import { HEADS, vocabularyOf } from "../../../src/ranking/index.ts";
import type { Weights } from "../../../src/tensor/index.ts";
import { Batches } from "../../../src/training/ranking/batches.ts";
import { DEFAULT_FIT, fitNetwork, inputNames } from "../../../src/training/ranking/fit-network.ts";
import { listsWhere, SLATE } from "../../../src/training/ranking/lists.ts";
import { listLosses } from "../../../src/training/ranking/losses.ts";
import { type NetworkSize, shapeOf, sharedShape } from "../../../src/training/ranking/network-shape.ts";
import { openPredictor } from "../../../src/training/ranking/predict.ts";
import { NOW } from "../../retrieval/checkerboard.ts";
import { catalogOfItems, listsOf, type MadeList } from "./made-lists.ts";

const ITEMS = 12;
const catalog = catalogOfItems(ITEMS);
const vocabulary = vocabularyOf(catalog);
const heads = [0];
const size: NetworkSize = {
  width: 8,
  blocks: 1,
  attentionHeads: 2,
  hidden: [16, 8],
  piecewise: true,
  embedding: 4,
  dropout: 0,
  idDropout: 0,
};

/** Slates of six with two features: the first one tells how likely it is that the candidate is taken. */
function planted(count: number): MadeList[] {
  const random = new Random("planted");
  return Array.from({ length: count }, (_, at) => {
    const candidates = Array.from({ length: 6 }, () => [random.normal(), random.normal()]);
    const taken = candidates.map(([told]) => Number(random.next() < 1 / (1 + Math.exp(-4 * told! + 2))));
    return {
      kind: SLATE,
      user: at % 50,
      time: NOW + at,
      items: candidates.map(() => random.int(ITEMS)),
      request: [random.normal()],
      candidates,
      visits: [{ item: random.int(ITEMS), time: NOW - MINUTE, share: random.next() }],
      targets: taken,
      positions: candidates.map((_, slot) => slot + 1),
      labels: taken.map((label) => HEADS.map(() => label)),
      weights: candidates.map(() => HEADS.map(() => 1)),
    };
  });
}

const lists = listsOf(planted(300), 1, 2);
const batches = new Batches(lists, heads, catalog, vocabulary);
const learned = listsWhere(lists, (list) => list < 250);
const validation = listsWhere(lists, (list) => list >= 250);
const scalings = {
  smallestDeviations: { request: new Float32Array(1), candidates: new Float32Array(2) },
  popularityColumns: { engage: 1 },
};
const shared = sharedShape(lists, learned, heads, scalings, vocabulary);
const noEnd = () => new Deadline(new ManualClock(), MINUTE);

function fitted(
  architecture: RankingArchitecture,
  more: Partial<Parameters<typeof fitNetwork>[0]> = {},
  epochs = 20,
) {
  return fitNetwork({
    shape: shapeOf(architecture, size, shared),
    ...{ lists, batches, learned, validation, judged: batches, heads },
    settings: { ...DEFAULT_FIT, epochs, learningRate: 0.02 },
    ...{ seed: "1", deadline: noEnd(), progress: silent },
    ...more,
  });
}

async function lossOf(model: Uint8Array): Promise<number> {
  const predictor = await openPredictor([model], batches);
  const losses = listLosses(lists, validation, heads, await predictor.logits(lists, validation));
  await predictor.close();
  return losses.reduce((a, b) => a + b, 0) / losses.length;
}

/** Of saying the base rate of everything. */
const baseLoss = (() => {
  const logits = new Float32Array(lists.items.length).fill(shared.baseLogits[0]!);
  return listLosses(lists, validation, heads, logits).reduce((a, b) => a + b, 0) / validation.length;
})();

describe("fitting a network", () => {
  it.each(["logistic", "feature-network", "target-attention", "transformer"] as const)(
    "teaches %s the planted rule, which lists it has not seen confirm",
    async (architecture) => {
      const network = await fitted(architecture);
      expect(network.loss).toBeLessThan(baseLoss - 0.15);
      expect(await lossOf(network.model)).toBeCloseTo(network.loss, 5);
    },
  );

  it("leaves popularity, which reads another column, at the base rate", async () => {
    const { loss } = await fitted("popularity");
    expect(loss).toBeGreaterThan(baseLoss - 0.05);
  });

  it("gives the same bits for the same seed, and others for another", async () => {
    const one = await fitted("transformer", {}, 1);
    const again = await fitted("transformer", {}, 1);
    expect(again.weights).toEqual(one.weights);
    expect(Buffer.from(again.model).equals(Buffer.from(one.model))).toBe(true);
    const [first, other] = [await fitted("logistic", {}, 1), await fitted("logistic", { seed: "2" }, 1)];
    expect(other.weights).not.toEqual(first.weights);
  });

  it("takes the best epoch on the validation lists, and the last one without any", async () => {
    // These want the opposite of the rule: the sooner the better.
    const opposite = listsOf(
      planted(300).map((list, at) => (at < 250 ? list : { ...list, ...turned(list) })),
      1,
      2,
    );
    const judged = new Batches(opposite, heads, catalog, vocabulary);
    const early = await fitted("feature-network", { lists: opposite, batches: judged, judged });
    expect(early.epochs).toBe(1);
    const last = await fitted("feature-network", { validation: new Int32Array(0) }, 3);
    expect([last.epochs, last.loss]).toEqual([3, Number.NaN]);
  });

  it("ends after an epoch where time is up", async () => {
    const deadline = new Deadline(new ManualClock(), 0 as typeof MINUTE);
    expect((await fitted("feature-network", { deadline })).epochs).toBe(1);
  });

  it("starts from the weights that it is given, as far as they fit", async () => {
    const settings = { ...DEFAULT_FIT, epochs: 1, learningRate: 0 };
    const first = await fitted("logistic", {}, 1);
    const [name] = Object.keys(first.weights);
    const initial: Weights = { [name!]: first.weights[name!]!.map(() => 0.5), another: Float32Array.of(1) };
    const started = await fitted("logistic", { initial, settings });
    expect(started.weights[name!]!.every((weight) => weight === 0.5)).toBe(true);
    expect(Object.keys(started.weights)).toEqual(Object.keys(first.weights));
  });
});

/** The opposite labels. */
function turned({ targets, labels }: MadeList): Partial<MadeList> {
  return {
    targets: targets!.map((target) => 1 - target),
    labels: labels!.map((row) => row.map((label) => 1 - label)),
  };
}

describe("what a network says of lists", () => {
  it("is the mean of several, each row of its list in its place, and 0 for lists that were not asked for", async () => {
    const networks = [await fitted("feature-network", {}, 1), await fitted("logistic", {}, 1)];
    const logitsOf = async (models: readonly Uint8Array[], chosen: Int32Array) => {
      const predictor = await openPredictor(models, batches);
      const logits = await predictor.logits(lists, chosen);
      await predictor.close();
      return logits;
    };
    const chosen = Int32Array.of(299, 3, 41);
    const models = networks.map(({ model }) => model);
    const together = await logitsOf(models, chosen);
    const [a, b] = [await logitsOf(models.slice(0, 1), chosen), await logitsOf(models.slice(1), chosen)];
    expect(together.length).toBe(lists.items.length);
    for (let list = 0; list < lists.count; list++) {
      const alone = chosen.includes(list) && (await logitsOf(models, Int32Array.of(list)));
      for (let row = lists.offsets[list]!; row < lists.offsets[list + 1]!; row++) {
        expect(together[row]).toBeCloseTo((a![row]! + b![row]!) / 2, 5);
        if (alone) expect(together[row]).toBeCloseTo(alone[row]!, 4);
        else expect(together[row]).toBe(0);
      }
    }
  });

  it("needs the inputs of its architecture alone", () => {
    const namesOf = (architecture: RankingArchitecture) =>
      inputNames(shapeOf(architecture, size, shared)).toSorted();
    expect(namesOf("popularity")).toEqual(["candidates"]);
    expect(namesOf("logistic")).toEqual(["candidates", "request"]);
    expect(namesOf("transformer")).toEqual(
      expect.arrayContaining(["candidates", "history_facts", "history_present", "items", "request"]),
    );
  });
});
