/**
 * Models that compute on other threads, so that the thread of the event loop never does: each thread has a session of
 * its own of every model, with one thread inside.
 *
 * Inputs go through slots of memory that both threads see; a message carries a slot's number alone. (To wake a thread
 * by Atomics took as much CPU as a message: docs/decisions/0019.) A thread has two slots, so that the next call is there
 * when one ends; what comes beyond waits here, in turn, and whose time is over then is not begun. The calls of a thread
 * that ends are rejected at once, and another thread takes its place.
 */
import type { Worker } from "node:worker_threads";
import { UpnextError } from "../core/index.ts";
import {
  type Feeds,
  feedError,
  LIST,
  type Model,
  type ModelLoader,
  type RunOptions,
  type Value,
} from "./session.ts";
import type { PlaceFeed, PlaceRows } from "./shortlist.ts";
import { readSlot, slotBytes, writeSlot } from "./slot.ts";
import { startThread } from "./thread.ts";

/** What a thread is asked: to run what is in a slot, or one of the others. */
export type ThreadRequest =
  | number
  | "close"
  | { readonly load: number; readonly bytes: Uint8Array }
  | { readonly unload: number }
  | { readonly look: number; readonly rows: PlaceRows }
  | { readonly slot: number; readonly memory: SharedArrayBuffer };

/** What it answers: that a slot has the outputs, or what else has become of it, or of a model. */
export type ThreadAnswer =
  | number
  | { readonly slot: number; readonly outputs: readonly Value[] }
  | { readonly slot: number; readonly error: string }
  | LoadAnswer;
type LoadAnswer =
  | {
      readonly loaded: number;
      readonly inputNames: readonly string[];
      readonly outputNames: readonly string[];
    }
  | { readonly loaded: number; readonly error: string };

export interface PoolFigures {
  /** Threads that compute at this moment, of those that there should be. */
  readonly alive: number;
  readonly threads: number;
  /** Calls that no thread has taken yet. */
  readonly waiting: number;
  readonly calls: number;
  /** Threads that have ended by themselves. */
  readonly died: number;
}

export interface ScoringPool {
  /**
   * Loads the model on every thread. Its `run` rejects with `internal` when the thread that computes ends, and while
   * there is none. The bytes are kept, for threads to come.
   */
  readonly load: ModelLoader;
  figures(): PoolFigures;
  /** Ends the threads; calls under way end first. May be called twice. */
  close(): Promise<void>;
}

const SLOTS = 2;
/** 500 candidates of 100 features with their codes are 220 kB; a slot grows where it has to. */
const FIRST_BYTES = 256 * 1024;
/** A thread that ends within this is not replaced before it: what ends each would fill the machine with starts. */
const SHORT_LIFE_MS = 1_000;

interface Call {
  readonly model: number;
  readonly inputs: readonly Value[];
  readonly options: RunOptions;
  resolve(outputs: readonly Value[]): void;
  reject(cause: unknown): void;
}

interface Known {
  readonly bytes: Uint8Array;
  /** What its first output is looked for in. */
  feed?: PlaceFeed;
}

/** @param threads one or more */
export function openScoringPool(threads: number): ScoringPool {
  return new Pool(threads);
}

class Pool implements ScoringPool {
  private readonly places: (Thread | undefined)[];
  private readonly models = new Map<number, Known>();
  private readonly queue: Call[] = [];
  private nextModel = 0;
  private calls = 0;
  private died = 0;
  private closing: Promise<void> | undefined;

  constructor(threads: number) {
    this.places = Array.from({ length: threads }, (_, place) => this.start(place));
  }

  readonly load: ModelLoader = async (bytes) => {
    if (this.closing) throw closedError();
    const id = this.nextModel++;
    // It outlives the caller's buffer, which may be a view of a large one.
    const own = new Uint8Array(bytes);
    this.models.set(id, { bytes: own });
    try {
      const loading = this.places.flatMap((thread) => (thread ? [thread.load(id, own)] : []));
      if (loading.length === 0) throw endedError("there is none at this moment");
      const [loaded] = await Promise.all(loading);
      return this.modelOf(id, loaded!.inputNames, loaded!.outputNames);
    } catch (cause) {
      this.unload(id);
      throw cause;
    }
  };

  figures(): PoolFigures {
    const { places, queue, calls, died } = this;
    const alive = places.filter((thread) => thread?.ready).length;
    return { alive, threads: places.length, waiting: queue.length, calls, died };
  }

  close(): Promise<void> {
    this.closing ??= (async () => {
      for (const call of this.queue.splice(0)) call.reject(closedError());
      await Promise.all(this.places.map((thread) => thread?.close()));
    })();
    return this.closing;
  }

  private modelOf(id: number, inputNames: readonly string[], outputNames: readonly string[]): Model {
    const running = new Set<Promise<unknown>>();
    let closed: Promise<void> | undefined;
    return {
      inputNames,
      outputNames,
      device: { name: "cpu" },
      run: async (feeds, options = {}) => {
        if (closed) throw new UpnextError("closed", "tensor: run: the model was closed");
        const inputs = inOrder(feeds, inputNames);
        this.show(id, this.models.get(id)?.feed?.changes());
        const called = this.call(id, inputs, options);
        running.add(called);
        try {
          const outputs = await called;
          const names = outputs.length > outputNames.length ? [...outputNames, LIST] : outputNames;
          return Object.fromEntries(names.map((name, i) => [name, outputs[i]!]));
        } finally {
          running.delete(called);
        }
      },
      listFrom: (feed) => {
        const known = this.models.get(id);
        if (known === undefined) return;
        known.feed = feed;
        this.show(id, feed.all());
      },
      // A call that nobody waits for any more may still be computed.
      close: () => {
        closed ??= Promise.allSettled([...running]).then(() => this.unload(id));
        return closed;
      },
    };
  }

  /** Gives all threads rows that a model's output is looked for in: calls that follow find them there. */
  private show(look: number, rows: PlaceRows | undefined): void {
    if (rows !== undefined) for (const thread of this.places) thread?.post({ look, rows });
  }

  private unload(id: number): void {
    this.models.delete(id);
    for (const thread of this.places) thread?.post({ unload: id });
  }

  private call(model: number, inputs: readonly Value[], options: RunOptions): Promise<readonly Value[]> {
    return new Promise((resolve, reject) => {
      if (this.closing) return reject(closedError());
      this.calls++;
      this.queue.push({ model, inputs, options, resolve, reject });
      this.hand();
    });
  }

  /** Gives waiting calls to threads with a free slot, the idlest first. */
  private hand(): void {
    while (this.queue.length > 0) {
      const alive = this.places.filter((thread) => thread?.ready);
      if (alive.length === 0) {
        for (const call of this.queue.splice(0)) call.reject(endedError("there is none at this moment"));
        return;
      }
      const idlest = alive.reduce((best, thread) => (thread!.free > best!.free ? thread : best))!;
      if (idlest.free === 0) return;
      const call = this.queue.shift()!;
      if (call.options.expired?.()) call.reject(new UpnextError("internal", "tensor: run: its time is over"));
      else idlest.take(call);
    }
  }

  private start(place: number): Thread {
    const began = performance.now();
    return new Thread(this.models, {
      onFree: () => this.hand(),
      onEnd: () => {
        this.places[place] = undefined;
        if (this.closing) return;
        this.died++;
        const again = () => {
          if (!this.closing) this.places[place] = this.start(place);
        };
        const wait = began + SHORT_LIFE_MS - performance.now();
        if (wait <= 0) again();
        else setTimeout(again, wait).unref();
        // Without a thread, nobody waits for the next one.
        this.hand();
      },
    });
  }
}

interface ThreadEvents {
  onFree(): void;
  onEnd(): void;
}

/** A thread with its slots. */
class Thread {
  /** Whether it has every model that there was when it started. */
  ready = false;
  private readonly worker: Worker;
  private readonly slots = Array.from({ length: SLOTS }, () => new SharedArrayBuffer(FIRST_BYTES));
  private readonly taken: (Call | undefined)[] = new Array(SLOTS).fill(undefined);
  private readonly loads = new Map<number, (answer: LoadAnswer) => void>();
  private ended: string | undefined;

  constructor(models: ReadonlyMap<number, Known>, { onFree, onEnd }: ThreadEvents) {
    this.worker = startThread("scoring-worker", {});
    this.worker
      .on("message", (answer: ThreadAnswer) => {
        this.answered(answer);
        onFree();
      })
      .on("error", (cause) => {
        this.ended = cause.message;
      })
      .on("exit", (code) => {
        this.ended ??= `it ended with code ${code}`;
        this.ready = false;
        for (const [model, loaded] of this.loads) loaded({ loaded: model, error: this.ended });
        for (const call of this.taken.splice(0)) call?.reject(endedError(this.ended));
        onEnd();
      });
    // It keeps the process alive only while it is asked something.
    this.worker.unref();
    this.slots.forEach((memory, slot) => {
      this.post({ slot, memory });
    });
    for (const [look, { feed }] of models) {
      const rows = feed?.all();
      if (rows !== undefined) this.post({ look, rows });
    }
    Promise.all([...models].map(([id, { bytes }]) => this.load(id, bytes))).then(
      () => {
        this.ready = this.ended === undefined;
      },
      () => {}, // it has ended, or a model that other threads have is refused by this one: it is never ready
    );
  }

  get free(): number {
    return this.taken.reduce((count, call) => (call === undefined ? count + 1 : count), 0);
  }

  post(request: ThreadRequest): void {
    this.worker.postMessage(request);
  }

  take(call: Call): void {
    const slot = this.taken.indexOf(undefined);
    try {
      const needed = slotBytes(call.inputs);
      if (needed > this.slots[slot]!.byteLength) {
        const memory = new SharedArrayBuffer(2 * needed);
        this.slots[slot] = memory;
        this.post({ slot, memory });
      }
      writeSlot(this.slots[slot]!, call.model, call.inputs);
    } catch (cause) {
      call.reject(cause);
      return;
    }
    this.taken[slot] = call;
    this.worker.ref();
    this.post(slot);
  }

  async load(model: number, bytes: Uint8Array): Promise<Extract<LoadAnswer, { inputNames: unknown }>> {
    this.worker.ref();
    const answer = await new Promise<LoadAnswer>((resolve) => {
      this.loads.set(model, resolve);
      this.post({ load: model, bytes });
    });
    this.loads.delete(model);
    this.rest();
    if ("inputNames" in answer) return answer;
    if (this.ended !== undefined) throw endedError(this.ended);
    throw new UpnextError("bundle_corrupt", answer.error);
  }

  async close(): Promise<void> {
    if (this.ended !== undefined) return;
    this.worker.ref();
    const exit = new Promise((resolve) => this.worker.once("exit", resolve));
    // It frees its sessions first.
    this.post("close");
    await exit;
  }

  private answered(answer: ThreadAnswer): void {
    if (typeof answer === "object" && "loaded" in answer) {
      this.loads.get(answer.loaded)?.(answer);
      return;
    }
    const slot = typeof answer === "number" ? answer : answer.slot;
    const call = this.taken[slot];
    this.taken[slot] = undefined;
    this.rest();
    if (call === undefined) return;
    if (typeof answer === "number") call.resolve(copied(readSlot(this.slots[slot]!).values));
    else if ("outputs" in answer) call.resolve(answer.outputs);
    else call.reject(new UpnextError("internal", answer.error));
  }

  private rest(): void {
    if (this.loads.size === 0 && this.free === SLOTS) this.worker.unref();
  }
}

/** Inputs in the order of the model. */
function inOrder(feeds: Feeds, names: readonly string[]): readonly Value[] {
  for (const name of Object.keys(feeds)) {
    if (!names.includes(name)) throw feedError(name, `the inputs "${names.join('", "')}"`, "another name");
  }
  return names.map((name) => {
    const value = feeds[name];
    if (value === undefined) throw feedError(name, "a value", "nothing");
    return value;
  });
}

/** The caller's own: the next call takes the slot. */
function copied(values: readonly Value[]): readonly Value[] {
  return values.map(({ data, dims }) => ({ data: data.slice() as Value["data"], dims }));
}

function closedError(): UpnextError {
  return new UpnextError("closed", "tensor: run: the scoring threads were closed");
}

function endedError(reason: string): UpnextError {
  return new UpnextError("internal", `tensor: a scoring thread has ended: ${reason}`);
}
