/** Fits one ranking network to lists: AdamW, a cosine schedule, the best epoch on lists that came later. */
import { setImmediate } from "node:timers/promises";
import { type Deadline, type Progress, Random, UpnextError } from "../../core/index.ts";
import { type RankingShape, rankingLoss, rankingServing } from "../../models/index.ts";
import {
  adamW,
  compileServing,
  compileTraining,
  Graph,
  type Weights,
  warmupCosine,
} from "../../tensor/index.ts";
import { type Batches, batchesOf } from "./batches.ts";
import type { RankingLists } from "./lists.ts";
import { listLosses } from "./losses.ts";
import { openPredictor } from "./predict.ts";

/** Chosen on the last training day of KuaiRand (docs/log.md). */
export interface FitSettings {
  readonly epochs: number;
  readonly learningRate: number;
  /**
   * What the learning rate of id tables is times. At the rate of the rest, tables remember single rows after one pass
   * (Zhang et al. 2022, "Towards understanding the overfitting phenomenon of deep click-through rate models").
   */
  readonly idRate: number;
  readonly weightDecay: number;
}

export const DEFAULT_FIT: FitSettings = { epochs: 4, learningRate: 1e-3, idRate: 0.02, weightDecay: 0.05 };

const CLIP_NORM = 5;
const WARMUP = 100;
/** Epochs without a better validation loss after which training ends. */
const PATIENCE = 2;
const THREADS = 2;

export interface NetworkFit {
  readonly shape: RankingShape;
  readonly lists: RankingLists;
  readonly batches: Batches;
  /** Lists that are learned from. */
  readonly learned: Int32Array;
  /** Lists that choose the epoch, by what followed; with none, the last epoch is taken. */
  readonly validation: Int32Array;
  /** Their batches, of hard labels. */
  readonly judged: Batches;
  readonly heads: readonly number[];
  readonly settings: FitSettings;
  /** Where training starts; drawn by seed where a parameter is not in it. */
  readonly initial?: Weights;
  readonly seed: string;
  readonly deadline: Deadline;
  readonly progress: Progress;
}

export interface FittedNetwork {
  readonly shape: RankingShape;
  readonly weights: Weights;
  /** The serving file. */
  readonly model: Uint8Array;
  readonly epochs: number;
  /** On the validation lists; NaN without any. */
  readonly loss: number;
}

/** Rejects with `training_failed` where no epoch has a finite loss. */
export async function fitNetwork(fit: NetworkFit): Promise<FittedNetwork> {
  const { shape, lists, batches, learned, validation, settings, deadline, progress } = fit;
  const random = new Random(`${fit.seed}/${shape.architecture}`);
  const perEpoch = batchesOf(lists, learned).length;
  const steps = settings.epochs * perEpoch;
  const training = await compileTraining({
    loss: rankingLoss(new Graph({ training: true }), shape),
    optimizer: adamW({
      weightDecay: (_, dims) => (dims.length >= 2 ? settings.weightDecay : 0),
      clipNorm: CLIP_NORM,
      rateOf: (name) => (isTable(name) ? settings.idRate : 1),
    }),
    random: random.fork("weights"),
    threads: THREADS,
  });
  try {
    if (fit.initial !== undefined)
      training.setWeights({ ...training.weights(), ...known(fit.initial, training.weights()) });
    const names = inputNames(shape);
    const rate = warmupCosine({ peak: settings.learningRate, warmup: Math.min(WARMUP, steps / 10), steps });
    let best = { loss: Number.POSITIVE_INFINITY, weights: training.weights(), epoch: 0 };
    progress.step(`train ${shape.architecture}`, steps, "steps");
    for (let epoch = 1, done = 0; epoch <= settings.epochs; epoch++) {
      for (const chosen of batchesOf(lists, learned, random)) {
        const feeds = { ...batches.inputs(chosen, names), ...batches.outcomes(chosen) };
        await training.step(feeds, { learningRate: rate(done++) });
        if (done % 10 === 0) {
          progress.update(done);
          await setImmediate();
        }
      }
      const weights = training.weights();
      const loss = validation.length === 0 ? -epoch : await validationLoss(fit, serving(shape, weights));
      if (validation.length > 0) {
        progress.note(`${shape.architecture}: validation loss ${loss.toFixed(4)} after epoch ${epoch}`);
      }
      if (loss < best.loss) best = { loss, weights, epoch };
      if (epoch - best.epoch >= PATIENCE || deadline.expired()) break;
    }
    if (!Number.isFinite(best.loss)) {
      throw new UpnextError(
        "training_failed",
        `${shape.architecture}: expected a finite validation loss, got none in any epoch`,
      );
    }
    return {
      shape,
      weights: best.weights,
      model: serving(shape, best.weights),
      epochs: best.epoch,
      loss: validation.length === 0 ? Number.NaN : best.loss,
    };
  } finally {
    await training.close();
  }
}

/** The file that serves. */
function serving(shape: RankingShape, weights: Weights): Uint8Array {
  return compileServing(rankingServing(new Graph(), shape), weights);
}

/** Names of the inputs that an architecture reads. */
export function inputNames(shape: RankingShape): readonly string[] {
  const graph = new Graph();
  rankingServing(graph, shape);
  return graph.inputs.map(({ name }) => name);
}

/** Whether a parameter is a table of vectors by id. */
function isTable(name: string): boolean {
  return name.endsWith(".table");
}

/** Of `initial`, what a training has, in its sizes. */
function known(initial: Weights, own: Weights): Weights {
  return Object.fromEntries(
    Object.entries(initial).filter(([name, values]) => own[name]?.length === values.length),
  );
}

async function validationLoss(fit: NetworkFit, model: Uint8Array): Promise<number> {
  const predictor = await openPredictor([model], fit.judged);
  try {
    const logits = await predictor.logits(fit.lists, fit.validation);
    const losses = listLosses(fit.lists, fit.validation, fit.heads, logits);
    return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  } finally {
    await predictor.close();
  }
}
