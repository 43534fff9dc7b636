/** The thread that runs models on slots of shared memory: one session a model, one thread a session (scoring-pool.ts). */
import { parentPort } from "node:worker_threads";
import type { InferenceSession } from "onnxruntime-node";
import type { ThreadAnswer, ThreadRequest } from "./scoring-pool.ts";
import { openSession, toTensors, toValue, type Value } from "./session.ts";
import { FirstLook, packList } from "./shortlist.ts";
import { readSlot, slotBytes, slotEnd, writeSlot } from "./slot.ts";

const port = parentPort!; // this file is a worker's
const sessions = new Map<number, InferenceSession>();
/** Of models whose answer is looked for among vectors. */
const looks = new Map<number, FirstLook>();
/** The slots, and a copy of each: ONNX Runtime's binding takes no shared memory. */
const slots: { readonly shared: SharedArrayBuffer; readonly own: ArrayBuffer }[] = [];
const answer = (message: ThreadAnswer) => port.postMessage(message);

port.on("message", async (request: ThreadRequest) => {
  if (typeof request === "number") return run(request);
  if (request === "close") {
    port.close();
    for (const session of sessions.values()) await session.release();
    return;
  }
  if ("unload" in request) {
    const session = sessions.get(request.unload);
    sessions.delete(request.unload);
    looks.delete(request.unload);
    await session?.release();
  } else if ("rows" in request) {
    const { look, rows } = request;
    if (!looks.get(look)?.takes(rows)) looks.set(look, new FirstLook(rows));
    looks.get(look)!.put(rows);
  } else if ("memory" in request) {
    const { slot, memory } = request;
    slots[slot] = { shared: memory, own: new ArrayBuffer(memory.byteLength) };
  } else {
    await load(request.load, request.bytes);
  }
});

async function load(model: number, bytes: Uint8Array): Promise<void> {
  try {
    const { session } = await openSession(bytes, { threads: 1 });
    sessions.set(model, session);
    const { inputNames, outputNames } = session;
    answer({ loaded: model, inputNames: [...inputNames], outputNames: [...outputNames] });
  } catch (cause) {
    answer({ loaded: model, error: messageOf(cause) });
  }
}

async function run(slot: number): Promise<void> {
  const { shared, own } = slots[slot]!;
  try {
    const end = slotEnd(shared);
    new Uint8Array(own, 0, end).set(new Uint8Array(shared, 0, end));
    const { model, values } = readSlot(own);
    const session = sessions.get(model)!;
    const feeds: Record<string, Value> = {};
    session.inputNames.forEach((name, i) => {
      feeds[name] = values[i]!;
    });
    const results = await session.run(toTensors(session, feeds));
    const outputs = session.outputNames.map((name) => toValue(name, results[name]!));
    const list = looks.get(model)?.shortlist(outputs[0]!.data as Float32Array); // a vector: Model.listFrom
    if (list !== undefined) {
      const data = packList(list);
      outputs.push({ data, dims: [data.length] });
    }
    const fits = slotBytes(outputs) <= shared.byteLength;
    if (fits) writeSlot(shared, model, outputs);
    answer(fits ? slot : { slot, outputs });
  } catch (cause) {
    answer({ slot, error: messageOf(cause) });
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
