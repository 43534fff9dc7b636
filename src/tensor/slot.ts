/**
 * Values in memory that two threads share: a head of whole numbers, then the arrays.
 *
 * Head: model, number of values, then of each value its type, where it begins, and its dimensions. A slot is one thread's at a time; who has it is told by messages, so nothing here is atomic.
 */
import { UpnextError } from "../core/index.ts";
import type { Value } from "./session.ts";

const TYPES = [Float32Array, Int32Array, BigInt64Array, Uint8Array] as const;
/** Whole numbers of the head, and of one value in it: type, offset, number of dimensions, dimensions. */
const HEAD = 256;
const FIRST = 2;
const MOST_DIMS = 4;
const VALUE = 3 + MOST_DIMS;
/** Arrays begin at multiples of it. */
const ALIGN = 64;

/** Bytes that a slot needs for some values. */
export function slotBytes(values: readonly Value[]): number {
  let end = HEAD * 4;
  for (const { data } of values) end = aligned(end) + data.byteLength;
  return end;
}

/** Writes the values, and whose they are. They fit: see `slotBytes`. */
export function writeSlot(memory: SharedArrayBuffer, model: number, values: readonly Value[]): void {
  const head = new Int32Array(memory, 0, HEAD);
  if (FIRST + values.length * VALUE > HEAD || values.some(({ dims }) => dims.length > MOST_DIMS)) {
    throw new UpnextError(
      "internal",
      `tensor: expected at most ${Math.floor((HEAD - FIRST) / VALUE)} values of ${MOST_DIMS} dimensions for another thread, came ${values.length}`,
    );
  }
  head[0] = model;
  head[1] = values.length;
  let end = HEAD * 4;
  values.forEach(({ data, dims }, i) => {
    const at = FIRST + i * VALUE;
    const type = TYPES.findIndex((Type) => data instanceof Type);
    const from = aligned(end);
    end = from + data.byteLength;
    head[at] = type;
    head[at + 1] = from;
    head[at + 2] = dims.length;
    for (let axis = 0; axis < dims.length; axis++) head[at + 3 + axis] = dims[axis]!;
    new Uint8Array(memory, from, data.byteLength).set(
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    );
  });
}

/** The values as views of `memory`: a slot, or a copy of one. */
export function readSlot(memory: ArrayBufferLike): { readonly model: number; readonly values: Value[] } {
  const head = new Int32Array(memory, 0, HEAD);
  const values = Array.from({ length: head[1]! }, (_, i): Value => {
    const at = FIRST + i * VALUE;
    const dims = Array.from(head.subarray(at + 3, at + 3 + head[at + 2]!));
    const size = dims.reduce((product, dim) => product * dim, 1);
    return { data: new TYPES[head[at]!]!(memory as ArrayBuffer, head[at + 1]!, size), dims };
  });
  return { model: head[0]!, values };
}

/** Bytes from the beginning of a slot to the end of its last value. */
export function slotEnd(memory: SharedArrayBuffer): number {
  const { values } = readSlot(memory);
  const last = values.at(-1)?.data;
  return last === undefined ? HEAD * 4 : last.byteOffset + last.byteLength;
}

function aligned(at: number): number {
  return Math.ceil(at / ALIGN) * ALIGN;
}
