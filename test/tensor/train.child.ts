/** A training with everything that has state: dropout, sampled rows, moments, averages. Also run in child processes. */
import { Random } from "../../src/core/index.ts";
import * as t from "../../src/tensor/index.ts";

export interface TrainOptions {
  readonly threads?: number;
  readonly seed?: string;
  readonly decay?: number;
  readonly rows?: number;
}

export async function openTraining(options: TrainOptions = {}): Promise<t.Training> {
  const { threads = 1, seed = "seed", decay = 0.99, rows: count = 50 } = options;
  const graph = new t.Graph({ training: true });
  const used = graph.input("used", "int64", ["U"]);
  const clicked = graph.input("clicked", "float32", ["U"]);
  const table = graph.parameter("items", [count, 8], t.normal(1));
  const rows = t.gather(table, used);
  const hidden = t.matmul(rows, graph.parameter("hidden", [8, 16], t.glorot));
  const logits = t.matmul(t.dropout(t.gelu(hidden), 0.3, 1), graph.parameter("out", [16, 1], t.glorot));
  return t.compileTraining({
    loss: t.mean(t.binaryCrossEntropy(t.squeeze(logits, 1), clicked)),
    optimizer: t.adamW({ clipNorm: 1 }),
    random: new Random(seed),
    sampledRows: [{ table, ids: used, rows }],
    averaging: { decay },
    threads,
  });
}

/** Steps up to `until`, with feeds and rates that follow from the step. */
export async function trainTo(
  training: t.Training,
  until: number,
  after?: () => Promise<void>,
): Promise<void> {
  const rate = t.warmupCosine({ peak: 0.1, warmup: 3, steps: until });
  while (training.steps < until) {
    const random = new Random(`batch ${training.steps}`);
    const ids = random.shuffle(Array.from({ length: 50 }, (_, i) => i)).slice(0, 12);
    const feeds = {
      used: { data: BigInt64Array.from(ids, BigInt), dims: [12] },
      clicked: { data: Float32Array.from(ids, (id) => id % 2), dims: [12] },
    };
    await training.step(feeds, { learningRate: rate(training.steps) });
    await after?.();
  }
}

/** Goes on from the checkpoint at `path`, if there is one, and writes one after each step. */
export async function trainWithCheckpoints(path: string, until: number): Promise<void> {
  const training = await openTraining();
  const checkpoint = await t.readCheckpoint(path);
  if (checkpoint) training.restore(checkpoint);
  process.stdout.write(`open ${training.steps}\n`);
  await trainTo(training, until, async () => {
    await t.writeCheckpoint(path, training.snapshot());
    process.stdout.write(`written ${training.steps}\n`);
  });
  await training.close();
}
