/**
 * Trains the encoder on all users' sequences.
 *
 * How long is the data's choice: the learning rate stays at its peak until the moving average of the weights ranks held
 * out items no better for a while, or time runs out, and then falls to zero within three tenths of the steps done (warm up,
 * stay, decay: Hu et al. 2024, "MiniCPM"). The best weights on the held out items are kept. A training that goes on from
 * an earlier one, with newer events, holds out nothing and falls from half the peak within three tenths of its steps.
 *
 * Item vectors start from ALS factors: after eight passes over ml-1m that was worth a tenth of the NDCG.
 */
import { setImmediate } from "node:timers/promises";
import { type Ms, type Random, UpnextError } from "../../core/index.ts";
import { type EncoderShape, FIRST_DEVIATION, sequenceLoss } from "../../models/index.ts";
import {
  adamW,
  compileTraining,
  type Device,
  fitAls,
  Graph,
  type Training,
  type Weights,
} from "../../tensor/index.ts";
import type { FitContext } from "../retriever.ts";
import type { Sequences } from "../sequences.ts";
import {
  ATTRIBUTES_PER_ITEM,
  type AttributeSpace,
  attributeSpace,
  attributesOf,
  codesOf,
  type ItemAttributes,
} from "./attributes.ts";
import { Course, type CourseState } from "./course.ts";
import type { Encoder } from "./encoder-columns.ts";
import { type HeldOut, heldOutNdcg, holdOut } from "./held-out.ts";
import { SequenceModel } from "./sequence-model.ts";
import { StepFeeds } from "./step-feeds.ts";
import { batchesOf, cutWindows } from "./windows.ts";

/** Chosen on the validation items of ml-1m and amazon-beauty (docs/log.md). */
const WIDTHS = { usual: 64, wide: 128 } as const;
const HEADS = 1;
const BLOCKS = 2;
/** Width of the feed-forward network's hidden layer, in widths. */
const INNER = 2;
/**
 * The wide encoder learns more from each pass, and a pass takes 2.5 times as long: on ml-1m six of its passes were worth
 * a little less than what the usual one learns in that time, and twelve far more (docs/log.md). It is taken where half
 * of the time that was given is enough for so many, by what one entry took on two cores.
 */
const WIDE_PASSES = 4;
const WIDE_MS_AN_ENTRY = 0.03;
/** Dropout by how many entries an item has: of 13 (amazon-beauty) 0.4, of 290 (ml-1m) 0.2, between them by the logarithm. */
const DROPOUT = { most: 0.5, least: 0.1, atOne: 0.56, perDecade: 0.147 } as const;
const LONGEST = 100;
const CANDIDATES = 512;
/** At a width of 64; it falls with the root of the width. */
const LEARNING_RATE = 3e-3;
const WEIGHT_DECAY = 0.01;
const CLIP_NORM = 1;
const WARMUP = 200;
/** Places of a step: small data needs small steps, or there are too few of them. */
const PLACES = { most: 4_000, fewest: 500, stepsAnEpoch: 200 } as const;
/** Looks back some 250 steps, about an epoch. */
const AVERAGING = 0.996;
/** Steps between two evaluations: so many, or so many passes over small data. */
const EVALUATE_EVERY = 500;
const EVALUATE_PASSES = 10;
/** Evaluations without a better one after which the learning rate falls. */
const PATIENCE = 4;
const MAX_EPOCHS = 200;
/** Steps of the fall, as a share of those before it. */
const FALL = 0.3;
/** The peak of a training that goes on, as a share of LEARNING_RATE. */
const GO_ON_RATE = 0.5;
/** Share of the time that stays for what comes behind the last step. */
const RESERVE = 0.05;
/** A training that time ended sooner says nothing, or what it went on from: it would be first vectors, read by a network drawn at random (guess). */
const FEWEST_STEPS = 4;
/** Threads that compute a step's parts, of at least so many places each. One seed gives one result only with the same. */
const WORKERS = 2;
const PLACES_A_PART = 1_000;
const CHECKPOINT_EVERY = 60_000 as Ms;
/** Entries at which an item's first vector is half its ALS factors: those of rare items repeat what single users did. */
const ALS_SHRINK = 20;
const ALS = { iterations: 6, regularization: 0.1, alpha: 30 } as const;

/** Where a training is: JSON in its checkpoints. */
interface Place {
  readonly epoch: number;
  readonly batch: number;
  /** Whether it has ended, whatever time there would be now. */
  readonly over: boolean;
  /** Time that was used. */
  readonly elapsed: number;
  readonly course: CourseState;
}

/**
 * null where no user has taken two items, or time was too short to learn anything. Rejects with `training_failed` where the loss or the gradients become infinite.
 *
 * @param before what a training on an older part of the same log left, to go on from
 */
export async function fitEncoder(context: FitContext, before: Encoder | null): Promise<Encoder | null> {
  const { sequences, catalog, random, clock, progress, checkpoint } = context;
  const begun = clock.monotonic();
  if (longestOf(sequences.offsets) < 2) return null;
  const space = attributeSpace(catalog);
  // Codes of creators stand behind those of categories: with more of these they are others.
  const earlier = before?.space.categories === space.categories ? before : null;
  const shape = shapeFor(context, space, earlier);
  const held = earlier ? nothingHeld(sequences) : holdOut(sequences, random.fork("held out"));
  const candidates = Math.min(CANDIDATES, sequences.itemCount);
  // A checkpoint of other data has another seed, by which it is refused.
  const attributes = attributesOf(catalog, sequences.itemCount, space);
  const seed = random.fork(`weights ${fingerprintOf(sequences, attributes, earlier)}`);
  const places = placesOf(sequences);
  const parts = Math.max(1, Math.min(WORKERS, Math.floor(places / PLACES_A_PART)));
  const training = await open(shape, candidates, { workers: parts, device: context.device ?? "cpu" }, seed);
  if ("insteadOf" in training.device) {
    const { insteadOf, reason } = training.device;
    progress.note(`sequence: trained on the CPU, since ${insteadOf} cannot be had here: ${reason}`);
  }
  try {
    const restored = await restore(context, training);
    if (restored === null)
      training.setWeights(await firstWeights(training.weights(), shape, earlier, held, context));
    const feeds = new StepFeeds(sequences, attributes, candidates);
    const course = new Course(courseOptions(shape, earlier), restored?.place.course);
    let best = restored?.best ?? null;
    const started = begun - (restored?.place.elapsed ?? 0);
    const elapsed = (): number => clock.monotonic() - started;
    const time = (): number => elapsed() / Math.max(1, context.budget * (1 - RESERVE));
    const ndcgOf = (weights: Weights): Promise<number> => measured(weights, shape, space, held, context);
    let saved = clock.monotonic();
    const save = async (epoch: number, batch: number, over: boolean): Promise<void> => {
      saved = clock.monotonic();
      const place: Place = { epoch, batch, over, elapsed: elapsed(), course: course.state };
      await checkpoint?.write(training.snapshot({ facts: place, ...(best && { weights: best }) }));
    };

    progress.step(`${earlier ? "go on with" : "fit"} sequence`, undefined, "steps");
    let { epoch, batch: from } = restored?.place ?? { epoch: 0, batch: 0 };
    for (let over = restored?.place.over ?? false; !over; epoch++) {
      const windows = cutWindows(sequences.offsets, held.ends, shape.length, random.fork(`windows ${epoch}`));
      const batches = batchesOf(windows, places, random.fork(`batches ${epoch}`));
      over = batches.length === 0;
      if (epoch >= MAX_EPOCHS) course.fall(time());
      for (let b = from; b < batches.length && !over; b++) {
        const learningRate = course.rate(time());
        over = learningRate <= 0;
        if (over) break;
        const step = feeds.of(batches[b]!, parts, random.fork(`step ${training.steps}`));
        await training.step(step, { learningRate });
        course.stepped();
        const every = Math.min(EVALUATE_EVERY, EVALUATE_PASSES * batches.length);
        if (training.steps % every === 0 && course.rising && held.users.length > 0) {
          const weights = training.averagedWeights();
          if (course.evaluated(await ndcgOf(weights), time())) best = weights;
        }
        if (training.steps % 16 === 0) {
          progress.update(training.steps);
          // A step blocks the thread: without a turn of the event loop now and then, a signal would wait for minutes.
          await setImmediate();
        }
        if (clock.monotonic() - saved > CHECKPOINT_EVERY) await save(epoch, b + 1, false);
      }
      from = 0;
    }
    await save(epoch, 0, true);
    // What it would have gone on from knows more than a few steps from there, and far more than nothing.
    if (training.steps < FEWEST_STEPS && time() >= 1) return earlier;
    const last = training.averagedWeights();
    const heldOut = held.users.length === 0 ? null : await ndcgOf(last);
    const better = best !== null && heldOut !== null && course.state.best > heldOut;
    if (heldOut !== null) {
      progress.note(`sequence: NDCG@10 of held out items ${Math.max(heldOut, course.state.best).toFixed(4)}`);
    }
    const weights = withoutUntaken(better ? best! : last, sequences, held, shape);
    return { shape, space, weights, steps: training.steps };
  } finally {
    await training.close();
  }
}

function open(
  shape: EncoderShape,
  candidates: number,
  where: { readonly workers: number; readonly device: Device },
  random: Random,
): Promise<Training> {
  const graph = new Graph({ training: true });
  const { loss, sampledRows } = sequenceLoss(graph, shape, candidates);
  return compileTraining({
    loss,
    sampledRows: [sampledRows],
    averaging: { decay: AVERAGING },
    optimizer: adamW({ weightDecay: WEIGHT_DECAY, clipNorm: CLIP_NORM }),
    random,
    ...where,
  });
}

/** The size that suits data and time, or that of the encoder that is gone on from. */
function shapeFor(
  { sequences, timeBudget }: FitContext,
  space: AttributeSpace,
  earlier: Encoder | null,
): EncoderShape {
  const dropout = dropoutFor(sequences);
  const passes = timeBudget / 2 / (1 + FALL) / (sequences.items.length * WIDE_MS_AN_ENTRY);
  const width = earlier?.shape.width ?? (passes < WIDE_PASSES ? WIDTHS.usual : WIDTHS.wide);
  return {
    items: sequences.itemCount,
    attributes: codesOf(space),
    attributesPerItem: ATTRIBUTES_PER_ITEM,
    width,
    heads: HEADS,
    blocks: BLOCKS,
    inner: INNER * width,
    length: earlier?.shape.length ?? Math.min(LONGEST, longestOf(sequences.offsets)),
    inputDropout: dropout,
    dropout,
  };
}

function dropoutFor({ items, itemCount }: Sequences): number {
  const { most, least, atOne, perDecade } = DROPOUT;
  return Math.min(most, Math.max(least, atOne - perDecade * Math.log10(items.length / itemCount)));
}

function longestOf(offsets: Int32Array): number {
  let longest = 0;
  for (let user = 1; user < offsets.length; user++) {
    longest = Math.max(longest, offsets[user]! - offsets[user - 1]!);
  }
  return longest;
}

function placesOf({ items }: Sequences): number {
  const { most, fewest, stepsAnEpoch } = PLACES;
  return Math.round(Math.min(most, Math.max(fewest, items.length / stepsAnEpoch)));
}

function courseOptions({ width }: EncoderShape, earlier: Encoder | null) {
  const common = { warmup: WARMUP, fall: FALL, patience: PATIENCE };
  const peak = LEARNING_RATE * Math.sqrt(WIDTHS.usual / width);
  if (earlier === null) return { ...common, peak };
  return { ...common, peak: GO_ON_RATE * peak, steps: Math.max(1, Math.ceil(FALL * earlier.steps)) };
}

function nothingHeld({ offsets }: Sequences): HeldOut {
  return { users: new Int32Array(0), ends: offsets.slice(1) };
}

async function measured(
  weights: Weights,
  shape: EncoderShape,
  space: AttributeSpace,
  held: HeldOut,
  { catalog, sequences }: FitContext,
): Promise<number> {
  const model = await SequenceModel.open({ shape, space, weights }, catalog);
  try {
    return await heldOutNdcg(model, catalog, sequences, held);
  } finally {
    await model.close();
  }
}

/** The earlier weights where there are some, with room for what is new; else ALS factors as item vectors. */
async function firstWeights(
  drawn: Record<string, Float32Array>,
  shape: EncoderShape,
  earlier: Encoder | null,
  held: HeldOut,
  context: FitContext,
): Promise<Weights> {
  if (earlier !== null) {
    // New rows of the tables keep what was drawn for them.
    for (const [name, weights] of Object.entries(earlier.weights)) drawn[name]!.set(weights);
    return drawn;
  }
  const known = within(context.sequences, held);
  const { itemCount } = known;
  const { itemFactors } = await fitAls({
    ...{ ...known, ...ALS },
    users: known.offsets.length - 1,
    factors: shape.width,
    random: context.random.fork("als"),
  });
  const table = drawn["items"]!;
  const length = FIRST_DEVIATION * Math.sqrt(shape.width);
  const entries = new Int32Array(itemCount);
  for (const item of known.items) entries[item] = entries[item]! + 1;
  for (let row = 0; row < itemCount; row++) {
    const factors = itemFactors.subarray(row * shape.width, (row + 1) * shape.width);
    const norm = Math.hypot(...factors);
    if (norm === 0) continue;
    const share = entries[row]! / (entries[row]! + ALS_SHRINK);
    for (let d = 0, at = row * shape.width; d < factors.length; d++, at++) {
      table[at] = share * (factors[d]! / norm) * length + (1 - share) * table[at]!;
    }
  }
  return drawn;
}

/** The entries that may be learned from. */
function within({ offsets, items, times, weights, itemCount }: Sequences, { ends }: HeldOut): Sequences {
  const kept: number[] = [];
  const starts = new Int32Array(offsets.length);
  ends.forEach((end, user) => {
    for (let entry = offsets[user]!; entry < end; entry++) kept.push(entry);
    starts[user + 1] = kept.length;
  });
  return {
    offsets: starts,
    items: Int32Array.from(kept, (entry) => items[entry]!),
    times: Float64Array.from(kept, (entry) => times[entry]!),
    weights: Float32Array.from(kept, (entry) => weights[entry]!),
    itemCount,
  };
}

/** Items that nobody took have learned nothing: they stand with the unknown ones. */
function withoutUntaken(
  weights: Weights,
  sequences: Sequences,
  held: HeldOut,
  { width }: EncoderShape,
): Weights {
  const { items, itemCount } = within(sequences, held);
  const taken = new Uint8Array(itemCount);
  for (const item of items) taken[item] = 1;
  const table = weights["items"]!.slice();
  for (let row = 0; row < itemCount; row++) {
    if (taken[row] === 0) table.set(weights["unknown"]!, row * width);
  }
  return { ...weights, items: table };
}

/** Of the data that a training learns from (FNV-1a). */
function fingerprintOf(
  { offsets, items, weights }: Sequences,
  { codes }: ItemAttributes,
  earlier: Encoder | null,
): number {
  let hash = 0x811c9dc5;
  for (const column of [offsets, items, weights, codes, earlier?.weights["unknown"]]) {
    if (column === undefined) continue;
    for (const bits of new Int32Array(column.buffer, column.byteOffset, column.length)) {
      hash = Math.imul(hash ^ bits, 0x01000193);
    }
  }
  return hash >>> 0;
}

async function restore(
  { checkpoint, progress }: FitContext,
  training: Training,
): Promise<{ readonly place: Place; readonly best: Weights | null } | null> {
  try {
    const bytes = await checkpoint?.read();
    if (bytes === undefined) return null;
    const { facts, weights } = training.restore(bytes);
    progress.note(`sequence: goes on from step ${training.steps} of a training that was stopped`);
    return { place: facts as Place, best: Object.keys(weights).length > 0 ? weights : null };
  } catch (error) {
    // A checkpoint that does not fit costs the time it would have saved, and nothing else.
    const why =
      error instanceof UpnextError ? `is of another training (${error.code})` : `cannot be read (${error})`;
    progress.note(`sequence: starts anew, since the checkpoint ${why}`);
    return null;
  }
}
