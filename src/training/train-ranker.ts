/** Fits the ranking network to lists: AdamW, a cosine schedule, early stopping on the newest lists. */
import { type Progress, Random, UpnextError } from "../core/index.ts";
import type { FeatureSet } from "../features/index.ts";
import {
  type RankingNetworkShape,
  rankingLogits,
  rankingLoss,
  rankingProbabilities,
} from "../models/ranking-network.ts";
import { HEADS, type RankerHeader } from "../ranking/index.ts";
import {
  adamW,
  compileServing,
  compileTraining,
  type Feeds,
  Graph,
  loadModel,
  type Weights,
  warmupCosine,
} from "../tensor/index.ts";
import { LIST_SIZE, type RankingLists } from "./ranking-lists.ts";

/** Lists a step. */
const BATCH = 64;
const MAX_EPOCHS = 20;
/** Epochs without a better validation loss after which training ends. */
const PATIENCE = 4;
const LEARNING_RATE = 2e-3;
const WEIGHT_DECAY = 0.02;
const CLIP_NORM = 5;
/** Share of the lists, the newest, that choose the epoch. */
const VALIDATION = 0.1;
/** A head with fewer actions in the lists is left out: its probabilities would be noise. */
const MIN_ACTIONS = 100;
/** Fewer lists than this cannot fit the network. */
const MIN_LISTS = 50;

export interface TrainedRanker {
  readonly header: RankerHeader;
  readonly model: Uint8Array;
  /** Cross-entropy of the first head over the validation lists, and over the blend's own order of magnitude: log(size). */
  readonly validationLoss: number;
  readonly epochs: number;
}

/** Returns null where there are too few lists, or none of those that choose the epoch has a target. */
export async function trainRanker(
  lists: RankingLists,
  featureSet: FeatureSet,
  seed: number,
  progress: Progress,
): Promise<TrainedRanker | null> {
  if (lists.count < MIN_LISTS) return null;
  const heads = usableHeads(lists);
  const validation = Math.max(1, Math.floor(lists.count * VALIDATION));
  const training = lists.count - validation;
  if (!lists.targets.subarray(training * LIST_SIZE).includes(1)) return null;
  const { request, candidates } = featureSet.smallestDeviations;
  const smallest = Float32Array.of(...request, ...candidates);
  const shape: RankingNetworkShape = {
    features: lists.width,
    heads: heads.length,
    ...moments(lists, training, smallest),
  };
  const batch = Math.min(BATCH, training);
  const random = new Random(`${seed}/ranker`);
  const graph = new Graph({ training: true });
  const step = await compileTraining({
    loss: rankingLoss(graph, shape, { lists: batch, size: LIST_SIZE }),
    optimizer: adamW({ weightDecay: WEIGHT_DECAY, clipNorm: CLIP_NORM }),
    random: random.fork("weights"),
    threads: 2,
  });
  try {
    const order = Int32Array.from({ length: training }, (_, i) => i);
    const stepsAnEpoch = Math.floor(training / batch);
    const rate = warmupCosine({ peak: LEARNING_RATE, warmup: 0, steps: MAX_EPOCHS * stepsAnEpoch });
    let best = { loss: Infinity, weights: step.weights(), epoch: 0 };
    progress.step("train ranker", MAX_EPOCHS * stepsAnEpoch, "steps");
    for (let epoch = 1; epoch <= MAX_EPOCHS && epoch - best.epoch <= PATIENCE; epoch++) {
      random.shuffle(order);
      for (let s = 0; s < stepsAnEpoch; s++) {
        const done = (epoch - 1) * stepsAnEpoch + s;
        const some = order.subarray(s * batch, (s + 1) * batch);
        await step.step(feeds(lists, some, heads), { learningRate: rate(done) });
        if (done % 20 === 0) progress.update(done);
      }
      const loss = await validationLoss(lists, training, shape, step.weights());
      if (loss < best.loss) best = { loss, weights: step.weights(), epoch };
    }
    if (!Number.isFinite(best.loss)) {
      throw new UpnextError(
        "training_failed",
        "ranker: expected a finite validation loss, got none in any epoch",
      );
    }
    const serving = new Graph();
    return {
      header: {
        name: "feature-network",
        heads: heads.map((h) => HEADS[h]!.name),
        features: [...featureSet.requestNames, ...featureSet.candidateNames],
        fingerprint: featureSet.fingerprint,
      },
      model: compileServing({ probabilities: rankingProbabilities(serving, shape) }, best.weights),
      validationLoss: best.loss,
      epochs: best.epoch,
    };
  } finally {
    await step.close();
  }
}

/** Indices into HEADS: the first always, others where the lists have enough of their action. */
function usableHeads(lists: RankingLists): readonly number[] {
  const actions = new Float64Array(HEADS.length);
  for (let i = 0; i < lists.labels.length; i++) {
    const head = i % HEADS.length;
    actions[head] = actions[head]! + lists.labels[i]!;
  }
  return HEADS.map((_, h) => h).filter((h) => h === 0 || actions[h]! >= MIN_ACTIONS);
}

/** Mean and deviation of every feature over the present rows of the first `count` lists. */
function moments(
  lists: RankingLists,
  count: number,
  smallest: Float32Array,
): { means: Float32Array; deviations: Float32Array } {
  const { width, features, present } = lists;
  const sums = new Float64Array(width);
  const squares = new Float64Array(width);
  let rows = 0;
  for (let row = 0; row < count * LIST_SIZE; row++) {
    if (present[row] === 0) continue;
    rows++;
    for (let f = 0; f < width; f++) {
      const value = features[row * width + f]!;
      sums[f] = sums[f]! + value;
      squares[f] = squares[f]! + value * value;
    }
  }
  const means = Float32Array.from(sums, (sum) => sum / rows);
  const deviations = Float32Array.from(squares, (square, f) =>
    Math.max(smallest[f]!, Math.sqrt(Math.max(0, square / rows - (sums[f]! / rows) ** 2))),
  );
  return { means, deviations };
}

/** The lists `chosen` as the inputs of one step. */
function feeds(lists: RankingLists, chosen: Int32Array, heads: readonly number[]): Feeds {
  const n = chosen.length;
  const { width } = lists;
  const features = new Float32Array(n * LIST_SIZE * width);
  const targets = new Float32Array(n * LIST_SIZE);
  const offsets = new Float32Array(n * LIST_SIZE);
  const present = new Uint8Array(n * LIST_SIZE);
  const positions = new BigInt64Array(n * LIST_SIZE);
  const labels = new Float32Array(n * LIST_SIZE * heads.length);
  const weights = new Float32Array(n * LIST_SIZE * heads.length);
  for (let i = 0; i < n; i++) {
    const from = chosen[i]! * LIST_SIZE;
    const to = from + LIST_SIZE;
    features.set(lists.features.subarray(from * width, to * width), i * LIST_SIZE * width);
    targets.set(lists.targets.subarray(from, to), i * LIST_SIZE);
    offsets.set(lists.offsets.subarray(from, to), i * LIST_SIZE);
    present.set(lists.present.subarray(from, to), i * LIST_SIZE);
    positions.set(lists.positions.subarray(from, to), i * LIST_SIZE);
    for (let c = 0; c < LIST_SIZE; c++) {
      for (let h = 0; h < heads.length; h++) {
        const at = (i * LIST_SIZE + c) * heads.length + h;
        labels[at] = lists.labels[(from + c) * HEADS.length + heads[h]!]!;
        weights[at] = lists.weights[(from + c) * HEADS.length + heads[h]!]!;
      }
    }
  }
  const rows = [n, LIST_SIZE];
  return {
    features: { data: features, dims: [...rows, width] },
    targets: { data: targets, dims: rows },
    offsets: { data: offsets, dims: rows },
    present: { data: present, dims: rows },
    positions: { data: positions, dims: rows },
    labels: { data: labels, dims: [...rows, heads.length] },
    weights: { data: weights, dims: [...rows, heads.length] },
  };
}

/** Mean cross-entropy of the first head over the lists from `first` on that have a target. */
async function validationLoss(
  lists: RankingLists,
  first: number,
  shape: RankingNetworkShape,
  weights: Weights,
): Promise<number> {
  const graph = new Graph();
  const input = graph.input("features", "float32", ["rows", shape.features]);
  const model = await loadModel(compileServing({ logits: rankingLogits(input, shape) }, weights));
  try {
    let sum = 0;
    let counted = 0;
    for (let list = first; list < lists.count; list++) {
      const from = list * LIST_SIZE;
      const data = lists.features.subarray(from * lists.width, (from + LIST_SIZE) * lists.width);
      const { logits } = await model.run({ features: { data, dims: [LIST_SIZE, lists.width] } });
      const loss = listLoss(logits!.data as Float32Array, shape.heads, lists, from);
      if (loss === undefined) continue;
      sum += loss;
      counted++;
    }
    return counted === 0 ? Infinity : sum / counted;
  } finally {
    await model.close();
  }
}

function listLoss(
  logits: Float32Array,
  heads: number,
  lists: RankingLists,
  from: number,
): number | undefined {
  let highest = -Infinity;
  for (let c = 0; c < LIST_SIZE; c++) {
    if (lists.present[from + c] === 1)
      highest = Math.max(highest, logits[c * heads]! + lists.offsets[from + c]!);
  }
  let total = 0;
  let wanted = 0;
  let targets = 0;
  for (let c = 0; c < LIST_SIZE; c++) {
    if (lists.present[from + c] === 0) continue;
    const logit = logits[c * heads]! + lists.offsets[from + c]! - highest;
    total += Math.exp(logit);
    wanted += lists.targets[from + c]! * logit;
    targets += lists.targets[from + c]!;
  }
  return targets === 0 ? undefined : Math.log(total) - wanted / targets;
}
