/**
 * Redis servers of a test's own: on free ports of the loopback, in a folder that goes with them, without persistence
 * unless asked for, stopped by their process id. Beside each of them a shell waits for the end of a pipe from this
 * process, so that a server is killed too when the test's process is.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const START_MS = 20_000;
/** A port that was free when asked for may be taken by the time it is used. */
const ATTEMPTS = 5;
const SLOTS = 16_384;
const DATA = ["dump.rdb", "appendonlydir"];

/** Why there can be no server, where there can be none; with UPNEXT_REQUIRE_SERVERS=1 that is an error. */
export const redisMissing: string | undefined = whyMissing();

export interface RedisServerOptions {
  readonly appendonly?: boolean;
  /** Of the append-only file: always, everysec or no. */
  readonly appendfsync?: string;
  /** A folder that exists, and stays. */
  readonly dir?: string;
  readonly port?: number;
}

export interface RedisCluster {
  readonly urls: readonly string[];
  readonly nodes: readonly RedisServer[];
  stop(): Promise<void>;
}

export async function redisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const { appendonly = false, appendfsync = "everysec", dir, port } = options;
  const settings = ["--appendonly", appendonly ? "yes" : "no", "--appendfsync", appendfsync];
  return startServer(async () => ({ port: port ?? (await freePort()), settings }), dir);
}

/** Three masters without replicas that share the slots. A node that is started again empty keeps its slots. */
export async function redisCluster(): Promise<RedisCluster> {
  const nodes: RedisServer[] = [];
  const busPorts: number[] = [];
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    for (let i = 0; i < 3; i++) {
      const node = await startServer(async () => {
        busPorts[i] = await freePort();
        const settings = ["--cluster-enabled", "yes", "--cluster-port", String(busPorts[i])];
        return { port: await freePort(), settings: [...settings, "--appendonly", "no"] };
      });
      nodes.push(node);
    }
    for (const [i, { port }] of nodes.entries()) {
      const [from, to] = [Math.ceil((i * SLOTS) / 3), Math.ceil(((i + 1) * SLOTS) / 3) - 1];
      await ask(port, `CLUSTER ADDSLOTSRANGE ${from} ${to}`);
      if (i > 0) await ask(nodes[0]!.port, `CLUSTER MEET 127.0.0.1 ${port} ${busPorts[i]}`);
    }
    for (const node of nodes) await untilWhole(node.port);
    return { urls: nodes.map((node) => node.url), nodes, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

export class RedisServer {
  readonly port: number;
  private readonly dir: string;
  private readonly temporary: boolean;
  private readonly settings: readonly string[];
  private running: { readonly child: ChildProcess; readonly guard: ChildProcess } | undefined;

  constructor(port: number, dir: string, temporary: boolean, settings: readonly string[]) {
    this.port = port;
    this.dir = dir;
    this.temporary = temporary;
    this.settings = settings;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get process(): ChildProcess {
    if (this.running === undefined) throw new Error(`redis-server on port ${this.port} does not run`);
    return this.running.child;
  }

  get pid(): number {
    return this.process.pid!;
  }

  async start(): Promise<void> {
    const place = ["--bind", "127.0.0.1", "--port", String(this.port), "--dir", this.dir];
    const child = spawn("redis-server", [...place, "--save", "", ...this.settings], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        if (said.length < 10_000) said += chunk;
      });
    }
    await once(child, "spawn");
    const guard = spawn("sh", ["-c", `read -r _; kill -9 ${child.pid}`], {
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.running = { child, guard };
    const end = performance.now() + START_MS;
    while ((await ask(this.port, "PING").catch(() => "")).startsWith("+PONG") === false) {
      if (hasEnded(child) || performance.now() > end) {
        await this.kill();
        throw new Error(`redis-server on port ${this.port} did not start: ${said}`);
      }
      await sleep(10);
    }
  }

  /** Ends the process and removes its folder. May be called twice. */
  async stop(): Promise<void> {
    await this.kill();
    if (this.temporary) await rm(this.dir, { recursive: true, force: true });
  }

  /** SIGKILL; what is on disk stays. */
  async kill(): Promise<void> {
    if (this.running === undefined) return;
    const { child, guard } = this.running;
    this.running = undefined;
    await Promise.all([end(child), end(guard)]);
  }

  /** SIGSTOP: connections stay open, and nothing answers. */
  pause(): void {
    this.process.kill("SIGSTOP");
  }

  /** SIGCONT. */
  resume(): void {
    this.process.kill("SIGCONT");
  }

  /** Kills it where it runs, and starts it on the same port without any data. */
  async restartEmpty(): Promise<void> {
    await this.kill();
    for (const name of DATA) await rm(join(this.dir, name), { recursive: true, force: true });
    await this.start();
  }
}

/** The answer to one command in the inline form, as the protocol writes it. */
async function ask(port: number, command: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.setTimeout(1_000, () => socket.destroy(new Error(`port ${port}: no answer to ${command}`)));
  socket.write(`${command}\r\nQUIT\r\n`);
  let reply = "";
  for await (const chunk of socket) reply += chunk;
  if (reply.startsWith("-")) throw new Error(`port ${port}: ${command}: ${reply}`);
  return reply;
}

async function untilWhole(port: number): Promise<void> {
  const end = performance.now() + START_MS;
  let info = "";
  while (!(info.includes("cluster_state:ok") && info.includes("cluster_known_nodes:3"))) {
    if (performance.now() > end) throw new Error(`redis cluster: not whole after ${START_MS} ms: ${info}`);
    await sleep(20);
    info = await ask(port, "CLUSTER INFO");
  }
}

async function startServer(
  place: () => Promise<{ port: number; settings: readonly string[] }>,
  dir?: string,
): Promise<RedisServer> {
  for (let attempt = 1; ; attempt++) {
    const { port, settings } = await place();
    const folder = dir ?? (await mkdtemp(join(tmpdir(), "upnext-redis-")));
    const server = new RedisServer(port, folder, dir === undefined, settings);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number }; // of a TCP server that listens
  server.close();
  await once(server, "close");
  return port;
}

async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function whyMissing(): string | undefined {
  const { error, status } = spawnSync("redis-server", ["--version"]);
  if (error === undefined && status === 0) return undefined;
  const why = `redis-server is not on the PATH (${error?.message ?? `status ${status}`})`;
  if (process.env["UPNEXT_REQUIRE_SERVERS"] === "1")
    throw new Error(`${why}, and UPNEXT_REQUIRE_SERVERS is 1`);
  return why;
}
