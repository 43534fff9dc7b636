/**
 * AdamW as a part of the training graph: I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019,
 * with clipping by the global norm of the gradients (R. Pascanu et al., ICML 2013).
 *
 * Of a table whose rows are sampled, a step changes only the rows that it uses, "lazily" as PyTorch's SparseAdam does:
 * the moments of the others do not decay, they do not move on by momentum, and their weights do not decay either, while
 * the bias correction counts all steps. A row whose first use comes late has moments of one gradient then, and no
 * correction any more: its step is (1 - β1) / √(1 - β2) learning rates long, 3.2 at the defaults, instead of one.
 */
import type { Graph, Parameter, Tensor } from "./graph.ts";
import { add, div, min, mul, sqrt, sub } from "./ops/raw.ts";
import { reduce } from "./ops/raw-layout.ts";
import { type State, type Target, traceState } from "./slots.ts";

export interface AdamWOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /**
   * Share of a parameter that is taken away a step, times the learning rate. By default 0.01 for matrices and 0 for
   * vectors (biases, scales), as is usual.
   */
  readonly weightDecay?: number | ((name: string, shape: readonly number[]) => number);
  /** What the learning rate of a parameter is times; 1 unless told. */
  readonly rateOf?: (name: string) => number;
  /** Gradients whose norm over all parameters is larger are scaled down to it; no clipping by default. */
  readonly clipNorm?: number;
}

/** What an optimizer traces into a graph. */
export interface Update {
  /** New values, in the order and of the shapes of the targets. */
  readonly values: readonly Tensor[];
  /** What it keeps from step to step, 0 at first. */
  readonly states: readonly State[];
  /** Norm of all gradients before clipping; shape []. */
  readonly gradientNorm: Tensor;
  /** Values of its scalar inputs at a step, counted from 1. */
  scalars(step: number, learningRate: number): Readonly<Record<string, number>>;
}

export interface Optimizer {
  /** `gradients` by the values of the targets, in their order. */
  trace(graph: Graph, targets: readonly Target[], gradients: readonly Tensor[]): Update;
}

export function adamW(options: AdamWOptions = {}): Optimizer {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.01, rateOf, clipNorm } = options;

  function decayOf({ tensor, shape }: Parameter): number {
    if (typeof weightDecay === "function") return weightDecay(tensor.name, shape);
    return shape.length >= 2 ? weightDecay : 0;
  }

  return {
    trace(graph, targets, gradients) {
      // rate m / (√v + ε) with rate = lr √(1 - β2ᵗ) / (1 - β1ᵗ) and ε = ε √(1 - β2ᵗ) is the bias-corrected step of the
      // paper, with the corrections on scalars instead of whole moments.
      const rate = graph.input("adamw.rate", "float32", []);
      const floor = graph.input("adamw.epsilon", "float32", []);
      const learningRate = graph.input("adamw.learningRate", "float32", []);
      const gradientNorm = normOf(gradients);
      const scale =
        clipNorm === undefined ? undefined : min(div(clipNorm, add(gradientNorm, 1e-6)), graph.scalar(1));

      const states: State[] = [];
      const values = targets.map((target, i) => {
        const { parameter, value } = target;
        const { tensor, shape } = parameter;
        const gradient = scale ? mul(gradients[i]!, scale) : gradients[i]!;
        const m = traceState(`adamw.m.${tensor.name}`, shape, target, (before) =>
          add(mul(before, beta1), mul(gradient, 1 - beta1)),
        );
        const v = traceState(`adamw.v.${tensor.name}`, shape, target, (before) =>
          add(mul(before, beta2), mul(mul(gradient, gradient), 1 - beta2)),
        );
        states.push(m, v);
        const decay = decayOf(parameter);
        const share = rateOf?.(tensor.name) ?? 1;
        const kept = decay === 0 ? value : mul(value, sub(1, mul(learningRate, decay * share)));
        const own = share === 1 ? rate : mul(rate, share);
        return sub(kept, mul(own, div(m.after, add(sqrt(v.after), floor))));
      });

      return {
        values,
        states,
        gradientNorm,
        scalars(step, lr) {
          const correction = Math.sqrt(1 - beta2 ** step);
          return {
            [rate.name]: (lr * correction) / (1 - beta1 ** step),
            [floor.name]: epsilon * correction,
            [learningRate.name]: lr,
          };
        },
      };
    },
  };
}

/** √Σ g² over all gradients. */
function normOf(gradients: readonly Tensor[]): Tensor {
  return sqrt(gradients.map((gradient) => reduce("ReduceSumSquare", gradient)).reduce(add));
}
