/** Computes the parts of training steps on this thread and on others, each with a session of its own. */
import type * as ort from "onnxruntime-node";
import { UpnextError } from "../core/index.ts";
import { addSums, type Gradient, type PartRun, type PartSums, runParts } from "./parts.ts";
import { type DeviceUsed, type Feeds, type LoadOptions, openSession } from "./session.ts";
import { startThread } from "./thread.ts";

export interface PartPoolOptions extends LoadOptions {
  /** Threads, the calling one among them; 1 unless told, and always 1 on a device. */
  readonly workers?: number;
}

export interface PartPool {
  readonly session: ort.InferenceSession;
  readonly device: DeviceUsed;
  /**
   * Sums over the parts, of which worker w has w, w + workers, ...: equal numbers of parts and workers add in the same
   * order. `weights` are the graph's inputs beside feeds, share and key. One call at a time.
   */
  run(weights: Readonly<Record<string, ort.Tensor>>, parts: readonly PartRun[]): Promise<PartSums>;
  close(): Promise<void>;
}

/** What a worker is asked. */
export interface PartRequest {
  readonly weights: Readonly<Record<string, Gradient>>;
  readonly parts: readonly PartRun[];
}

export type PartAnswer = { readonly sums: PartSums } | { readonly error: string };

/** Sessions over the graph in `bytes`. */
export async function openPartPool(bytes: Uint8Array, options: PartPoolOptions): Promise<PartPool> {
  const { workers = 1, threads = 1, spinning = false } = options;
  const { session, device } = await openSession(bytes, options);
  const helpers = Array.from({ length: device.name === "cpu" ? workers - 1 : 0 }, () =>
    startHelper({ bytes, options: { threads, spinning } }),
  );
  const computing = helpers.length + 1;
  return {
    session,
    device,
    async run(weights, parts) {
      const partsOf = (thread: number): PartRun[] => parts.filter((_, i) => i % computing === thread);
      // Asked before this thread computes, since that blocks it.
      const others = helpers
        .slice(0, Math.max(0, parts.length - 1))
        .map((helper, i) => helper.ask(weights, partsOf(i + 1)));
      // All have ended before anything is thrown: nobody asks a helper twice at a time.
      const [own, ...answers] = await Promise.allSettled([runParts(session, weights, partsOf(0)), ...others]);
      const sums = fulfilled(own);
      for (const answer of answers) addSums(sums, fulfilled(answer));
      return sums;
    },
    async close() {
      await Promise.all([session.release(), ...helpers.map((helper) => helper.close())]);
    },
  };
}

function fulfilled(result: PromiseSettledResult<PartSums>): PartSums {
  if (result.status === "rejected") throw result.reason;
  return result.value;
}

/** Another thread, one question at a time. */
interface Helper {
  /** Copies what it is given before it returns. */
  ask(weights: Readonly<Record<string, ort.Tensor>>, parts: readonly PartRun[]): Promise<PartSums>;
  close(): Promise<void>;
}

function startHelper(data: { readonly bytes: Uint8Array; readonly options: LoadOptions }): Helper {
  const worker = startThread("part-worker", data);
  // It keeps the process alive only while it is asked something.
  worker.unref();
  /** Why it has ended. */
  let ended: { readonly reason: string; readonly cause?: Error } | undefined;
  let settle: ((answer: PartAnswer) => void) | undefined;
  worker
    .on("message", (answer: PartAnswer) => settle?.(answer))
    .on("error", (cause) => {
      ended = { reason: cause.message, cause };
    })
    .on("exit", (code) => {
      ended ??= { reason: `it ended with code ${code}` };
      settle?.({ error: ended.reason });
    });
  return {
    async ask(weights, parts) {
      const { request, buffers } = copyOf(weights, parts);
      const answered = new Promise<PartAnswer>((resolve) => {
        settle = resolve;
        if (ended) resolve({ error: ended.reason });
      });
      worker.postMessage(request, buffers);
      worker.ref();
      const answer = await answered;
      worker.unref();
      if ("sums" in answer) return answer.sums;
      const text = `tensor: a thread of a training step has failed: ${answer.error}`;
      throw new UpnextError("internal", text, { cause: ended?.cause });
    },
    async close() {
      if (ended) return;
      worker.ref();
      const exit = new Promise((resolve) => worker.once("exit", resolve));
      // It frees its session first.
      worker.postMessage("close");
      await exit;
    },
  };
}

function copyOf(weights: Readonly<Record<string, ort.Tensor>>, parts: readonly PartRun[]) {
  const copies = Object.entries(weights).map(([name, { data, dims }]): [string, Gradient] => {
    return [name, { data: Float32Array.from(data as Float32Array), dims }]; // weights are float32
  });
  const buffers = copies.map(([, { data }]) => data.buffer as ArrayBuffer);
  const request: PartRequest = { weights: Object.fromEntries(copies), parts: parts.map(detached) };
  return { request, buffers };
}

/** A view of a large buffer would be sent with all of it. */
function detached(part: PartRun): PartRun {
  const feeds: Record<string, Feeds[string]> = {};
  for (const [name, { data, dims }] of Object.entries(part.feeds)) feeds[name] = { data: data.slice(), dims };
  return { ...part, feeds };
}
