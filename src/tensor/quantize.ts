/**
 * Products with weights in 8 bits, for serving: symmetric weights with a scale for each column, and activations with a
 * range that is fixed when the file is written, so that a row's result does not depend on the rows beside it (a range
 * taken from the batch, as DynamicQuantizeLinear does, would). What lies between the products stays float32.
 *
 * Weights take 7 of the 8 bits. Products of unsigned bytes with signed ones are by far the fastest (500 × 620 × 64 took
 * 0.13 ms of CPU, with unsigned weights 0.27 and in float32 0.41; medians of 21), but processors without VNNI add pairs
 * of them in 16 bits: with 8 bits on both sides these would saturate, and scores depend on the machine
 * (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html).
 */
import type { Graph, Parameter, Tensor } from "./graph.ts";
import type { OnnxInitializer, OnnxNode } from "./onnx-writer.ts";

/** The smallest and the largest number of each value of a graph that meets weights, by its name. */
export type Ranges = ReadonlyMap<string, { readonly low: number; readonly high: number }>;

/**
 * Smaller matrices stay float32: to round what meets them takes as long as they save. A transformer of width 32 was no
 * faster with its blocks in 8 bits too, and its logits were twice as far off.
 */
const LEAST_WEIGHTS = 4096;
const LEAST_COLUMNS = 16;
/** Levels of an activation, and of a weight on each side of 0. */
const LEVELS = 255;
const SIDE = 63;

/** A product of an activation and a matrix of weights. */
interface Product {
  readonly node: OnnxNode;
  readonly activation: string;
  readonly weights: Parameter;
}

/** The products of `nodes` that 8 bits are for. */
export function productsOf(nodes: readonly OnnxNode[], graph: Graph): readonly Product[] {
  const matrices = new Map(graph.parameters.map((parameter) => [parameter.tensor.name, parameter]));
  return nodes.flatMap((node): Product[] => {
    const [activation, matrix] = node.inputs;
    const weights = matrices.get(matrix ?? "");
    if (node.op !== "MatMul" || !weights || weights.shape.length !== 2) return [];
    const [rows, columns] = [weights.shape[0]!, weights.shape[1]!];
    if (columns < LEAST_COLUMNS || rows * columns < LEAST_WEIGHTS) return [];
    return [{ node, activation: activation!, weights }];
  });
}

/** The nodes with their products in 8 bits, and the constants that these read. */
export function quantized(
  nodes: readonly OnnxNode[],
  graph: Graph,
  numbersOf: (weights: Tensor) => Float32Array,
  ranges: Ranges,
): { readonly nodes: readonly OnnxNode[]; readonly constants: readonly OnnxInitializer[] } {
  const products = new Map(productsOf(nodes, graph).map((product) => [product.node, product]));
  const constants = new Map<string, OnnxInitializer>();
  const added = new Map<string, OnnxNode>();
  const keep = (constant: OnnxInitializer): string => {
    constants.set(constant.name, constant);
    return constant.name;
  };
  const out: OnnxNode[] = [];
  const done = new Set<OnnxNode>();
  for (const node of nodes) {
    if (done.has(node)) continue;
    const product = products.get(node);
    const range = product && ranges.get(product.activation);
    if (!product || !range) {
      out.push(node);
      continue;
    }
    const { scale, zero } = steps(range);
    const { name } = product.weights.tensor;
    const bytes = `${product.activation}.uint8`;
    const scaleName = keep(float32(`${bytes}.scale`, [], Float32Array.of(scale)));
    const zeroName = keep(bytes8(`${bytes}.zero`, "uint8", [], Uint8Array.of(zero)));
    if (!added.has(bytes)) {
      const from = unclipped(product.activation, nodes);
      added.set(bytes, standard("QuantizeLinear", [from, scaleName, zeroName], bytes));
      out.push(added.get(bytes)!);
    }
    const columns = byColumn(numbersOf(product.weights.tensor), product.weights.shape[1]!);
    const bias = biasOf(node, nodes, graph);
    if (bias) done.add(bias.node);
    out.push({
      op: "MatMulIntegerToFloat",
      domain: "com.microsoft",
      inputs: [
        bytes,
        keep(bytes8(`${name}.int8`, "int8", product.weights.shape, columns.levels)),
        scaleName,
        keep(float32(`${name}.scales`, [columns.scales.length], columns.scales)),
        zeroName,
        "",
        ...(bias ? [bias.name] : []),
      ],
      outputs: bias ? bias.node.outputs : node.outputs,
      attributes: {},
    });
  }
  return { nodes: out, constants: [...constants.values()] };
}

/** The step between levels of a range with 0 in it, and the level of 0. */
function steps({ low, high }: { readonly low: number; readonly high: number }) {
  const [from, to] = [Math.min(0, low), Math.max(0, high)];
  const scale = to > from ? (to - from) / LEVELS : 1;
  return { scale, zero: Math.round(-from / scale) };
}

/** (K, N) as levels around 0 and the N steps. */
function byColumn(
  weights: Float32Array,
  columns: number,
): { readonly levels: Int8Array; readonly scales: Float32Array } {
  const largest = new Float32Array(columns);
  weights.forEach((weight, i) => {
    largest[i % columns] = Math.max(largest[i % columns]!, Math.abs(weight));
  });
  const scales = largest.map((value) => (value > 0 ? value / SIDE : 1));
  const levels = Int8Array.from(weights, (weight, i) => Math.round(weight / scales[i % columns]!));
  return { levels, scales };
}

/** What a value was before it was clipped: its range lies within the bounds, and to take levels clips again. */
function unclipped(name: string, nodes: readonly OnnxNode[]): string {
  const maker = nodes.find(({ outputs }) => outputs[0] === name);
  return maker?.op === "Clip" ? maker.inputs[0]! : name;
}

/** The vector that is added to a product, and the node that adds it, where nothing else reads the product. */
function biasOf(
  { outputs }: OnnxNode,
  nodes: readonly OnnxNode[],
  graph: Graph,
): { readonly name: string; readonly node: OnnxNode } | undefined {
  const readers = nodes.filter(({ inputs }) => inputs.includes(outputs[0]!));
  const [node] = readers;
  if (readers.length !== 1 || node?.op !== "Add") return undefined;
  const name = node.inputs.find((input) => input !== outputs[0]);
  const vector = graph.parameters.find(({ tensor }) => tensor.name === name);
  return vector?.shape.length === 1 ? { name: vector.tensor.name, node } : undefined;
}

function standard(op: string, inputs: readonly string[], output: string): OnnxNode {
  return { op, domain: "", inputs, outputs: [output], attributes: {} };
}

function float32(name: string, shape: readonly number[], data: Float32Array): OnnxInitializer {
  return { name, dtype: "float32", shape, bytes: new Uint8Array(data.buffer) };
}

function bytes8(
  name: string,
  dtype: "int8" | "uint8",
  shape: readonly number[],
  { buffer }: Int8Array | Uint8Array,
): OnnxInitializer {
  return { name, dtype, shape, bytes: new Uint8Array(buffer) };
}
