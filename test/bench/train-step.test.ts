/** The step of `npm run bench -- train`, small: what it computes is what PyTorch computes. */
import { expect, test } from "vitest";
import { type StepConfig, trainingLoss, weightShapes } from "../../bench/train/step.ts";
import { Random } from "../../src/core/index.ts";
import { adamW, compileTraining } from "../../src/tensor/index.ts";

const CONFIG: StepConfig = {
  threads: 1,
  batch: 16,
  length: 12,
  width: 8,
  heads: 2,
  blocks: 2,
  items: 20,
  negatives: 6,
  dropout: 0,
  learningRate: 0.01,
  weights: {},
  batches: "",
  batchCount: 1,
};
/** Of three steps, by bench/peers/train_step.py with PyTorch 2.15 from the same weights on the same batch. */
const LOSSES = [2.149709, 1.876764, 1.707808];

function weights(): Record<string, Float32Array> {
  const random = new Random("bench/train");
  return Object.fromEntries(
    Object.entries(weightShapes(CONFIG)).map(([name, shape]) => {
      const size = shape.reduce((product, dim) => product * dim, 1);
      const centre = name.endsWith(".scale") ? 1 : 0;
      return [name, Float32Array.from({ length: size }, () => centre + 0.3 * random.normal())];
    }),
  );
}

function batch() {
  const { batch, length, negatives, items } = CONFIG;
  const random = new Random("batch");
  const ids = (count: number) => Int32Array.from({ length: count }, () => 1 + random.int(items));
  const rows = batch * length;
  return {
    "items.ids": { data: ids(rows), dims: [batch, length] },
    targets: { data: ids(rows), dims: [rows] },
    negatives: { data: ids(negatives), dims: [negatives] },
    counts: { data: new Float32Array(rows).fill(1), dims: [rows] },
  };
}

test("three steps of the benchmark's model have the losses that PyTorch has", async () => {
  const loss = trainingLoss(CONFIG);
  const training = await compileTraining({ loss, optimizer: adamW(), random: new Random(1) });
  training.setWeights(weights());
  const feeds = batch();
  for (const expected of LOSSES) {
    const step = await training.step(feeds, { learningRate: CONFIG.learningRate });
    expect(step.loss).toBeCloseTo(expected, 4);
  }
  await training.close();
});
