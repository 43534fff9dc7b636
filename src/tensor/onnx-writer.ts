/**
 * Writes ONNX models: the part of the protobuf wire format and of onnx.proto3 that graphs of this engine need.
 *
 * Field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3. Large weights are referred to,
 * not copied, until the one concatenation at the end.
 */

/** IR version 10 goes with operator set 21 (ONNX 1.16, 2024), which tools of the last years read. */
const IR_VERSION = 10;
const OPSET = 21;
const DOMAINS: readonly (readonly [domain: string, version: number])[] = [
  ["", OPSET],
  ["com.microsoft", 1],
];

/** TensorProto.DataType of the element types in use. */
export const ELEMENT = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9 } as const;
export type DType = keyof typeof ELEMENT;

export type Attribute =
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly graph: OnnxGraph };

export interface OnnxNode {
  readonly op: string;
  /** "" for the standard operators. */
  readonly domain: string;
  /** "" stands for an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface OnnxValueInfo {
  readonly name: string;
  readonly dtype: DType;
  /** A name stands for a dimension that is known at run time only. */
  readonly shape: readonly (number | string)[];
}

export interface OnnxInitializer {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Little-endian elements. */
  readonly bytes: Uint8Array;
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly initializers: readonly OnnxInitializer[];
}

/** A model whose top graph is `model`. */
export function encodeModel(model: OnnxGraph): Uint8Array {
  const out = new Message().int(1, IR_VERSION).string(2, "upnext").message(7, encodeGraph(model));
  for (const [domain, version] of DOMAINS) {
    // ONNX Runtime's own operators are named only where one is used, so that other tools take the rest.
    const used = domain === "" || model.nodes.some((node) => node.domain === domain);
    if (used) out.message(8, new Message().string(1, domain).int(2, version));
  }
  return out.bytes();
}

function encodeGraph({ name, nodes, inputs, outputs, initializers }: OnnxGraph): Message {
  const out = new Message();
  for (const node of nodes) out.message(1, encodeNode(node));
  out.string(2, name);
  for (const initializer of initializers) out.message(5, encodeInitializer(initializer));
  for (const input of inputs) out.message(11, encodeValueInfo(input));
  for (const output of outputs) out.message(12, encodeValueInfo(output));
  return out;
}

function encodeNode(node: OnnxNode): Message {
  const out = new Message();
  for (const input of node.inputs) out.string(1, input);
  for (const output of node.outputs) out.string(2, output);
  out.string(3, node.outputs[0] ?? "").string(4, node.op);
  for (const [name, attribute] of Object.entries(node.attributes)) {
    out.message(5, encodeAttribute(name, attribute));
  }
  return out.string(7, node.domain);
}

function encodeAttribute(name: string, attribute: Attribute): Message {
  const out = new Message().string(1, name);
  if ("float" in attribute) return out.float(2, attribute.float).int(20, 1);
  if ("int" in attribute) return out.int(3, attribute.int).int(20, 2);
  if ("string" in attribute) return out.string(4, attribute.string).int(20, 3);
  if ("graph" in attribute) return out.message(6, encodeGraph(attribute.graph)).int(20, 5);
  for (const value of attribute.ints) out.int(8, value);
  return out.int(20, 7);
}

function encodeInitializer(tensor: OnnxInitializer): Message {
  const out = new Message();
  for (const dim of tensor.shape) out.int(1, dim);
  return out.int(2, ELEMENT[tensor.dtype]).string(8, tensor.name).raw(9, tensor.bytes);
}

function encodeValueInfo(value: OnnxValueInfo): Message {
  const shape = new Message();
  for (const dim of value.shape) {
    shape.message(1, typeof dim === "number" ? new Message().int(1, dim) : new Message().string(2, dim));
  }
  const tensor = new Message().int(1, ELEMENT[value.dtype]).message(2, shape);
  return new Message().string(1, value.name).message(2, new Message().message(1, tensor));
}

const VARINT = 0;
const DELIMITED = 2;
const FIXED32 = 5;
const utf8 = new TextEncoder();

/** One protobuf message under construction: a list of byte pieces. */
class Message {
  private readonly pieces: Uint8Array[] = [];
  private length = 0;

  /** An int64 or enum field. */
  int(field: number, value: number): this {
    return this.push(varint((field << 3) | VARINT)).push(varint(value));
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.push(varint((field << 3) | FIXED32)).push(bytes);
  }

  string(field: number, value: string): this {
    return this.raw(field, utf8.encode(value));
  }

  raw(field: number, value: Uint8Array): this {
    return this.push(varint((field << 3) | DELIMITED))
      .push(varint(value.length))
      .push(value);
  }

  message(field: number, value: Message): this {
    this.push(varint((field << 3) | DELIMITED)).push(varint(value.length));
    for (const piece of value.pieces) this.push(piece);
    return this;
  }

  bytes(): Uint8Array {
    const out = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.pieces) {
      out.set(piece, at);
      at += piece.length;
    }
    return out;
  }

  private push(piece: Uint8Array): this {
    this.pieces.push(piece);
    this.length += piece.length;
    return this;
  }
}

/** Base 128, low bits first; negative numbers as the 64-bit two's complement. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
