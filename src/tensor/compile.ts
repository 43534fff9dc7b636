/** From a traced graph to an ONNX file: the nodes that the chosen outputs need, and nothing else. */
import { UpnextError } from "../core/index.ts";
import { printShape } from "./dims.ts";
import type { Tensor } from "./graph.ts";
import { encodeModel, type OnnxInitializer, type OnnxNode } from "./onnx-writer.ts";
import { quantized, type Ranges } from "./quantize.ts";

/** Values of parameters by name, row-major. */
export type Weights = Readonly<Record<string, Float32Array>>;

/** The outputs of a model by the name under which a run returns them. */
export type Outputs = Readonly<Record<string, Tensor>>;

export interface ServingOptions {
  /** What `calibrate` found of these outputs: products with weights are in 8 bits. float32 unless told. */
  readonly int8?: Ranges;
}

/**
 * The ONNX file of a serving model: weights are part of it, training's nodes are not. The bytes depend on the trace,
 * the weights and the options alone.
 */
export function compileServing(outputs: Outputs, weights: Weights, options: ServingOptions = {}): Uint8Array {
  return compile(outputs, weights, [], options.int8);
}

/** With `weights` undefined, parameters are inputs of the file; so are values `given` that the graph would compute. */
export function compile(
  outputs: Outputs,
  weights: Weights | undefined,
  given: readonly Tensor[] = [],
  ranges?: Ranges,
): Uint8Array {
  const graph = Object.values(outputs)[0]?.graph;
  if (!graph) throw new UpnextError("internal", "tensor: compile: expected one output at least, came none");
  const ends = Object.values(outputs);
  const traced = reachable(graph.nodes, ends, given);
  const eight =
    weights && ranges && quantized(traced.nodes, graph, (tensor) => weightOf(weights, tensor), ranges);
  const { nodes, used } = eight ? reachable(eight.nodes, ends) : traced;
  for (const [name, tensor] of Object.entries(outputs)) {
    if (
      graph.inputs.some((input) => input.name === name) ||
      graph.parameters.some((p) => p.tensor.name === name)
    ) {
      throw new UpnextError(
        "internal",
        `tensor: compile: expected output names apart from inputs and parameters, came "${name}"`,
      );
    }
    nodes.push({ op: "Identity", domain: "", inputs: [tensor.name], outputs: [name], attributes: {} });
  }
  const parameters = graph.parameters.filter(({ tensor }) => used.has(tensor.name));
  const initializers: OnnxInitializer[] = graph.constants
    .filter(({ tensor }) => used.has(tensor.name))
    .map(({ tensor, data }) => initializer(tensor, data));
  if (weights) {
    for (const { tensor } of parameters) initializers.push(initializer(tensor, weightOf(weights, tensor)));
  }
  return encodeModel({
    name: "upnext",
    nodes,
    inputs: [
      ...graph.inputs.filter((input) => used.has(input.name)),
      ...(weights ? [] : parameters.map(({ tensor }) => tensor)),
      ...given.filter(({ name }) => used.has(name)),
    ],
    outputs: Object.entries(outputs).map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
    initializers: [...initializers, ...(eight?.constants ?? [])],
  });
}

/** The weights of a parameter; rejects what is missing or of another size. */
export function weightOf(weights: Weights, tensor: Tensor): Float32Array {
  const data = weights[tensor.name];
  const size = tensor.shape.reduce<number>((product, dim) => product * Number(dim), 1);
  if (data?.length !== size) {
    throw new UpnextError(
      "internal",
      `tensor: weights: expected ${size} values for "${tensor.name}" ${printShape(tensor.shape)}, came ${data?.length ?? "none"}`,
    );
  }
  return data;
}

/** The nodes that `outputs` need beside what is given, in the order of the trace, and the names of all they read. */
export function reachable(
  all: readonly OnnxNode[],
  outputs: readonly Tensor[],
  given: readonly Tensor[] = [],
): { readonly nodes: OnnxNode[]; readonly used: ReadonlySet<string> } {
  const used = new Set(outputs.map((output) => output.name));
  const known = new Set(given.map(({ name }) => name));
  const nodes: OnnxNode[] = [];
  for (let at = all.length - 1; at >= 0; at--) {
    const node = all[at]!;
    if (!node.outputs.some((output) => used.has(output) && !known.has(output))) continue;
    nodes.push(node);
    for (const input of node.inputs) used.add(input);
  }
  return { nodes: nodes.reverse(), used };
}

function initializer({ name, dtype, shape }: Tensor, data: ArrayBufferView): OnnxInitializer {
  return {
    name,
    dtype,
    shape: shape.map(Number),
    // Typed arrays are little-endian on every machine that Node and ONNX Runtime support, as the format is.
    bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  };
}
