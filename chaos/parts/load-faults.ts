/** What goes wrong while requests come: each fault does its work and says what it found. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants, setPriority } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Platform } from "../../bench/serve/platform.ts";
import { descendants } from "../../bench/serve/processes.ts";
import type { RunningServer } from "../../bench/serve/server.ts";
import { type EpochMs, systemClock } from "../../src/core/index.ts";
import { openFileRegistry } from "../../src/registry/index.ts";
import { BODY_LIMIT, EVENT_BODIES, RECOMMEND_BODIES } from "../../test/serving/hostile-input.ts";
import { work } from "./child.ts";
import type { Outcome } from "./outcome.ts";

export interface Scene {
  readonly server: RunningServer;
  readonly platform: Platform;
}

export interface Fault {
  readonly name: string;
  readonly about: string;
  /** Whether the server runs with several workers. */
  readonly workers: boolean;
  /** Share of the answers that may be missing, refused or late while it lasts, beside those before it. */
  readonly mayTake: number;
  /** Whether the server has ended afterwards: then what it acknowledged is looked for in its log. */
  readonly ends: boolean;
  /** Takes about so many seconds at most. */
  commit(scene: Scene, seconds: number): Promise<Outcome>;
}

const MAIN = join(import.meta.dirname, "..", "..", "dist", "cli", "main.js");
const SLOW_CONNECTIONS = 5_000;
const FORGOTTEN = 3;
/** A killed worker has some requests under way, and its connections are made again (guess). */
const KILL_MAY_TAKE = 0.05;

const NOTHING: Outcome = { broken: [], figures: {} };

export const FAULTS: readonly Fault[] = [
  {
    name: "train",
    about: "upnext train beside the server, with the lowest priority",
    workers: false,
    mayTake: 0.01,
    ends: false,
    async commit({ server }, seconds) {
      const child = commandLine(server, ["train", "--time-budget", "5s"]);
      setPriority(child.pid!, constants.priority.PRIORITY_LOW);
      const over = new AbortController();
      await Promise.race([once(child, "exit"), sleep(1_000 * seconds, undefined, { signal: over.signal })]);
      over.abort();
      const finished = child.exitCode !== null;
      child.kill("SIGKILL");
      return { broken: [], figures: { finished } };
    },
  },
  {
    name: "swap",
    about: "another bundle, and back to the one before: as large, with the same answers",
    workers: false,
    mayTake: 0.01,
    ends: false,
    async commit({ server }, seconds) {
      const registry = await openFileRegistry(join(server.directory, "bundles"), { clock: systemClock });
      const first = (await registry.current())!;
      const { manifest, file } = await registry.open(first);
      const { format: _, files, ...about } = manifest;
      const bytes = Object.fromEntries(Object.keys(files).map((name) => [name, file(name)]));
      const second = await registry.publish({ ...about, createdAt: (about.createdAt + 1) as EpochMs }, bytes);
      const took: number[] = [];
      for (const id of [second, first]) {
        const began = performance.now();
        await (id === second ? registry.promote(id) : registry.rollback(id));
        while (!(await server.metrics()).has(`upnext_bundle_info{bundle="${id}"}`)) {
          if (performance.now() - began > 1_000 * seconds)
            return { broken: [`another bundle within ${seconds} s`], figures: {} };
          await sleep(100);
        }
        took.push(Math.round(performance.now() - began));
      }
      return { broken: [], figures: { "in service after ms": took[0], "back after ms": took[1] } };
    },
  },
  {
    name: "compaction",
    about: "users are forgotten, so that files of the log are written anew",
    workers: false,
    mayTake: 0.01,
    ends: false,
    async commit({ server, platform }) {
      const broken: string[] = [];
      for (const user of platform.busy.slice(0, FORGOTTEN)) {
        const { status } = await fetch(`${server.url}/v1/users/${user}`, { method: "DELETE" });
        if (status !== 200) broken.push(`a user is forgotten, answered ${status}`);
      }
      return { broken, figures: { forgotten: FORGOTTEN } };
    },
  },
  {
    name: "worker",
    about: "one of the workers is killed",
    workers: true,
    mayTake: KILL_MAY_TAKE,
    ends: false,
    async commit({ server }) {
      const before = descendants(server.pid);
      const victim = before.at(-1);
      if (victim === undefined) return { broken: ["there are workers, found none"], figures: {} };
      process.kill(victim, "SIGKILL");
      const began = performance.now();
      while (descendants(server.pid).length < before.length || descendants(server.pid).includes(victim)) {
        if (performance.now() - began > 20_000)
          return { broken: ["another worker within 20 s"], figures: {} };
        await sleep(20);
      }
      return { broken: [], figures: { "another process after ms": Math.round(performance.now() - began) } };
    },
  },
  {
    name: "slow",
    about: `${SLOW_CONNECTIONS} connections that send a byte now and then`,
    workers: false,
    mayTake: 0.01,
    ends: false,
    async commit({ server }, seconds) {
      const numbers = [server.port, SLOW_CONNECTIONS, 500 * seconds];
      const clients = work("slow-clients.child.ts", "slowClients", numbers.map(String));
      await clients.ended;
      const said = await clients.said("open ");
      if (said === undefined) throw new Error(`chaos load: the slow clients failed: ${clients.complaint()}`);
      const open = Number(said.slice("open ".length));
      return { broken: [], figures: { connections: SLOW_CONNECTIONS, "still open at the end": open } };
    },
  },
  {
    name: "hostile",
    about: "bodies that are too large, cut, deep, or no events at all",
    workers: false,
    mayTake: 0.02,
    ends: false,
    async commit({ server }, seconds) {
      const statuses: Record<string, number> = {};
      const bodies = [
        ...EVENT_BODIES.map(([, body]) => ["/v1/events", body] as const),
        ...RECOMMEND_BODIES.map(([, body]) => ["/v1/recommendations", body] as const),
        ["/v1/events", Buffer.alloc(BODY_LIMIT * 200, "[")] as const,
      ];
      const end = performance.now() + 1_000 * seconds;
      for (let i = 0; performance.now() < end; i++) {
        const [path, body] = bodies[i % bodies.length]!;
        const headers = { "content-type": "application/json" };
        const sent = fetch(server.url + path, { method: "POST", headers, body });
        const status = await sent.then(
          (answer) => answer.arrayBuffer().then(() => String(answer.status)),
          () => "cut",
        );
        statuses[status] = (statuses[status] ?? 0) + 1;
      }
      const failures = Object.keys(statuses).filter((status) => status.startsWith("5") && status !== "503");
      return {
        broken: failures.map((status) => `no hostile body is a failure of the server, found ${status}`),
        figures: { statuses },
      };
    },
  },
  {
    name: "sigterm",
    about: "SIGTERM, and what was acknowledged is looked for in the log",
    workers: false,
    mayTake: 1,
    ends: true,
    async commit({ server }) {
      server.signal("SIGTERM");
      const code = await server.ended;
      return code === 0 ? NOTHING : { broken: [`exit code 0, found ${code}`], figures: {} };
    },
  },
];

function commandLine({ directory }: RunningServer, args: readonly string[]) {
  const config = join(directory, "upnext.config.json");
  return spawn(process.execPath, [MAIN, "--config", config, ...args], { stdio: "ignore" });
}
