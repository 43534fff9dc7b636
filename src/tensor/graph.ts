/**
 * The traced graph: calling operators on traced tensors writes down ONNX nodes, with every shape checked on the way.
 *
 * Beside the nodes stands the tape: for each differentiable step, how the gradient of its output becomes gradients of
 * its inputs. `gradients` (gradients.ts) reads the tape backwards and traces more nodes into the same graph, so a model,
 * its gradients and its optimizer are one graph, of which any part can be compiled.
 */
import { type Random, UpnextError } from "../core/index.ts";
import { canonical, type Dim, printShape, type Shape, termsOf } from "./dims.ts";
import type { Attribute, DType, OnnxNode } from "./onnx-writer.ts";

/** A value in a traced graph: its type and shape, not its numbers. */
export interface Tensor {
  readonly graph: Graph;
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** The first values of a parameter of `shape`, row-major. */
export type Initializer = (shape: readonly number[], random: Random) => Float32Array;

export interface Parameter {
  readonly tensor: Tensor;
  readonly shape: readonly number[];
  readonly initializer: Initializer;
}

export type ConstantData = Float32Array | Int32Array | BigInt64Array | Uint8Array;

export interface Constant {
  readonly tensor: Tensor;
  readonly data: ConstantData;
}

/** One differentiable step: gradients of `inputs` (undefined where there is none) from that of `output`. */
interface TapeStep {
  readonly output: Tensor;
  readonly inputs: readonly Tensor[];
  readonly backward: (gradient: Tensor) => readonly (Tensor | undefined)[];
}

export interface GraphOptions {
  /** Whether dropout drops. The same model function traced without it is what serving runs. */
  readonly training?: boolean;
}

export class Graph {
  readonly training: boolean;
  /** Whether what is traced from now on runs on one thread only: the sum of rows by id is then faster. */
  oneThread = false;
  readonly inputs: Tensor[] = [];
  readonly parameters: Parameter[] = [];
  readonly constants: Constant[] = [];
  readonly nodes: OnnxNode[] = [];
  readonly tape: TapeStep[] = [];
  private readonly names = new Set<string>();
  private readonly made = new Map<string, Tensor>();

  constructor(options: GraphOptions = {}) {
    this.training = options.training ?? false;
  }

  /** A value that is fed at run time. Names in `shape` are sizes that are known only then: "N", "B*L". */
  input(name: string, dtype: DType, shape: Shape): Tensor {
    const tensor = this.declare(name, dtype, shape);
    this.inputs.push(tensor);
    return tensor;
  }

  /** A weight: learned in training, part of the file in serving. float32. */
  parameter(name: string, shape: readonly number[], initializer: Initializer): Tensor {
    const tensor = this.declare(name, "float32", shape);
    this.parameters.push({ tensor, shape, initializer });
    return tensor;
  }

  /** Fixed numbers. The element type follows the array; a Uint8Array is uint8. */
  constant(data: ConstantData, shape: readonly number[], dtype: DType = dtypeOf(data)): Tensor {
    const size = shape.reduce((product, dim) => product * dim, 1);
    if (size !== data.length) {
      throw shapeError("constant", `${size} values for ${printShape(shape)}`, `${data.length}`);
    }
    const tensor = this.declare(this.freshName("constant"), dtype, shape);
    this.constants.push({ tensor, data });
    return tensor;
  }

  /** A float32 constant of shape []; one for each value. */
  scalar(value: number): Tensor {
    return this.once(`scalar ${value}`, () => this.constant(Float32Array.of(value), []));
  }

  /** An int64 constant of one axis; one for each list. */
  int64s(values: readonly number[]): Tensor {
    return this.once(`int64s ${values}`, () =>
      this.constant(
        BigInt64Array.from(values, (value) => BigInt(value)),
        [values.length],
      ),
    );
  }

  /** What `make` traced the first time under this key. */
  once(key: string, make: () => Tensor): Tensor {
    const known = this.made.get(key);
    if (known) return known;
    const tensor = make();
    this.made.set(key, tensor);
    return tensor;
  }

  /** Traces one ONNX node. Shapes are the caller's word: the operators in ops/ give and check them. */
  emit(
    op: string,
    inputs: readonly (Tensor | undefined)[],
    outputs: readonly { readonly dtype: DType; readonly shape: Shape }[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = "",
  ): readonly Tensor[] {
    for (const input of inputs) {
      if (input && input.graph !== this) {
        throw shapeError(op, "operands of one graph", `"${input.name}" of another graph`);
      }
    }
    const results = outputs.map(({ dtype, shape }) => this.declare(this.freshName(op), dtype, shape));
    this.nodes.push({
      op,
      domain,
      inputs: inputs.map((input) => input?.name ?? ""),
      outputs: results.map((result) => result.name),
      attributes,
    });
    return results;
  }

  /** Writes down how gradients flow through a step, and returns its output. */
  differentiable(
    output: Tensor,
    inputs: readonly Tensor[],
    backward: (gradient: Tensor) => readonly (Tensor | undefined)[],
  ): Tensor {
    // A step that had nothing to do gave its input back: on the tape its gradient would count twice.
    if (!inputs.includes(output)) this.tape.push({ output, inputs, backward });
    return output;
  }

  /** An input and its axis whose size at run time is `name`. */
  whereBound(name: string): { readonly input: Tensor; readonly axis: number } {
    for (const input of this.inputs) {
      const axis = input.shape.indexOf(name);
      if (axis >= 0) return { input, axis };
    }
    throw shapeError("graph", `an input with an axis of size "${name}"`, "none");
  }

  private declare(name: string, dtype: DType, shape: Shape): Tensor {
    if (this.names.has(name)) throw shapeError("graph", "names that are used once", `"${name}" again`);
    for (const dim of shape) checkDim(name, dim);
    this.names.add(name);
    return { graph: this, name, dtype, shape: shape.map(canonical) };
  }

  private freshName(op: string): string {
    let number = this.names.size;
    while (this.names.has(`${op}_${number}`)) number++;
    return `${op}_${number}`;
  }
}

/** A wrong call, found while tracing: says the operator, what was expected and what came. */
export function shapeError(op: string, expected: string, came: string): UpnextError {
  return new UpnextError("internal", `tensor: ${op}: expected ${expected}, came ${came}`);
}

function checkDim(name: string, dim: Dim): void {
  const good =
    typeof dim === "number"
      ? Number.isInteger(dim) && dim >= 0
      : termsOf(dim).every(({ names }) => names.every((part) => /^[A-Za-z_]\w*$/.test(part)));
  if (!good) throw shapeError(`"${name}"`, "sizes that are integers from 0 on or names", `${dim}`);
}

function dtypeOf(data: ConstantData): DType {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Int32Array) return "int32";
  return data instanceof BigInt64Array ? "int64" : "uint8";
}
