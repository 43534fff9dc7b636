/** Ranking networks of every architecture: gradients, isolation of candidates, and what the loss says of lists. */
import { afterEach, describe, expect, it } from "vitest";
import { Random } from "../../src/core/index.ts";
import {
  RANKING_ARCHITECTURES,
  type RankingShape,
  rankingLoss,
  rankingServing,
} from "../../src/models/index.ts";
import {
  compileServing,
  type Feeds,
  Graph,
  gradients,
  loadModel,
  type Model,
  type Weights,
} from "../../src/tensor/index.ts";
import { anyAnswers, anyRequests, anyWeights, only, smallShape } from "./any-ranking.ts";

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

async function open(bytes: Uint8Array): Promise<Model> {
  const model = await loadModel(bytes);
  opened.push(model);
  return model;
}

/** The serving model of a shape under normal weights. */
async function serving(shape: RankingShape): Promise<(feeds: Feeds) => Promise<number[]>> {
  const graph = new Graph();
  const outputs = rankingServing(graph, shape);
  const model = await open(compileServing({ ...outputs }, anyWeights(graph, new Random("weights"))));
  return async (feeds) => {
    const { logits } = await model.run(only(feeds, model.inputNames));
    return Array.from(logits!.data, Number);
  };
}

describe.each(RANKING_ARCHITECTURES)("%s", (architecture) => {
  it("has the gradients that finite differences find", async () => {
    const shape = smallShape(architecture);
    const graph = new Graph({ training: true });
    const loss = rankingLoss(graph, shape);
    const parameters = graph.parameters.map(({ tensor }) => tensor);
    const found = gradients(loss, parameters);
    const outputs = Object.fromEntries(parameters.map(({ name }, i) => [`d.${name}`, found[i]!]));
    const sizes = { batch: 2, size: 3, visits: 3 };
    const feeds = { ...anyRequests(shape, sizes), ...anyAnswers(shape, sizes) };
    const weights = anyWeights(graph, new Random("weights"));
    const computed = await open(compileServing({ ...outputs, loss }, weights));
    const names = computed.inputNames;
    const exact = await computed.run(only(feeds, names));
    const lossOf = async (changed: Weights): Promise<number> => {
      const model = await loadModel(compileServing({ loss }, changed));
      const { loss: value } = await model.run(only(feeds, names));
      await model.close();
      return Number(value!.data[0]);
    };
    const random = new Random("directions");
    for (const { name } of parameters) {
      // Along a direction that all elements of the parameter share in.
      const direction = Float32Array.from(weights[name]!, () => random.normal());
      const step = 1e-2 / Math.sqrt(direction.length);
      const moved = (by: number): Weights => ({
        ...weights,
        [name]: weights[name]!.map((weight, i) => weight + by * direction[i]!),
      });
      const difference = ((await lossOf(moved(step))) - (await lossOf(moved(-step)))) / (2 * step);
      const slope = direction.reduce((sum, d, i) => sum + d * Number(exact[`d.${name}`]!.data[i]), 0);
      expect(Math.abs(difference - slope), name).toBeLessThan(2e-3 + 0.01 * Math.abs(slope));
    }
  });

  it("gives a candidate the same logits whoever else is in the batch", async () => {
    const shape = smallShape(architecture);
    const scores = await serving(shape);
    const random = new Random("candidates");
    const feeds = anyRequests(shape, { size: 500, visits: 6 }, random);
    const all = await scores(feeds);
    const some = (from: number, count: number): Feeds => ({
      ...feeds,
      candidates: {
        data: (feeds["candidates"]!.data as Float32Array).subarray(from * 4, (from + count) * 4),
        dims: [1, count, 4],
      },
      ...Object.fromEntries(
        ["items", "creators", "categories"].map((name) => [
          name,
          { data: (feeds[name]!.data as Int32Array).subarray(from, from + count), dims: [1, count] },
        ]),
      ),
    });
    for (const [from, count] of [
      [0, 1],
      [499, 1],
      [17, 7],
      [250, 250],
    ] as const) {
      const alone = await scores(some(from, count));
      alone.forEach((logit, i) => {
        expect(Math.abs(logit - all[from * 2 + i]!)).toBeLessThan(1e-5);
      });
    }
  });
});
