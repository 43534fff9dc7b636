/**
 * The live figures: one connection for the whole page while it is looked at, and what came over it in the last minutes.
 *
 * Read with fetch rather than EventSource, which cannot send an API key.
 */
import { useEffect, useState } from "preact/hooks";
import { ApiError, type Live, send } from "./api.ts";

export interface LiveState {
  readonly connection: "connecting" | "open" | "lost";
  /** Oldest first, at most five minutes. */
  readonly samples: readonly Live[];
}

const KEPT = 300;
const RETRY_MS = 2_000;

let state: LiveState = { connection: "connecting", samples: [] };
const listeners = new Set<(state: LiveState) => void>();
let stop: AbortController | undefined;

export function useLive(): LiveState {
  const [own, setOwn] = useState(state);
  useEffect(() => {
    setOwn(state);
    listeners.add(setOwn);
    follow();
    return () => {
      listeners.delete(setOwn);
      follow();
    };
  }, []);
  return own;
}

document.addEventListener("visibilitychange", follow);

/** Connects where somebody looks, and hangs up where nobody does. */
function follow(): void {
  const wanted = listeners.size > 0 && document.visibilityState === "visible";
  if (wanted === (stop !== undefined)) return;
  if (wanted) {
    stop = new AbortController();
    void read(stop.signal);
  } else {
    stop?.abort();
    stop = undefined;
  }
}

async function read(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const answer = await send("/v1/live", { signal });
      update({ connection: "open" });
      await readEvents(answer.body!, (sample) => {
        update({ samples: [...state.samples, sample].slice(-KEPT) });
      });
      update({ connection: "lost" });
    } catch (error) {
      if (signal.aborted) return;
      update({ connection: "lost" });
      // Without a key there is nothing to wait for.
      if (error instanceof ApiError && error.code === "forbidden") return;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

async function readEvents(body: ReadableStream<Uint8Array>, take: (sample: Live) => void): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (rest + decoder.decode(value, { stream: true })).split("\n\n");
    rest = events.pop()!;
    for (const event of events) if (event.startsWith("data: ")) take(JSON.parse(event.slice(6)) as Live);
  }
}

function update(change: Partial<LiveState>): void {
  state = { ...state, ...change };
  for (const listener of listeners) listener(state);
}
