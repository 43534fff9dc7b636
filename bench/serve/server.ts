/** The package as it is installed, `upnext serve`, as a process of its own over a copy of a platform. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { UpnextConfig } from "../../src/upnext.ts";
import { copyOf, type Platform } from "./platform.ts";
import { type Usage, usageOf } from "./processes.ts";

const MAIN = join(import.meta.dirname, "..", "..", "dist", "cli", "main.js");
/** A log of a million events is read within it on a busy machine. */
const START_MS = 300_000;
const STOP_MS = 30_000;

export interface RunningServer {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly directory: string;
  /** Of all its processes. */
  usage(): Usage;
  /** The metrics as they are now, by name with labels; the event loop's delay is since the last call. */
  metrics(): Promise<ReadonlyMap<string, number>>;
  signal(signal: NodeJS.Signals): void;
  /** Resolves with its exit code once it has ended. */
  readonly ended: Promise<number | null>;
  /** What it has said so far, both streams. */
  said(): string;
  /** SIGTERM, and removes the copy. */
  stop(): Promise<void>;
}

export interface ServeOptions {
  /** Where the copy is made. */
  readonly directory: string;
  readonly config: UpnextConfig;
  /** More of the command line. */
  readonly args?: readonly string[];
  /** More of the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

export async function serveCopy(platform: Platform, options: ServeOptions): Promise<RunningServer> {
  const { directory, config, args = [] } = options;
  await copyOf(platform, directory);
  return serveDirectory({ directory, config, args });
}

/** Serves what is there already. */
export async function serveDirectory(options: ServeOptions): Promise<RunningServer> {
  const { directory, config, args = [], env } = options;
  const configPath = join(directory, "upnext.config.json");
  await writeFile(configPath, JSON.stringify({ ...config, directory }));
  const command = [MAIN, "serve", "--config", configPath, "--port", "0", ...args];
  const child = spawn(process.execPath, command, {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  const killed = () => void child.kill("SIGKILL");
  process.once("exit", killed);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      if (said.length < 100_000) said += text;
    });
  }
  const ended = once(child, "exit").then(([code]) => {
    process.off("exit", killed);
    return code as number | null;
  });
  const url = await urlOf(child, () => said);
  return {
    url,
    port: Number(new URL(url).port),
    pid: child.pid!,
    directory,
    usage: () => usageOf(child.pid!),
    metrics: async () => parsed(await (await fetch(`${url}/metrics`)).text()),
    signal: (signal) => void child.kill(signal),
    ended,
    said: () => said,
    async stop() {
      child.kill("SIGTERM");
      const late = setTimeout(killed, STOP_MS);
      await ended;
      clearTimeout(late);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function urlOf(child: ChildProcess, said: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const stop = (why: string) => {
      child.kill("SIGKILL");
      reject(new Error(`upnext serve ${why}:\n${said()}`));
    };
    const late = setTimeout(() => stop(`did not listen within ${START_MS} ms`), START_MS);
    const look = () => {
      const url = /^listening on (\S+)/m.exec(said())?.[1];
      if (url === undefined) return;
      clearTimeout(late);
      resolve(url);
    };
    child.stdout?.on("data", look);
    child.once("exit", () => {
      clearTimeout(late);
      stop("has ended");
    });
  });
}

/** Lines of Prometheus' text format. */
function parsed(text: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split("\n")) {
    const space = line.lastIndexOf(" ");
    if (space > 0 && !line.startsWith("#")) values.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return values;
}
