/** A fitted encoder as columns of a bundle, and back. */
import { type EncoderShape, sequenceReader } from "../../models/index.ts";
import { compileServing, Graph, type Parameter, type Weights } from "../../tensor/index.ts";
import type { Columns } from "../retriever.ts";
import type { AttributeSpace } from "./attributes.ts";

/** A trained encoder: what serving reads, and what a later training goes on from. */
export interface Encoder {
  readonly shape: EncoderShape;
  readonly space: AttributeSpace;
  /** By the names of models/sequence-encoder.ts. */
  readonly weights: Weights;
  /** Steps that it was trained for. */
  readonly steps: number;
}

/** Whole numbers of the column `shape`, in this order. */
const NUMBERS = [
  "items",
  "attributes",
  "attributesPerItem",
  "width",
  "heads",
  "blocks",
  "inner",
  "length",
] as const satisfies readonly (keyof EncoderShape)[];
/** Weights that are columns of their own; the others are one after another in the column `network`. */
const TABLES = { items: "items", unknown: "unknown", attributes: "attributes.table" } as const;

/** The column with the network as an ONNX file. */
export const READER = "reader.onnx";

/** The network that serves: `vectors` (B, L, width) and `last` (B) → `users` (B, width), as an ONNX file. */
export function readerOf({ shape, weights }: Pick<Encoder, "shape" | "weights">): Uint8Array {
  return compileServing({ users: sequenceReader(new Graph(), shape) }, weights);
}

/** null where nothing could be fitted: one column, so that the bundle has the source. */
export function columnsOf(encoder: Encoder | null): Columns {
  if (encoder === null) return { shape: new Int32Array(0) };
  const { shape, space, weights, steps } = encoder;
  const parts = networkOf(shape).map(({ tensor }) => weights[tensor.name]!);
  const network = new Float32Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    network.set(part, at);
    at += part.length;
  }
  return {
    shape: Int32Array.from([...NUMBERS.map((name) => shape[name]), space.categories, space.creators, steps]),
    network,
    [READER]: readerOf(encoder),
    ...Object.fromEntries(Object.entries(TABLES).map(([column, name]) => [column, weights[name]!])),
  };
}

/** null where nothing was fitted. */
export function encoderOf(columns: Columns): Encoder | null {
  const numbers = [...(columns["shape"] ?? [])];
  if (numbers.length === 0) return null;
  const [categories, creators, steps] = numbers.slice(NUMBERS.length) as [number, number, number]; // as written above
  const shape = {
    ...(Object.fromEntries(NUMBERS.map((name, i) => [name, numbers[i]!])) as Record<
      (typeof NUMBERS)[number],
      number
    >),
    inputDropout: 0,
    dropout: 0,
  };
  const weights: Record<string, Float32Array> = {};
  const network = columns["network"] as Float32Array;
  let at = 0;
  for (const { tensor, shape: dims } of networkOf(shape)) {
    const size = dims.reduce((product, dim) => product * dim, 1);
    weights[tensor.name] = network.slice(at, at + size);
    at += size;
  }
  for (const [column, name] of Object.entries(TABLES)) weights[name] = columns[column] as Float32Array;
  return { shape, space: { categories, creators }, weights, steps };
}

/** The parameters of the network beside the tables of items and attributes. */
function networkOf(shape: EncoderShape): readonly Parameter[] {
  const graph = new Graph();
  sequenceReader(graph, shape);
  return graph.parameters;
}
