/**
 * AdamW as a part of the training graph: I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019,
 * with clipping by the global norm of the gradients (R. Pascanu et al., ICML 2013).
 */
import type { Graph, Parameter, Tensor } from "./graph.ts";
import { add, div, min, mul, sqrt, sub } from "./ops/raw.ts";
import { reduce } from "./ops/raw-layout.ts";

export interface AdamWOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /**
   * Share of a parameter that is taken away a step, times the learning rate. By default 0.01 for matrices and 0 for
   * vectors (biases, scales), as is usual.
   */
  readonly weightDecay?: number | ((name: string, shape: readonly number[]) => number);
  /** Gradients whose norm over all parameters is larger are scaled down to it; no clipping by default. */
  readonly clipNorm?: number;
}

/** What an optimizer traces into a graph. */
export interface Update {
  /** New values, in the order of the parameters. */
  readonly parameters: readonly Tensor[];
  /** What it keeps from step to step, 0 at first. */
  readonly states: readonly { readonly before: Tensor; readonly after: Tensor }[];
  /** Norm of all gradients before clipping; shape []. */
  readonly gradientNorm: Tensor;
  /** Values of its scalar inputs at a step, counted from 1. */
  scalars(step: number, learningRate: number): Readonly<Record<string, number>>;
}

export interface Optimizer {
  trace(graph: Graph, parameters: readonly Parameter[], gradients: readonly Tensor[]): Update;
}

export function adamW(options: AdamWOptions = {}): Optimizer {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.01, clipNorm } = options;

  function decayOf({ tensor, shape }: Parameter): number {
    if (typeof weightDecay === "function") return weightDecay(tensor.name, shape);
    return shape.length >= 2 ? weightDecay : 0;
  }

  return {
    trace(graph, parameters, gradients) {
      // rate m / (√v + ε) with rate = lr √(1 - β2ᵗ) / (1 - β1ᵗ) and ε = ε √(1 - β2ᵗ) is the bias-corrected step of the
      // paper, with the corrections on scalars instead of whole moments.
      const rate = graph.input("adamw.rate", "float32", []);
      const floor = graph.input("adamw.epsilon", "float32", []);
      const learningRate = graph.input("adamw.learningRate", "float32", []);
      const gradientNorm = normOf(gradients);
      const scale =
        clipNorm === undefined ? undefined : min(div(clipNorm, add(gradientNorm, 1e-6)), graph.scalar(1));

      const states: { before: Tensor; after: Tensor }[] = [];
      const updated = parameters.map((parameter, i) => {
        const { tensor, shape } = parameter;
        const gradient = scale ? mul(gradients[i]!, scale) : gradients[i]!;
        const m = graph.input(`adamw.m.${tensor.name}`, "float32", shape);
        const v = graph.input(`adamw.v.${tensor.name}`, "float32", shape);
        const m2 = add(mul(m, beta1), mul(gradient, 1 - beta1));
        const v2 = add(mul(v, beta2), mul(mul(gradient, gradient), 1 - beta2));
        states.push({ before: m, after: m2 }, { before: v, after: v2 });
        const decay = decayOf(parameter);
        const kept = decay === 0 ? tensor : mul(tensor, sub(1, mul(learningRate, decay)));
        return sub(kept, mul(rate, div(m2, add(sqrt(v2), floor))));
      });

      return {
        parameters: updated,
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
