/** First values of parameters. Each parameter draws from its own stream, so that adding one changes no other. */
import type { Initializer } from "./graph.ts";

export const zeros: Initializer = (shape) => new Float32Array(size(shape));

export const ones: Initializer = (shape) => new Float32Array(size(shape)).fill(1);

/** Normal around 0. */
export function normal(deviation: number): Initializer {
  return (shape, random) => Float32Array.from({ length: size(shape) }, () => random.normal() * deviation);
}

/** Uniform with variance 2 / (fan in + fan out), of the last two axes (Glorot, Bengio 2010). */
export const glorot: Initializer = (shape, random) => {
  const [rows, columns] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1];
  const bound = Math.sqrt(6 / (rows + columns));
  return Float32Array.from({ length: size(shape) }, () => (2 * random.next() - 1) * bound);
};

/** The given numbers, which must fit the shape. */
export function values(data: ArrayLike<number>): Initializer {
  return () => Float32Array.from(data);
}

function size(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}
