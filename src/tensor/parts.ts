/**
 * A training step in parts: loss and gradients of each part by itself, added up.
 *
 * A part of a few sequences stays in a core's cache from its forward pass to its gradients, needs a fraction of the
 * memory, and parts can be computed at the same time without waiting for each other inside of operators.
 */
import * as ort from "onnxruntime-node";
import { DROPOUT_KEY } from "./ops/dropout.ts";
import { type Feeds, toTensors, type Value } from "./session.ts";

/** A part of a step. */
export interface Part {
  readonly feeds: Feeds;
  /** What the part's loss and gradients count in those of the step; shares usually add up to 1. */
  readonly share: number;
}

/** A part as it is run. */
export interface PartRun extends Part {
  /** Chooses the masks of dropout, [0, 2^30). */
  readonly key: number;
}

/** Sums over parts, each times its share. */
export interface PartSums {
  /** Loss and metrics by name. */
  readonly values: Record<string, number>;
  /** By the names of the optimizer's inputs. */
  readonly gradients: Record<string, Gradient>;
}

export interface Gradient extends Value {
  readonly data: Float32Array;
}

/** The input by which the gradient of a part's loss is multiplied. */
export const SHARE = "step.share";
/** What a part's outputs of gradients begin with, before the name of a parameter. */
export const GRADIENT = "gradient.";
/** What their sums begin with, as inputs of the optimizer. */
export const SUM = "sum.";

/** Computes parts one after another. `weights` are the session's inputs beside feeds, share and key. */
export async function runParts(
  session: ort.InferenceSession,
  weights: Readonly<Record<string, ort.Tensor>>,
  parts: readonly PartRun[],
): Promise<PartSums> {
  const own = new Set([...Object.keys(weights), SHARE, DROPOUT_KEY]);
  const drops = session.inputNames.includes(DROPOUT_KEY);
  const sums: PartSums = { values: {}, gradients: {} };
  for (const { feeds, share, key } of parts) {
    const inputs = { ...weights, ...toTensors(session, feeds, own) };
    inputs[SHARE] = new ort.Tensor("float32", Float32Array.of(share), []);
    if (drops) inputs[DROPOUT_KEY] = new ort.Tensor("int64", BigInt64Array.of(BigInt(key)), []);
    const results = await session.run(inputs);
    for (const name of session.outputNames) {
      const { data, dims } = results[name]!;
      if (!(data instanceof Float32Array)) throw new Error(`expected float32 of "${name}"`);
      if (name.startsWith(GRADIENT)) addGradient(sums, SUM + name.slice(GRADIENT.length), { data, dims });
      else addValue(sums, name, share * data[0]!);
    }
  }
  return sums;
}

/** Adds `more` to `sums`, whose arrays it changes. */
export function addSums(sums: PartSums, more: PartSums): void {
  for (const [name, value] of Object.entries(more.values)) addValue(sums, name, value);
  for (const [name, gradient] of Object.entries(more.gradients)) addGradient(sums, name, gradient);
}

function addValue({ values }: PartSums, name: string, more: number): void {
  values[name] = (values[name] ?? 0) + more;
}

function addGradient({ gradients }: PartSums, name: string, more: Gradient): void {
  const sum = gradients[name]?.data;
  if (!sum) {
    gradients[name] = more;
    return;
  }
  const { data } = more;
  for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + data[i]!;
}
