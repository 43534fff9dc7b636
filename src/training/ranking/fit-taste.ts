/** Fits the taste of a network: ids and attention, on all visits before the lists. */
import { setImmediate } from "node:timers/promises";
import { type Deadline, type Progress, Random } from "../../core/index.ts";
import { hasTaste, type RankingShape, tasteLoss } from "../../models/index.ts";
import { adamW, compileTraining, Graph, type Weights, warmupCosine } from "../../tensor/index.ts";
import { drawExamples, tasteFeeds, type VisitSequences } from "./visit-sequences.ts";

/** Passes over the visits, and the most visits of all passes: more than this is worth little (guess). */
const PASSES = 2;
const MOST_EXAMPLES = 1_000_000;
const BATCH = 1024;
const LEARNING_RATE = 2e-3;
const WEIGHT_DECAY = 0.01;
const WARMUP = 100;
/** With fewer examples vectors of ids stay near what they were drawn as. */
const FEWEST_EXAMPLES = 2_000;
const THREADS = 2;

/** The weights to start from; undefined where there is nothing to learn from. Ends early when time is up. */
export async function fitTaste(
  shape: RankingShape,
  sequences: VisitSequences,
  heads: readonly number[],
  seed: string,
  deadline: Deadline,
  progress: Progress,
): Promise<Weights | undefined> {
  if (!hasTaste(shape) || !sequences.learned.includes(true) || sequences.examples.length < FEWEST_EXAMPLES) {
    return undefined;
  }
  const random = new Random(`${seed}/taste/${shape.architecture}`);
  const training = await compileTraining({
    loss: tasteLoss(new Graph({ training: true }), shape),
    optimizer: adamW({ weightDecay: WEIGHT_DECAY, clipNorm: 5 }),
    random: random.fork("weights"),
    threads: THREADS,
  });
  try {
    const total = Math.min(MOST_EXAMPLES, PASSES * sequences.examples.length);
    const steps = Math.max(1, Math.floor(total / BATCH));
    const rate = warmupCosine({ peak: LEARNING_RATE, warmup: Math.min(WARMUP, steps / 10), steps });
    progress.step(`taste ${shape.architecture}`, steps, "steps");
    let order = new Int32Array(0);
    for (let done = 0, at = 0; done < steps && !deadline.expired(); done++, at += BATCH) {
      if (at + BATCH > order.length) {
        order = Int32Array.from(drawExamples(sequences, sequences.examples.length, random));
        at = 0;
      }
      const feeds = tasteFeeds(sequences, order.subarray(at, at + BATCH), heads);
      await training.step(feeds, { learningRate: rate(done) });
      if (done % 10 === 0) {
        progress.update(done);
        await setImmediate();
      }
    }
    return training.weights();
  } finally {
    await training.close();
  }
}
