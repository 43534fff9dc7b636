/**
 * Ingest over HTTP: `upnext serve` as it is run, in a process of its own, and the sender of load.ts in another one, on
 * loopback. An acknowledgement means that the events are durable and that catalog and state reflect them.
 *
 * Every user has 50 touches before, so that the states that ingest rewrites have an ordinary size. A sync of the log is
 * counted by what it leaves: each frame of the log was made durable by one.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open as openFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { FrameScanner } from "../../src/events/frame.ts";
import { segmentAt, segmentBases } from "../../src/events/segment.ts";
import type { EventInput, Upnext } from "../../src/upnext.ts";
import { Child } from "./child.ts";
import type { Load, LoadAnswer } from "./load.ts";
import { type Figures, interleaved, type Subject } from "./measure.ts";

const USERS = 20_000;
const TOUCHES = 50;
const ITEMS = 5_000;
/** Events in one call while the directory is filled. */
const FILL = 10_000;

/** What is asked of a server: events a second, without a loss of time. */
const WANTED_RATE = 30_000;

const CASES: readonly Pick<Load, "batch" | "connections" | "rate">[] = [
  { batch: 100, connections: 3 },
  { batch: 100, connections: 8 },
  { batch: 1000, connections: 2 },
  { batch: 1, connections: 64 },
  { batch: 100, connections: 32, rate: WANTED_RATE },
  { batch: 1000, connections: 8, rate: WANTED_RATE },
];

export interface IngestPlan {
  /** Where the compiled package is. */
  readonly dist: string;
  /** An empty folder. */
  readonly directory: string;
  readonly rounds: number;
  /** Seconds of one case in one round. */
  readonly seconds: number;
  /** Options of node for the server, such as those of its profiler. */
  readonly nodeOptions?: readonly string[];
}

export async function ingest(plan: IngestPlan): Promise<Record<string, unknown>> {
  const { dist, directory, rounds } = plan;
  await fill(dist, directory);
  const server = await Server.start(plan);
  const sender = Child.start<Load, LoadAnswer>("load.ts");
  try {
    let run = 0;
    const subjects: Subject[] = CASES.map((load) => ({
      name: titleOf(load),
      round: () => round(server, sender, { ...load, seconds: plan.seconds, name: `run${run++}` }),
    }));
    const measured = await interleaved(subjects, rounds);
    return { rounds, cases: Object.entries(measured).map(([what, figures]) => ({ what, ...figures })) };
  } finally {
    await sender.close();
    await server.stop();
    await rm(directory, { recursive: true });
  }
}

function titleOf({ batch, connections, rate }: Pick<Load, "batch" | "connections" | "rate">): string {
  const what = batch === 1 ? "single events" : `batches of ${batch}`;
  const how = rate === undefined ? "each again once answered" : `open loop at ${rate} events/s`;
  return `${what}, ${connections} connections, ${how}`;
}

async function round(
  server: Server,
  sender: Child<Load, LoadAnswer>,
  load: Pick<Load, "batch" | "connections" | "rate" | "seconds" | "name">,
): Promise<Figures> {
  const before = { cpu: await server.cpuSeconds(), syncs: await server.logSyncs() };
  const sent = await sender.ask({ ...load, url: server.url, users: USERS, items: ITEMS });
  const cpu = (await server.cpuSeconds()) - before.cpu;
  const syncs = (await server.logSyncs()) - before.syncs;
  return {
    "events/s": sent.events / sent.seconds,
    "ack p50 ms": sent.p50,
    "ack p99 ms": sent.p99,
    "server cpu us/event": (cpu / sent.events) * 1e6,
    "client cpu us/event": (sent.cpuSeconds / sent.events) * 1e6,
    "log syncs/s": syncs / sent.seconds,
  };
}

/** Gives every user of the directory their touches, each user's in one call. */
async function fill(dist: string, directory: string): Promise<void> {
  const { open } = (await import(join(dist, "upnext.js"))) as {
    open(options: object): Promise<Upnext>;
  };
  const upnext = await open({ directory });
  const start = Date.now() - 1000 * USERS;
  let events: EventInput[] = [];
  for (let user = 0; user < USERS; user++) {
    for (let touch = 0; touch < TOUCHES; touch++) {
      events.push({
        kind: "interaction",
        id: `fill-${user}-${touch}`,
        user: `u${user}`,
        item: `v${(user * 31 + touch * 97) % ITEMS}`,
        type: "watch",
        value: 0.9,
        time: start + user * 50 + touch,
      });
    }
    if (events.length < FILL && user < USERS - 1) continue;
    await upnext.track(events);
    events = [];
  }
  await upnext.close();
}

class Server {
  readonly url: string;
  private readonly child: ChildProcess;
  private readonly directory: string;

  private constructor(url: string, child: ChildProcess, directory: string) {
    this.url = url;
    this.child = child;
    this.directory = directory;
  }

  static async start({ dist, directory, nodeOptions = [] }: IngestPlan): Promise<Server> {
    const main = join(dist, "cli", "main.js");
    const child = spawn(
      process.execPath,
      [...nodeOptions, main, "serve", "--dir", directory, "--port", "0"],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    for await (const line of createInterface({ input: child.stdout! })) {
      const url = /listening on (\S+)/.exec(line)?.[1];
      if (url !== undefined) return new Server(url, child, directory);
    }
    throw new Error("bench/state: the server has ended, see its message");
  }

  async cpuSeconds(): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    return Number(/^process_cpu_seconds_total (\S+)$/m.exec(text)![1]);
  }

  /** Frames of the log. */
  async logSyncs(): Promise<number> {
    const log = join(this.directory, "log");
    let frames = 0;
    for (const base of await segmentBases(log)) {
      const { path, size: header } = segmentAt(log, base);
      const file = await openFile(path, "r");
      const scanner = new FrameScanner(file, header, (await file.stat()).size);
      do while (scanner.next()) frames++;
      while (await scanner.fill());
      await file.close();
    }
    return frames;
  }

  async stop(): Promise<void> {
    this.child.kill("SIGTERM");
    if (this.child.exitCode === null) await once(this.child, "exit");
  }
}
