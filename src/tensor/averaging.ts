/**
 * Exponential moving averages of all parameters: a ← d a + (1 - d) w after each step t, with d = min(decay,
 * (1 + t) / (10 + t)), so that the first values are soon forgotten (B. T. Polyak, A. B. Juditsky, "Acceleration of
 * stochastic approximation by averaging", 1992; the warm-up is that of TensorFlow's ExponentialMovingAverage).
 *
 * While a row of a table is not used its weights w stand still, and k steps of the above are one: a - w shrinks by the
 * product of their d. So only the rows that a step uses are touched, after catching up with what they missed, and the
 * average is exact at a cost that does not grow with the table: of 200,000 rows of 64 numbers, 4,000 used by a step, it
 * took 4 ms of CPU a step, and a pass over the whole table 46 ms (medians of 20 interleaved steps on one thread).
 */
import { type Graph, shapeError, type Tensor } from "./graph.ts";
import { add, exp, mul, sub } from "./ops/raw.ts";
import { expand, reshape } from "./ops/raw-layout.ts";
import { type Slot, type State, type Target, traceState } from "./slots.ts";

export interface AveragingOptions {
  /** Share of the average that stays at a step, between 0 and 1; 0.999 looks back about 1,000 steps. */
  readonly decay: number;
}

export interface Averages {
  /** In the order of the targets. */
  readonly parameters: readonly {
    /** Starts from the first values of the parameter. */
    readonly value: State;
    /** Of rows: the log of the product of all d up to a row's last use, (V); 0 at first. */
    readonly mark: State | undefined;
  }[];
  /** Values of its scalar inputs at a step, counted from 1. */
  scalars(step: number): Readonly<Record<string, number>>;
  /** The mark of a row that is used at this step. */
  markAt(step: number): number;
}

/** Traces the averages over `updated`, the new values of the targets in their order. */
export function traceAverages(
  graph: Graph,
  targets: readonly Target[],
  updated: readonly Tensor[],
  { decay }: AveragingOptions,
): Averages {
  if (!(decay > 0 && decay < 1)) throw shapeError("averaging", "a decay between 0 and 1", `${decay}`);
  const rate = graph.input("average.rate", "float32", []);
  const toward = (average: Tensor, value: Tensor): Tensor => add(average, mul(sub(value, average), rate));
  // Only tables of rows read the marks; inputs that nothing reads are not part of the file.
  const sampled = targets.some(({ ids }) => ids);
  const mark = sampled ? graph.input("average.mark", "float32", []) : undefined;
  const lastMark = sampled ? graph.input("average.lastMark", "float32", []) : undefined;

  const parameters = targets.map((target, i) => {
    const { parameter, value, ids } = target;
    const { tensor, shape } = parameter;
    const after = updated[i]!;
    const seen =
      ids && mark
        ? traceState(`average.mark.${tensor.name}`, shape.slice(0, 1), target, () => expand(mark, ids.shape))
        : undefined;
    const average = traceState(`average.${tensor.name}`, shape, target, (before) => {
      if (!seen || !lastMark) return toward(before, after);
      const missed = exp(sub(lastMark, seen.before)); // (U)
      const column = reshape(missed, [missed.shape[0]!, ...value.shape.slice(1).map(() => 1)]);
      return toward(add(value, mul(sub(before, value), column)), after);
    });
    return { value: average, mark: seen };
  });

  const markAt = (step: number): number => Math.fround(logOfProduct(decay, step));
  return {
    parameters,
    markAt,
    scalars(step) {
      const d = Math.min(decay, (1 + step) / (10 + step));
      const own = { [rate.name]: 1 - d };
      return mark && lastMark
        ? { ...own, [mark.name]: markAt(step), [lastMark.name]: markAt(step - 1) }
        : own;
    },
  };
}

/** The slots of a parameter: its numbers, their average and, where its rows are sampled, their marks. */
export interface AveragedSlots {
  readonly weights: Slot;
  readonly average: Slot;
  readonly marks: Slot | undefined;
}

/** A copy of the average as of a step that has `mark`. */
export function averageAt({ weights, average, marks }: AveragedSlots, mark: number): Float32Array {
  const out = average.data.slice();
  if (!marks) return out;
  const width = out.length / marks.data.length;
  marks.data.forEach((used, row) => {
    const missed = Math.exp(mark - used);
    for (let at = row * width; at < (row + 1) * width; at++) {
      const weight = weights.data[at]!;
      out[at] = weight + (out[at]! - weight) * missed;
    }
  });
  return out;
}

/** Lets the average start again from the weights. */
export function restartAverage({ weights, average, marks }: AveragedSlots, mark: number): void {
  average.data.set(weights.data);
  marks?.data.fill(mark);
}

/**
 * log Π min(decay, (1 + i) / (10 + i)) over i = 1 .. step. The product of the fractions telescopes: over 1 .. n it is
 * 10! / ((n + 2) (n + 3) ... (n + 10)).
 */
function logOfProduct(decay: number, step: number): number {
  const warm = Math.min(step, Math.max(0, Math.ceil((10 * decay - 1) / (1 - decay)) - 1));
  let log = (step - warm) * Math.log(decay);
  for (let k = 2; k <= 10; k++) log += Math.log(k / (warm + k));
  return log;
}
