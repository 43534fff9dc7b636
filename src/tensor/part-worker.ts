/** The thread that computes parts of training steps: a session of its own over the same graph (part-pool.ts). */
import { parentPort, workerData } from "node:worker_threads";
import * as ort from "onnxruntime-node";
import type { PartAnswer, PartRequest } from "./part-pool.ts";
import { runParts } from "./parts.ts";
import { openSession } from "./session.ts";

const { bytes, options } = workerData; // as part-pool.ts starts it
const port = parentPort!; // this file is a worker's
const opening = openSession(bytes, options);

port.on("message", async (request: PartRequest | "close") => {
  if (request === "close") {
    port.close();
    await opening.then(({ session }) => session.release()).catch(() => {}); // it has been told of by then
    return;
  }
  try {
    const { session } = await opening;
    const weights: Record<string, ort.Tensor> = {};
    for (const [name, { data, dims }] of Object.entries(request.weights)) {
      weights[name] = new ort.Tensor("float32", data, dims);
    }
    const sums = await runParts(session, weights, request.parts);
    const buffers = Object.values(sums.gradients).map(({ data }) => data.buffer as ArrayBuffer);
    port.postMessage({ sums } satisfies PartAnswer, buffers);
  } catch (cause) {
    const error = cause instanceof Error ? cause.message : String(cause);
    port.postMessage({ error } satisfies PartAnswer);
  }
});
