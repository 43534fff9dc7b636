/**
 * A training step as two ONNX graphs. One has the loss and its gradients and runs for each part of a step, if need be on
 * several threads at once. The other is the optimizer: the sums of the gradients, weights and optimizer state go in, and
 * the new ones come out; of tables whose rows are sampled, those rows alone.
 */
import * as ort from "onnxruntime-node";
import { type Random, UpnextError } from "../core/index.ts";
import {
  type AveragedSlots,
  type AveragingOptions,
  averageAt,
  restartAverage,
  traceAverages,
} from "./averaging.ts";
import { compile, type Outputs, type Weights, weightOf } from "./compile.ts";
import { gradients } from "./gradients.ts";
import { type Parameter, shapeError, type Tensor } from "./graph.ts";
import { DROPOUT_KEY } from "./ops/dropout.ts";
import { mul } from "./ops/elementwise.ts";
import type { Optimizer } from "./optimizer.ts";
import { openPartPool, type PartPoolOptions } from "./part-pool.ts";
import { GRADIENT, type Part, SHARE, SUM } from "./parts.ts";
import { rowReader, type SampledRows, targetsOf } from "./sampled-rows.ts";
import { type DeviceUsed, type Feeds, openSession, toTensors } from "./session.ts";
import { openSlot, type RowsByIds, type Slot, type State, type Target } from "./slots.ts";
import { type Notes, readSnapshot, takeSnapshot } from "./snapshot.ts";

/** What the outputs of metrics begin with. */
const METRIC = "metric.";

/** One seed gives one result only with the same `threads` and `workers`, and on the same `device`. */
export interface TrainingOptions extends PartPoolOptions {
  /** float32 of shape [], traced in a graph with `training: true`. All parameters of that graph are trained. */
  readonly loss: Tensor;
  /** More values of shape [] to return from each step. */
  readonly metrics?: Readonly<Record<string, Tensor>>;
  readonly optimizer: Optimizer;
  /** First weights and masks of dropout; not advanced, each parameter draws from a fork of its name. */
  readonly random: Random;
  /** Tables of which a step changes only the rows that it uses; none unless told. See `adamW` for what that means. */
  readonly sampledRows?: readonly SampledRows[];
  /** Keeps moving averages of all parameters; none unless told. */
  readonly averaging?: AveragingOptions;
}

export interface StepResult {
  readonly loss: number;
  /** Norm of all gradients before clipping. */
  readonly gradientNorm: number;
  readonly metrics: Readonly<Record<string, number>>;
}

export interface Training {
  /** Steps done. */
  readonly steps: number;
  readonly device: DeviceUsed;
  /**
   * One step of the optimizer, on a batch or on parts of one: loss, metrics and gradients are the sums over the parts,
   * each times its share. Feeds that say which rows of a table are sampled are the same in all parts. Rejects with
   * `training_failed` where loss or gradients are not finite; the weights are then those from before the step. One step
   * at a time.
   */
  step(batch: Feeds | readonly Part[], options: { readonly learningRate: number }): Promise<StepResult>;
  /** A copy of the parameters by name. */
  weights(): Record<string, Float32Array>;
  /** Their moving averages; throws `internal` in a training without `averaging`. */
  averagedWeights(): Record<string, Float32Array>;
  /** Replaces all parameters; their averages start again from them, the optimizer's state stays. */
  setWeights(weights: Weights): void;
  /**
   * Everything that the next steps depend on: steps done, parameters, optimizer state, averages. A training of the same
   * options that takes it with `restore`, in this process or another, ends with the same bits as this one, given the
   * same feeds and learning rates.
   */
  snapshot(notes?: Notes): Uint8Array;
  /**
   * Takes a snapshot and returns its notes. Throws `checkpoint_corrupt` where the bytes are no whole snapshot,
   * `checkpoint_incompatible` where it is one of another model, seed or averaging; then nothing is changed.
   */
  restore(snapshot: Uint8Array): Required<Notes>;
  /** Frees the session. May be called again. */
  close(): Promise<void>;
}

export async function compileTraining(options: TrainingOptions): Promise<Training> {
  const { random, averaging } = options;
  checkOptions(options);
  const step = traceStep(options);
  const { slots, averaged, markAt } = step;
  // Parts are given the rows that they use, not the tables: those are copied to each thread.
  const sampled = step.targets.filter(({ ids }) => ids);
  const pool = await openPartPool(
    compile(
      step.gradients,
      undefined,
      sampled.map(({ value }) => value),
    ),
    options,
  );
  const optimizer = (await openSession(compile(step.outputs, undefined), options)).session;
  const masks = random.fork(DROPOUT_KEY);
  const read = slots.filter(({ name }) => pool.session.inputNames.includes(name));
  const own = new Set([
    ...slots.map(({ name }) => name),
    ...sampled.map(({ value }) => value.name),
    SHARE,
    DROPOUT_KEY,
    ...Object.keys(step.scalars(1, 0)),
  ]);
  const idNames = sampled.flatMap(({ ids }) => (ids ? [ids.name] : []));
  const unread = idNames.filter((name) => !pool.session.inputNames.includes(name));
  const identity = {
    kind: "training",
    seed: random.fork("seed").uint32(),
    averaging: averaging?.decay ?? null,
  };

  let steps = 0;
  let busy = false;
  let closed = false;

  function expectIdle(call: string): void {
    if (busy) throw shapeError(call, "the step before to be awaited", "a call while it runs");
  }

  async function run(batch: Feeds | readonly Part[], learningRate: number): Promise<StepResult> {
    const whole = isParts(batch) ? batch : [{ feeds: batch, share: 1 }];
    const feeds = sharedFeeds(optimizer.inputNames, whole);
    const parts = whole.map((part) => ({ ...part, feeds: without(part.feeds, unread) }));
    for (const part of parts) toTensors(pool.session, part.feeds, own);
    const rows = step.rows(feeds);
    const sums = await pool.run(
      {
        ...Object.fromEntries(read.map(({ name, input }) => [name, input])),
        ...Object.fromEntries(
          sampled.map((target) => [target.value.name, rowsOf(target, step.weights, rows)]),
        ),
      },
      // A function of seed and step, so that a training that goes on from a checkpoint drops what it would have dropped.
      parts.map((part, i) => ({ ...part, key: masks.fork(steps).fork(i).uint32() >>> 2 })),
    );
    const inputs = toTensors(optimizer, { ...feeds, ...sums.gradients }, own);
    for (const [name, value] of Object.entries(step.scalars(steps + 1, learningRate))) {
      inputs[name] = new ort.Tensor("float32", Float32Array.of(value), []);
    }
    const fetches: Record<string, ort.Tensor | null> = { gradientNorm: null };
    for (const { name, input, output, buffer } of slots) {
      inputs[name] = input;
      fetches[output] = buffer;
    }
    const results = await optimizer.run(inputs, fetches);
    const result = stepResult(sums.values, Number(results["gradientNorm"]!.data[0]));
    if (!Number.isFinite(result.loss) || !Number.isFinite(result.gradientNorm)) {
      throw new UpnextError(
        "training_failed",
        `tensor: step ${steps + 1}: expected a finite loss and finite gradients, came loss ${result.loss} and gradient norm ${result.gradientNorm}; lower the learning rate (${learningRate}) or check the feeds for NaN`,
      );
    }
    for (const slot of slots) slot.keep(results[slot.output]!, rows);
    steps++;
    return result;
  }

  return {
    get steps() {
      return steps;
    },
    device: pool.device,
    async step(batch, { learningRate }) {
      if (closed) throw new UpnextError("closed", "tensor: step: the training was closed");
      expectIdle("step");
      busy = true;
      try {
        return await run(batch, learningRate);
      } finally {
        busy = false;
      }
    },
    weights() {
      return Object.fromEntries(step.weights.map(({ name, data }) => [name, data.slice()]));
    },
    averagedWeights() {
      if (!averaging) throw shapeError("averagedWeights", "a training with averaging", "one without");
      return Object.fromEntries(
        averaged.map((parameter) => [parameter.weights.name, averageAt(parameter, markAt(steps))]),
      );
    },
    setWeights(weights) {
      expectIdle("setWeights");
      const checked = step.parameters.map(({ tensor }) => weightOf(weights, tensor));
      step.weights.forEach(({ data }, i) => {
        data.set(checked[i]!);
      });
      for (const parameter of averaged) restartAverage(parameter, markAt(steps));
    },
    snapshot(notes = {}) {
      return takeSnapshot(identity, steps, slots, notes);
    },
    restore(snapshot) {
      expectIdle("restore");
      const read = readSnapshot(snapshot, identity, slots);
      steps = read.steps;
      return read.notes;
    },
    async close() {
      if (closed) return;
      closed = true;
      await Promise.all([pool.close(), optimizer.release()]);
    },
  };
}

function checkOptions({ loss, metrics = {} }: TrainingOptions): void {
  if (!loss.graph.training) throw shapeError("compileTraining", "a graph with training: true", "one without");
  for (const [name, metric] of Object.entries(metrics)) {
    if (metric.shape.length > 0 || metric.dtype !== "float32") {
      throw shapeError("compileTraining", "metrics that are float32 of shape []", `"${name}"`);
    }
  }
}

/** The step as it is traced: what goes in and comes out, and the numbers that stay. */
interface TracedStep {
  readonly parameters: readonly Parameter[];
  /** What changes of each of them. */
  readonly targets: readonly Target[];
  /** Of a part: loss, metrics, gradients. */
  readonly gradients: Outputs;
  /** Of the optimizer. */
  readonly outputs: Outputs;
  /** Everything that stays from step to step. */
  readonly slots: readonly Slot[];
  /** Those of the parameters, in their order. */
  readonly weights: readonly Slot[];
  /** In that order; empty without averaging. */
  readonly averaged: readonly AveragedSlots[];
  readonly markAt: (step: number) => number;
  readonly rows: (feeds: Feeds) => RowsByIds;
  readonly scalars: (step: number, learningRate: number) => Readonly<Record<string, number>>;
}

function traceStep({ loss, metrics = {}, optimizer, random, ...options }: TrainingOptions): TracedStep {
  const { graph } = loss;
  const parameters = [...graph.parameters];
  const targets = targetsOf(parameters, options.sampledRows ?? []);
  const rows = rowReader(targets);
  graph.oneThread = (options.threads ?? 1) === 1;
  const counted = mul(loss, graph.input(SHARE, "float32", []));
  const computed = gradients(
    counted,
    targets.map(({ value }) => value),
  );
  const partOutputs: Record<string, Tensor> = { loss };
  for (const [name, metric] of Object.entries(metrics)) partOutputs[METRIC + name] = metric;
  const summed = targets.map(({ parameter }, i) => {
    const gradient = computed[i]!;
    partOutputs[GRADIENT + parameter.tensor.name] = gradient;
    return graph.input(SUM + parameter.tensor.name, "float32", gradient.shape);
  });
  const update = optimizer.trace(graph, targets, summed);
  const averages = options.averaging && traceAverages(graph, targets, update.values, options.averaging);

  const outputs: Record<string, Tensor> = { gradientNorm: update.gradientNorm };
  const slots: Slot[] = [];
  const open = (state: Omit<State, "before">, data?: Float32Array): Slot => {
    const slot = openSlot(state, data ?? new Float32Array(sizeOf(state.shape)));
    outputs[slot.output] = state.after;
    slots.push(slot);
    return slot;
  };
  const weights = targets.map(({ parameter, ids }, i) => {
    const { tensor, shape } = parameter;
    return open({ name: tensor.name, shape, ids, after: update.values[i]! }, first(parameter, random));
  });
  for (const state of update.states) open(state);
  const averaged = (averages?.parameters ?? []).map(({ value, mark }, i): AveragedSlots => {
    const slot = weights[i]!;
    return { weights: slot, average: open(value, slot.data.slice()), marks: mark && open(mark) };
  });
  return {
    parameters,
    targets,
    gradients: partOutputs,
    outputs,
    slots,
    weights,
    averaged,
    markAt: (step) => averages?.markAt(step) ?? 0,
    rows,
    scalars: (step, learningRate) => ({ ...update.scalars(step, learningRate), ...averages?.scalars(step) }),
  };
}

/** The rows of a table that a step uses, as they are before it. */
function rowsOf({ parameter, ids }: Target, slots: readonly Slot[], rows: RowsByIds): ort.Tensor {
  const { data } = slots.find(({ name }) => name === parameter.tensor.name)!;
  const used = rows.get(ids!.name)!; // a target of rows has ids
  const width = data.length / parameter.shape[0]!;
  const values = new Float32Array(used.length * width);
  used.forEach((row, i) => {
    values.set(data.subarray(row * width, (row + 1) * width), i * width);
  });
  return new ort.Tensor("float32", values, [used.length, ...parameter.shape.slice(1)]);
}

function without(feeds: Feeds, names: readonly string[]): Feeds {
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => !names.includes(name)));
}

function isParts(batch: Feeds | readonly Part[]): batch is readonly Part[] {
  return Array.isArray(batch);
}

/** What the optimizer reads of the feeds: ids of rows. */
function sharedFeeds(names: readonly string[], parts: readonly Part[]): Feeds {
  const [first, ...others] = parts;
  if (!first) throw shapeError("step", "one part at least", "none");
  const feeds: Record<string, Feeds[string]> = {};
  for (const name of names) {
    const feed = first.feeds[name];
    if (!feed) continue;
    if (others.some((other) => other.feeds[name] !== feed)) {
      throw shapeError("step", `one array of "${name}" for all parts`, "several");
    }
    feeds[name] = feed;
  }
  return feeds;
}

function stepResult(values: Readonly<Record<string, number>>, gradientNorm: number): StepResult {
  const metrics: Record<string, number> = {};
  for (const [name, value] of Object.entries(values)) {
    if (name.startsWith(METRIC)) metrics[name.slice(METRIC.length)] = value;
  }
  return { loss: values["loss"]!, gradientNorm, metrics };
}

function first({ tensor, shape, initializer }: Parameter, random: Random): Float32Array {
  const data = initializer(shape, random.fork(tensor.name));
  return weightOf({ [tensor.name]: data }, tensor);
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}
