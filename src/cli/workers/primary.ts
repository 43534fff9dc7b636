/**
 * `serve --workers`: processes that share one port, the first of them the writer of the log. One that dies is started
 * again; the connections are handed to them in turn.
 *
 * On the way out the writer is the last: until then the others' events find it.
 */
import cluster, { type Worker } from "node:cluster";
import { setTimeout as sleep } from "node:timers/promises";
import { type MetricsFigures, mergeMetrics } from "../../monitoring/index.ts";
import type { StopSignal } from "../shutdown.ts";
import type { ToPrimary, ToWorker } from "./messages.ts";
import { PORT, ROLE, type WorkerRole } from "./worker.ts";

/** Before a worker that died is started again; doubled each time, up to the most. */
const FIRST_PAUSE_MS = 200;
const MOST_PAUSE_MS = 10_000;
/** Who has lived so long did not die of how it was started (guess). */
const SOUND_MS = 30_000;
/** A worker that says nothing for so long is left out of the metrics. */
const FIGURES_MS = 1_000;

export interface WorkersPlan {
  readonly roles: readonly WorkerRole[];
  readonly port: number;
  say(line: string): void;
}

/** One of them that could not even start: it has said why itself. */
export class WorkerFailed extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super("serve: a worker could not start");
    this.exitCode = exitCode;
  }
}

interface Place {
  readonly role: WorkerRole;
  worker: Worker;
  /** Rejects with WorkerFailed. */
  listening: Promise<void>;
  gone: Promise<void>;
}

export class Workers {
  private readonly plan: WorkersPlan;
  private readonly places: Place[] = [];
  private readonly answers = new Map<number, (figures: MetricsFigures) => void>();
  private asked = 0;
  private stopping = false;

  constructor(plan: WorkersPlan) {
    this.plan = plan;
    // The same command line: a worker finds out from its environment that it is one. One listing is enough.
    const [, main, ...args] = process.argv;
    cluster.setupPrimary({ exec: main!, args: [...args, "--quiet"] });
    cluster.on("message", (worker, message: ToPrimary) => void this.hear(worker, message));
  }

  /** Resolves when all of them listen; rejects with WorkerFailed. The writer comes first: it makes what others read. */
  async start(): Promise<void> {
    for (const role of this.plan.roles) {
      const place = { role, ...this.begin(role) };
      this.places.push(place);
      if (role === "writer") await place.listening;
    }
    await Promise.all(this.places.map((place) => place.listening));
    for (const place of this.places) void this.keep(place);
  }

  /** Stops those beside the writer, then the writer. */
  async stop(signal: StopSignal): Promise<void> {
    this.stopping = true;
    for (const role of ["replica", "writer"] as const) {
      const those = this.places.filter((place) => place.role === role);
      for (const { worker } of those) tell(worker, { kind: "stop", signal });
      await Promise.all(those.map(({ gone }) => gone));
    }
  }

  private begin(role: WorkerRole): Omit<Place, "role"> {
    const worker = cluster.fork({ [ROLE]: role, [PORT]: this.plan.port });
    const gone = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
    const listening = new Promise<void>((resolve, reject) => {
      worker.once("listening", () => resolve());
      worker.once("exit", (code) => reject(new WorkerFailed(code ?? 1)));
    });
    // Whoever does not wait for it learns of the end from `gone`.
    listening.catch(() => {});
    return { worker, gone, listening };
  }

  /** Starts another one each time the worker of this place ends. */
  private async keep(place: Place): Promise<void> {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, MOST_PAUSE_MS)) {
      const { process: ended } = place.worker;
      const began = performance.now();
      await place.gone;
      if (this.stopping) return;
      const why = ended.signalCode ?? `exit code ${ended.exitCode}`;
      if (performance.now() - began > SOUND_MS) pause = FIRST_PAUSE_MS;
      this.plan.say(
        `worker ${ended.pid} (${place.role}) ended with ${why}; another one starts in ${pause} ms`,
      );
      await sleep(pause);
      if (this.stopping) return;
      Object.assign(place, this.begin(place.role));
    }
  }

  private async hear(worker: Worker, message: ToPrimary): Promise<void> {
    if (message.kind === "figures") {
      this.answers.get(message.ask)?.(message.figures);
      return;
    }
    const all = await Promise.all(this.places.map((place) => this.figuresOf(place.worker)));
    tell(worker, { kind: "metrics", ask: message.ask, text: await mergeMetrics(all) });
  }

  private async figuresOf(worker: Worker): Promise<MetricsFigures> {
    const ask = ++this.asked;
    const answered = new Promise<MetricsFigures>((resolve) => this.answers.set(ask, resolve));
    tell(worker, { kind: "figures", ask });
    const figures = await Promise.race([answered, sleep(FIGURES_MS, [], { ref: false })]);
    this.answers.delete(ask);
    return figures;
  }
}

function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message);
}
