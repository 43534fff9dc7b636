/**
 * A training step as one ONNX graph: forward, gradients and optimizer. Weights and optimizer state go in as inputs and
 * come out as outputs, and never leave ONNX Runtime's tensors between steps.
 */
import * as ort from "onnxruntime-node";
import { type Random, UpnextError } from "../core/index.ts";
import { compile, type Weights, weightOf } from "./compile.ts";
import { gradients } from "./gradients.ts";
import type { Parameter, Tensor } from "./graph.ts";
import { shapeError } from "./graph.ts";
import { DROPOUT_KEY } from "./ops/dropout.ts";
import type { Optimizer } from "./optimizer.ts";
import { type Feeds, openSession, toTensors } from "./session.ts";

export interface TrainingOptions {
  /** float32 of shape [], traced in a graph with `training: true`. All parameters of that graph are trained. */
  readonly loss: Tensor;
  /** More values of shape [] to return from each step. */
  readonly metrics?: Readonly<Record<string, Tensor>>;
  readonly optimizer: Optimizer;
  /** First weights; not advanced, each parameter draws from a fork of its name. */
  readonly random: Random;
  /** Threads of one operator; 1 unless told. One seed gives one result only with the same number. */
  readonly threads?: number;
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
  /**
   * One step of the optimizer. Rejects with `training_failed` where loss or gradients are not finite; the weights are
   * then those from before the step. One step at a time.
   */
  step(feeds: Feeds, options: { readonly learningRate: number }): Promise<StepResult>;
  /** A copy of the parameters by name. */
  weights(): Record<string, Float32Array>;
  /** Replaces all parameters; the optimizer's state stays. */
  setWeights(weights: Weights): void;
  /** Frees the session. May be called again. */
  close(): Promise<void>;
}

/** A tensor that each step reads in one buffer and writes in another, which then change places. */
interface Slot {
  readonly input: string;
  readonly output: string;
  current: ort.Tensor;
  next: ort.Tensor;
}

export async function compileTraining(options: TrainingOptions): Promise<Training> {
  const { loss, metrics = {}, optimizer } = options;
  const { graph } = loss;
  if (!graph.training) throw shapeError("compileTraining", "a graph with training: true", "one without");
  for (const [name, metric] of Object.entries(metrics)) {
    if (metric.shape.length > 0 || metric.dtype !== "float32") {
      throw shapeError("compileTraining", "metrics that are float32 of shape []", `"${name}"`);
    }
  }
  const parameters = [...graph.parameters];
  graph.oneThread = (options.threads ?? 1) === 1;
  const update = optimizer.trace(
    graph,
    parameters,
    gradients(
      loss,
      parameters.map(({ tensor }) => tensor),
    ),
  );
  const outputs: Record<string, Tensor> = { loss, gradientNorm: update.gradientNorm };
  for (const [name, metric] of Object.entries(metrics)) outputs[`metric.${name}`] = metric;
  const weightSlots = parameters.map((parameter, i) => {
    outputs[`next.${parameter.tensor.name}`] = update.parameters[i]!;
    return slotOf(parameter.tensor, first(parameter, options.random));
  });
  const stateSlots = update.states.map(({ before, after }) => {
    outputs[`next.${before.name}`] = after;
    return slotOf(before, new Float32Array(sizeOf(before)));
  });
  const slots = [...weightSlots, ...stateSlots];
  const session = await openSession(compile(outputs, undefined), options);
  const drops = session.inputNames.includes(DROPOUT_KEY);
  const own = new Set([
    ...slots.map(({ input }) => input),
    ...Object.keys(update.scalars(1, 0)),
    ...(drops ? [DROPOUT_KEY] : []),
  ]);
  const masks = options.random.fork(DROPOUT_KEY);

  let steps = 0;
  let busy = false;
  let closed = false;

  async function run(feeds: Feeds, learningRate: number): Promise<StepResult> {
    const inputs = toTensors(session, feeds, own);
    for (const [name, value] of Object.entries(update.scalars(steps + 1, learningRate))) {
      inputs[name] = new ort.Tensor("float32", Float32Array.of(value), []);
    }
    if (drops) {
      // A function of seed and step, so that a training that goes on from a checkpoint drops what it would have dropped.
      const key = BigInt(masks.fork(steps).uint32() >>> 2);
      inputs[DROPOUT_KEY] = new ort.Tensor("int64", BigInt64Array.of(key), []);
    }
    const fetches: Record<string, ort.Tensor | null> = { loss: null, gradientNorm: null };
    for (const name of Object.keys(metrics)) fetches[`metric.${name}`] = null;
    for (const slot of slots) {
      inputs[slot.input] = slot.current;
      // Written in place: nothing is allocated for weights from step to step.
      fetches[slot.output] = slot.next;
    }
    const results = await session.run(inputs, fetches);
    const number = (name: string): number => Number(results[name]!.data[0]);
    const result: StepResult = {
      loss: number("loss"),
      gradientNorm: number("gradientNorm"),
      metrics: Object.fromEntries(Object.keys(metrics).map((name) => [name, number(`metric.${name}`)])),
    };
    if (!Number.isFinite(result.loss) || !Number.isFinite(result.gradientNorm)) {
      throw new UpnextError(
        "training_failed",
        `tensor: step ${steps + 1}: expected a finite loss and finite gradients, came loss ${result.loss} and gradient norm ${result.gradientNorm}; lower the learning rate (${learningRate}) or check the feeds for NaN`,
      );
    }
    for (const slot of slots) [slot.current, slot.next] = [slot.next, slot.current];
    steps++;
    return result;
  }

  return {
    get steps() {
      return steps;
    },
    async step(feeds, { learningRate }) {
      if (closed) throw new UpnextError("closed", "tensor: step: the training was closed");
      if (busy) throw shapeError("step", "the step before to be awaited", "a second one");
      busy = true;
      try {
        return await run(feeds, learningRate);
      } finally {
        busy = false;
      }
    },
    weights() {
      return Object.fromEntries(weightSlots.map(({ input, current }) => [input, floats(current).slice()]));
    },
    setWeights(weights) {
      const checked = parameters.map(({ tensor }) => weightOf(weights, tensor));
      weightSlots.forEach((slot, i) => {
        floats(slot.current).set(checked[i]!);
      });
    },
    async close() {
      if (closed) return;
      closed = true;
      await session.release();
    },
  };
}

function slotOf(tensor: Tensor, data: Float32Array): Slot {
  const dims = tensor.shape.map(Number);
  return {
    input: tensor.name,
    output: `next.${tensor.name}`,
    current: new ort.Tensor("float32", data, dims),
    next: new ort.Tensor("float32", new Float32Array(data.length), dims),
  };
}

function first({ tensor, shape, initializer }: Parameter, random: Random): Float32Array {
  const data = initializer(shape, random.fork(tensor.name));
  return weightOf({ [tensor.name]: data }, tensor);
}

function sizeOf(tensor: Tensor): number {
  return tensor.shape.reduce<number>((product, dim) => product * Number(dim), 1);
}

function floats(tensor: ort.Tensor): Float32Array {
  const { data } = tensor;
  if (!(data instanceof Float32Array)) throw shapeError("training", "float32 weights", tensor.type);
  return data;
}
