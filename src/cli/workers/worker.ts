/** The side of a worker: what it is to be, when it is to stop, and metrics that are those of all workers. */
import cluster from "node:cluster";
import type { Metrics } from "../../monitoring/index.ts";
import type { StopSignal } from "../shutdown.ts";
import type { ToPrimary, ToWorker } from "./messages.ts";

/** One worker writes the log; the others serve beside it. */
export type WorkerRole = "writer" | "replica";

/** What a worker finds in its environment. */
export const ROLE = "UPNEXT_WORKER_ROLE";
export const PORT = "UPNEXT_WORKER_PORT";

export interface WorkerLink {
  readonly role: WorkerRole;
  readonly port: number;
  /** Resolves when the first process wants this one to stop. Signals to the group are that one's business. */
  readonly stopped: Promise<StopSignal>;
  /** The same metrics, but as text those of all workers. */
  shared(metrics: Metrics): Metrics;
  /** Lets go of the first process, so that this one can end. */
  leave(): void;
}

/** undefined in a process that is no worker. */
export function workerLink(): WorkerLink | undefined {
  const { [ROLE]: role, [PORT]: port } = process.env;
  if (!cluster.isWorker || (role !== "writer" && role !== "replica")) return undefined;
  const waiting = new Map<number, (text: string) => void>();
  let figures: Metrics["figures"] | undefined;
  let asked = 0;
  let stop: (signal: StopSignal) => void = () => {};
  const stopped = new Promise<StopSignal>((resolve) => {
    stop = resolve;
  });
  const say = (message: ToPrimary) => {
    if (process.connected) process.send!(message);
  };
  process.on("message", async (message: ToWorker) => {
    switch (message.kind) {
      case "stop":
        stop(message.signal);
        break;
      case "figures":
        say({ kind: "figures", ask: message.ask, figures: (await figures?.()) ?? [] });
        break;
      case "metrics":
        waiting.get(message.ask)?.(message.text);
        waiting.delete(message.ask);
    }
  });
  return {
    role,
    port: Number(port),
    stopped,
    shared(metrics) {
      figures = () => metrics.figures();
      const text = () =>
        new Promise<string>((resolve) => {
          waiting.set(++asked, resolve);
          say({ kind: "metrics", ask: asked });
        });
      return { ...metrics, text };
    },
    leave: () => cluster.worker!.disconnect(),
  };
}
