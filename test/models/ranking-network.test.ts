/** The ranking network against plain code, its loss against hand computation, and what it learns on toy problems. */
import { afterEach, describe, expect, it } from "vitest";
import { Random } from "../../src/core/index.ts";
import {
  POSITIONS,
  type RankingNetworkShape,
  rankingLogits,
  rankingLoss,
  rankingProbabilities,
} from "../../src/models/ranking-network.ts";
import {
  adamW,
  compileServing,
  compileTraining,
  Graph,
  loadModel,
  type Training,
  type Weights,
} from "../../src/tensor/index.ts";
import { anyWeights, feedsOf, plainShape, type ToyList } from "./toy.ts";

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

/** Probabilities (rows, heads), row-major, of these rows of features. */
async function serve(
  shape: RankingNetworkShape,
  weights: Weights,
  rows: readonly (readonly number[])[],
): Promise<number[]> {
  const model = await loadModel(
    compileServing({ probabilities: rankingProbabilities(new Graph(), shape) }, weights),
  );
  opened.push(model);
  const features = { data: Float32Array.from(rows.flat()), dims: [rows.length, shape.features] };
  return Array.from((await model.run({ features }))["probabilities"]!.data, Number);
}

async function training(
  shape: RankingNetworkShape,
  lists: number,
  size: number,
  seed = 1,
): Promise<Training> {
  const step = await compileTraining({
    loss: rankingLoss(new Graph({ training: true }), shape, { lists, size }),
    optimizer: adamW({ weightDecay: 0.01, clipNorm: 1 }),
    random: new Random(seed),
  });
  opened.push(step);
  return step;
}

/** A dense layer in plain code. */
function dense(x: readonly number[], weights: Float32Array, bias?: Float32Array): number[] {
  const width = weights.length / x.length;
  return Array.from({ length: width }, (_, j) =>
    x.reduce((sum, value, i) => sum + value * weights[i * width + j]!, bias?.[j] ?? 0),
  );
}

/** Logits of one row as the words of the file say: standardise, cut, two layers, a linear path beside them. */
function plainLogits(shape: RankingNetworkShape, weights: Weights, row: readonly number[]): number[] {
  const x = row.map((value, f) => {
    const deviation = shape.deviations[f]!;
    const standard = deviation > 1e-6 ? (value - shape.means[f]!) / deviation : 0;
    return Math.max(-6, Math.min(6, standard));
  });
  const silu = (values: readonly number[]) => values.map((value) => value / (1 + Math.exp(-value)));
  const first = silu(dense(x, weights["layer0.weights"]!, weights["layer0.bias"]!));
  const second = silu(dense(first, weights["layer1.weights"]!, weights["layer1.bias"]!));
  const wide = dense(x, weights["heads.wide"]!, weights["heads.bias"]!);
  return dense(second, weights["heads.deep"]!).map((value, h) => value + wide[h]!);
}

describe("the network", () => {
  it("computes what plain code computes, features that never vary and far outliers included", async () => {
    const random = new Random("network");
    const shape = {
      features: 5,
      heads: 3,
      means: Float32Array.of(0, 1, -2, 5, 100),
      deviations: Float32Array.of(1, 0.5, 3, 0, 1e-7),
    };
    const graph = new Graph();
    rankingLogits(graph.input("features", "float32", ["rows", 5]), shape);
    const weights = anyWeights(graph, random);
    const rows = Array.from({ length: 20 }, (_, r) =>
      Array.from({ length: 5 }, () => (r === 7 ? 1e6 : 3) * random.normal()),
    );
    const served = await serve(shape, weights, rows);
    rows.forEach((row, r) => {
      plainLogits(shape, weights, row).forEach((logit, h) => {
        expect(served[r * 3 + h]).toBeCloseTo(1 / (1 + Math.exp(-logit)), 5);
      });
    });
  });

  it("has the same parameters in training as in serving, and the logits of positions in training alone", async () => {
    const shape = plainShape(4, 2);
    const names = (graph: Graph) => graph.parameters.map(({ tensor }) => tensor.name).sort();
    const [training, serving] = [new Graph({ training: true }), new Graph()];
    rankingLoss(training, shape, { lists: 2, size: 3 });
    rankingProbabilities(serving, shape);
    expect(names(training)).toEqual([...names(serving), "position.logits"].sort());

    const weights = anyWeights(training, new Random(1));
    const file = (own: Weights) => {
      const graph = new Graph();
      return compileServing({ probabilities: rankingProbabilities(graph, shape) }, own);
    };
    const other = { ...weights, "position.logits": new Float32Array((POSITIONS + 1) * 2).fill(9) };
    expect(file(other)).toEqual(file(weights));
    expect(Buffer.from(file(weights)).includes("position.logits")).toBe(false);
  });
});

describe("the loss", () => {
  const shape = plainShape(2, 2);
  const noWeights = (graph: Graph): Weights => anyWeights(graph, new Random(0), 0);

  /** The loss of these lists under weights that are 0 but for those given. */
  async function lossOf(lists: readonly ToyList[], size: number, changed: Weights = {}): Promise<number> {
    const graph = new Graph({ training: true });
    const loss = rankingLoss(graph, shape, { lists: lists.length, size });
    const model = await loadModel(compileServing({ loss }, { ...noWeights(graph), ...changed }));
    opened.push(model);
    return Number((await model.run(feedsOf(lists, size)))["loss"]!.data[0]);
  }

  const list = (count: number, more: Partial<ToyList> = {}): ToyList => ({
    features: Array.from({ length: count }, (_, slot) => [slot, 1]),
    labels: Array.from({ length: count }, (_, slot) => [Number(slot === 0), 0]),
    ...more,
  });

  it("of a network that knows nothing is log(candidates) and log 2 for every question", async () => {
    expect(await lossOf([list(4)], 4)).toBeCloseTo(Math.log(4) + Math.log(2), 5);
  });

  it("does not count places that are not present", async () => {
    expect(await lossOf([list(4)], 9)).toBeCloseTo(Math.log(4) + Math.log(2), 5);
  });

  it("is the mean over lists, a list without a target counting as 0", async () => {
    const lists = [list(4), list(2), list(3, { labels: [0, 1, 2].map(() => [0, 0]) })];
    expect(await lossOf(lists, 4)).toBeCloseTo((Math.log(4) + Math.log(2)) / 3 + Math.log(2), 5);
  });

  it("lets a sampled candidate stand for as many as its offset says", async () => {
    // The target against two candidates, each of which stands for five.
    const offsets = [0, Math.log(5), Math.log(5)];
    expect(await lossOf([list(3, { offsets })], 3)).toBeCloseTo(Math.log(11) + Math.log(2), 5);
  });

  it("takes every head's logit from the position of the slot", async () => {
    const byPosition = new Float32Array((POSITIONS + 1) * 2);
    byPosition.set([Math.log(3), 0], 2);
    byPosition.set([0, Math.log(7)], 2 * POSITIONS);
    const lists = [list(2, { positions: [1, POSITIONS] })];
    // First head: logits log 3 and 0; second head: 0 and log 7. The target is the first slot.
    const listLoss = Math.log(4) - Math.log(3);
    const binary = Math.log(4) - Math.log(3) + Math.log(2) + (Math.log(2) + Math.log(8));
    expect(await lossOf(lists, 2, { "position.logits": byPosition })).toBeCloseTo(listLoss + binary / 4, 5);
  });
});

describe("training", () => {
  const LISTS = 16;
  const SIZE = 6;

  /** Lists of candidates of which the user takes the one with the largest feature 0, and approves of it if feature 1 > 0. */
  function anyLists(random: Random): ToyList[] {
    return Array.from({ length: LISTS }, () => {
      const features = Array.from({ length: SIZE }, () => [
        random.normal(),
        random.normal(),
        random.normal(),
      ]);
      const best = features.reduce((top, values, slot) => (values[0]! > features[top]![0]! ? slot : top), 0);
      return {
        features,
        labels: features.map(([, taste], slot) => [
          Number(slot === best),
          Number(slot === best && taste! > 0),
        ]),
      };
    });
  }

  it("lowers the loss, and then ranks the one that is taken first", async () => {
    const shape = plainShape(3, 2);
    const step = await training(shape, LISTS, SIZE);
    const random = new Random("lists");
    const losses: number[] = [];
    for (let s = 0; s < 150; s++) {
      losses.push((await step.step(feedsOf(anyLists(random), SIZE), { learningRate: 0.01 })).loss);
    }
    expect(losses[0]).toBeGreaterThan(2);
    expect(losses.slice(-10).reduce((sum, loss) => sum + loss, 0) / 10).toBeLessThan(1);

    const unseen = anyLists(random);
    const served = await serve(
      shape,
      step.weights(),
      unseen.flatMap((list) => list.features),
    );
    const hits = unseen.filter((list, l) => {
      const scores = list.features.map((_, slot) => served[(l * SIZE + slot) * 2]!);
      return list.labels[scores.indexOf(Math.max(...scores))]![0] === 1;
    });
    expect(hits.length).toBeGreaterThanOrEqual(14);
  });

  it("twice with one seed gives the same weights to the bit, with another seed others", async () => {
    const shape = plainShape(3, 2);
    const weightsOf = async (seed: number) => {
      const step = await training(shape, LISTS, SIZE, seed);
      const random = new Random("same");
      for (let s = 0; s < 5; s++) await step.step(feedsOf(anyLists(random), SIZE), { learningRate: 0.01 });
      return step.weights();
    };
    const first = await weightsOf(1);
    expect(await weightsOf(1)).toEqual(first);
    expect(await weightsOf(2)).not.toEqual(first);
  });

  it("leaves to the positions what the positions did", async () => {
    // The old policy put items with feature 0 on top, mostly; users click what is on top, whatever it is.
    const shape = plainShape(1, 1);
    const shown = (random: Random, positions: boolean): ToyList[] =>
      Array.from({ length: LISTS }, () => {
        const liked = Array.from({ length: SIZE }, (_, slot) => [
          Number(random.next() < (slot === 0 ? 0.8 : 0.2)),
        ]);
        return {
          features: liked,
          labels: liked.map((_, slot) => [Number(random.next() < (slot === 0 ? 0.6 : 0.1))]),
          ...(positions && { positions: liked.map((_, slot) => 1 + slot) }),
        };
      });
    /** How much feature 0 alone changes the logit that is served. */
    const effect = async (positions: boolean) => {
      const step = await training(shape, LISTS, SIZE);
      const random = new Random("shown");
      for (let s = 0; s < 300; s++) {
        await step.step(feedsOf(shown(random, positions), SIZE), { learningRate: s < 200 ? 0.01 : 0.002 });
      }
      const [without, withIt] = await serve(shape, step.weights(), [[0], [1]]);
      const logit = (p: number) => Math.log(p / (1 - p));
      return logit(withIt!) - logit(without!);
    };
    expect(await effect(false)).toBeGreaterThan(0.6);
    expect(Math.abs(await effect(true))).toBeLessThan(0.25);
  });
});
