/**
 * Running models in ONNX Runtime. A run blocks the thread that calls it (the Node binding computes on the caller's
 * thread), so serving runs one session a worker with one thread.
 */
import * as ort from "onnxruntime-node";
import { UpnextError } from "../core/index.ts";
import { printShape } from "./dims.ts";
import type { PlaceFeed } from "./shortlist.ts";

/** Numbers with their shape, row-major. Uint8Array also stands for bool, 0 or 1. */
export interface Value {
  readonly data: Float32Array | Int32Array | BigInt64Array | Uint8Array;
  readonly dims: readonly number[];
}

/** Inputs by name. */
export type Feeds = Readonly<Record<string, Value>>;

export interface LoadOptions {
  /** Threads of one operator; 1 unless told. */
  readonly threads?: number;
  /**
   * Whether threads that wait for work spin instead of sleeping; false unless told. Training shares the machine with
   * serving: on busy cores spinning took half again as much CPU and was slower.
   */
  readonly spinning?: boolean;
  /** Where operators run; "cpu" unless told. See `DeviceUsed` for what happens where there is no such device. */
  readonly device?: Device;
}

/**
 * "webgpu" is ONNX Runtime's WebGPU provider (experimental: Vulkan, Metal or Direct3D 12 through Dawn). Operators that
 * it does not have run on the CPU. Feeds and outputs, in training weights and moments too, cross to the device and
 * back with every run.
 */
export type Device = "cpu" | "webgpu";

/** Where a session runs: where it was asked to, or on the CPU, with what kept it from there. */
export type DeviceUsed =
  | { readonly name: Device }
  | { readonly name: "cpu"; readonly insteadOf: "webgpu"; readonly reason: string };

export interface Model {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly device: DeviceUsed;
  /**
   * Computes all outputs. Feeds are read, not copied, while the promise is open; outputs belong to the caller.
   * Rejects with `internal` where a feed is missing, unknown or of another type or shape, and `closed` after `close`.
   */
  run(feeds: Feeds, options?: RunOptions): Promise<Readonly<Record<string, Value>>>;
  /**
   * Of a model that computes on other threads, whose first output is a vector: from now on a run also has, under LIST,
   * what a look at all vectors of the feed leaves over of it (shortlist.ts), where it can be made.
   */
  listFrom?(feed: PlaceFeed): void;
  /** Frees the session. May be called again. */
  close(): Promise<void>;
}

/** The name of the list among the outputs. */
export const LIST = "shortlist";

export interface RunOptions {
  /** Asked where a call had to wait for a thread: one that nobody waits for any more is rejected, not computed. */
  readonly expired?: () => boolean;
}

/** Loads an ONNX file; rejects with `bundle_corrupt` where ONNX Runtime does not take it. */
export type ModelLoader = (bytes: Uint8Array) => Promise<Model>;

/** Loads an ONNX file; rejects with `bundle_corrupt` where ONNX Runtime does not take it. */
export async function loadModel(bytes: Uint8Array, options: LoadOptions = {}): Promise<Model> {
  const { session, device } = await openSession(bytes, options);
  let closed = false;
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    device,
    async run(feeds) {
      if (closed) throw new UpnextError("closed", "tensor: run: the model was closed");
      const results = await session.run(toTensors(session, feeds));
      const out: Record<string, Value> = {};
      for (const name of session.outputNames) out[name] = toValue(name, results[name]!);
      return out;
    },
    async close() {
      if (closed) return;
      closed = true;
      await session.release();
    },
  };
}

export interface OpenSession {
  readonly session: ort.InferenceSession;
  readonly device: DeviceUsed;
}

/** A session on the device that `options` ask for, or on the CPU where that one cannot be had. */
export async function openSession(bytes: Uint8Array, options: LoadOptions): Promise<OpenSession> {
  const { device = "cpu" } = options;
  if (device === "cpu") return { session: await openOnCpu(bytes, options), device: { name: "cpu" } };
  try {
    return { session: await createSession(bytes, options, [device, "cpu"]), device: { name: device } };
  } catch (cause) {
    const session = await openOnCpu(bytes, options);
    return { session, device: { name: "cpu", insteadOf: device, reason: reason(cause) } };
  }
}

async function openOnCpu(bytes: Uint8Array, options: LoadOptions): Promise<ort.InferenceSession> {
  try {
    return await createSession(bytes, options, ["cpu"]);
  } catch (cause) {
    throw new UpnextError(
      "bundle_corrupt",
      `tensor: expected a model that ONNX Runtime loads, came ${bytes.length} bytes that it refuses: ${reason(cause)}`,
      { cause },
    );
  }
}

function createSession(
  bytes: Uint8Array,
  { threads = 1, spinning = false }: LoadOptions,
  executionProviders: readonly string[],
): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(bytes, {
    executionProviders,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    extra: { session: { intra_op: { allow_spinning: spinning ? "1" : "0" } } },
    // Errors alone: warnings tell of optimizations that ONNX Runtime did not do.
    logSeverityLevel: 3,
  });
}

/** One line. */
function reason(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).replace(/\s+/g, " ").trim();
}

/** What ONNX Runtime has computed, over the same memory. */
export function toValue(name: string, tensor: ort.Tensor): Value {
  const { data, dims } = tensor;
  if (
    data instanceof Float32Array ||
    data instanceof Int32Array ||
    data instanceof BigInt64Array ||
    data instanceof Uint8Array
  ) {
    return { data, dims };
  }
  throw new UpnextError(
    "internal",
    `tensor: output "${name}": expected float32, integers or bool, came ${tensor.type}`,
  );
}

/** ONNX Runtime's tensors over the same memory, checked against what the session declares. */
export function toTensors(
  session: ort.InferenceSession,
  feeds: Feeds,
  /** Inputs that the caller feeds itself. */
  except?: ReadonlySet<string>,
): Record<string, ort.Tensor> {
  const tensors: Record<string, ort.Tensor> = {};
  const sizes = new Map<string, number>();
  let count = 0;
  for (const meta of session.inputMetadata) {
    if (!meta.isTensor || except?.has(meta.name)) continue;
    const value = feeds[meta.name];
    if (!value) throw feedError(meta.name, `${meta.type} ${printShape(meta.shape)}`, "nothing");
    tensors[meta.name] = toTensor(meta.name, meta.type, meta.shape, value, sizes);
    count++;
  }
  if (Object.keys(feeds).length !== count) {
    const unknown = Object.keys(feeds).filter((name) => !(name in tensors));
    throw feedError(
      unknown.join('", "'),
      `the inputs "${Object.keys(tensors).join('", "')}"`,
      "another name",
    );
  }
  return tensors;
}

function toTensor(
  name: string,
  type: ort.Tensor.Type,
  shape: readonly (number | string)[],
  { data, dims }: Value,
  sizes: Map<string, number>,
): ort.Tensor {
  const expected = (): string => `${type} ${printShape(shape)}`;
  const came = (): string => `${data.constructor.name} ${printShape(dims)} of ${data.length} values`;
  let size = 1;
  let fits = dims.length === shape.length;
  for (let axis = 0; fits && axis < dims.length; axis++) {
    const [declared, dim] = [shape[axis]!, dims[axis]!];
    size *= dim;
    if (typeof declared === "number") fits = dim === declared;
    else if (sizes.has(declared)) fits = dim === sizes.get(declared);
    else sizes.set(declared, dim);
  }
  if (!fits || size !== data.length) throw feedError(name, expected(), came());
  if (type === "float32" && data instanceof Float32Array) return new ort.Tensor(type, data, dims);
  if (type === "int32" && data instanceof Int32Array) return new ort.Tensor(type, data, dims);
  if (type === "int64" && data instanceof BigInt64Array) return new ort.Tensor(type, data, dims);
  if ((type === "uint8" || type === "bool") && data instanceof Uint8Array) {
    return new ort.Tensor(type, data, dims);
  }
  throw feedError(name, expected(), came());
}

export function feedError(name: string, expected: string, came: string): UpnextError {
  return new UpnextError("internal", `tensor: feed "${name}": expected ${expected}, came ${came}`);
}
