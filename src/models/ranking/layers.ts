/** Parts that the architectures share. Rows are flat: (N, width). A layer that is named twice has the same weights. */
import {
  add,
  dropout,
  type Graph,
  glorot,
  type Initializer,
  layerNorm,
  matmul,
  ones,
  silu,
  type Tensor,
  zeros,
} from "../../tensor/index.ts";
import type { Trace } from "./trace.ts";

/** x W: (N, from) → (N, to) */
export function project(x: Tensor, name: string, to: number, initializer: Initializer = glorot): Tensor {
  return matmul(x, weights(x.graph, `${name}.weights`, [Number(x.shape.at(-1)), to], initializer));
}

/** x W + b */
export function linear(x: Tensor, name: string, to: number, initializer: Initializer = glorot): Tensor {
  return add(project(x, name, to, initializer), weights(x.graph, `${name}.bias`, [to], zeros));
}

export function norm(x: Tensor, name: string): Tensor {
  const width = Number(x.shape.at(-1));
  const scale = weights(x.graph, `${name}.scale`, [width], ones);
  return layerNorm(x, scale, weights(x.graph, `${name}.bias`, [width], zeros));
}

/** What a hidden layer passes on. */
export function activate(x: Tensor, trace: Trace): Tensor {
  return dropSome(silu(x), trace);
}

export function dropSome(x: Tensor, trace: Trace): Tensor {
  return dropout(x, trace.shape.dropout, trace.nextDropout());
}

/** A parameter that may be asked for again. */
export function weights(
  graph: Graph,
  name: string,
  shape: readonly number[],
  initializer: Initializer,
): Tensor {
  return graph.once(`weights ${name}`, () => graph.parameter(name, shape, initializer));
}
