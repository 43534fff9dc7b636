/**
 * The sender that bench/state/ingest.ts measures a server with: a process of its own that posts interactions over
 * loopback and keeps the time of each acknowledgement.
 *
 * It speaks HTTP/1.1 over plain sockets, since a client with the framework's comfort would take as much of the two
 * cores as the server. The JSON is written as it is sent, so that its cost is in the sender's CPU time.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Random } from "../../src/core/index.ts";
import { serveParent } from "./child.ts";

/** What the sender is told to do. */
export interface Load {
  readonly url: string;
  readonly connections: number;
  /** Events in one POST; 1 sends the event itself and not a list. */
  readonly batch: number;
  readonly seconds: number;
  /** Events a second, in Poisson arrivals of batches; without it, each connection sends again once answered. */
  readonly rate?: number;
  /** Makes the ids of this run's events different from those of all others. */
  readonly name: string;
  readonly users: number;
  readonly items: number;
}

export interface LoadAnswer {
  readonly events: number;
  /** From the first send to the last acknowledgement. */
  readonly seconds: number;
  /** Milliseconds to the acknowledgement: from the send, with a rate from the moment planned for it. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly cpuSeconds: number;
}

export function serve(): void {
  serveParent(send);
}

async function send(load: Load): Promise<LoadAnswer> {
  const { hostname, port } = new URL(load.url);
  const lines = await Promise.all(
    Array.from({ length: load.connections }, () => Line.open(hostname, Number(port))),
  );
  const sender = new Sender(load);
  const cpu = process.cpuUsage();
  const began = performance.now();
  await (load.rate === undefined
    ? sender.closedLoop(lines, began)
    : sender.openLoop(lines, began, load.rate));
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  for (const line of lines) line.close();
  const latencies = Float64Array.from(sender.latencies).sort();
  const at = (share: number) => latencies[Math.floor(share * latencies.length)]!;
  const events = latencies.length * load.batch;
  return {
    events,
    seconds,
    p50: at(0.5),
    p99: at(0.99),
    max: latencies.at(-1)!,
    cpuSeconds: (user + system) / 1e6,
  };
}

class Sender {
  readonly latencies: number[] = [];
  private readonly load: Load;
  private readonly random: Random;
  private made = 0;

  constructor(load: Load) {
    this.load = load;
    this.random = new Random(load.name);
  }

  async closedLoop(lines: readonly Line[], began: number): Promise<void> {
    const end = began + this.load.seconds * 1000;
    const caller = async (line: Line) => {
      while (performance.now() < end) await this.post(line, performance.now());
    };
    await Promise.all(lines.map(caller));
  }

  /** Sends at planned times; where all connections are busy, the wait counts. */
  async openLoop(lines: readonly Line[], began: number, rate: number): Promise<void> {
    const { batch, seconds } = this.load;
    const gap = (1000 * batch) / rate;
    const idle = [...lines];
    const due: number[] = [];
    const under: Promise<void>[] = [];
    const start = () => {
      while (idle.length > 0 && due.length > 0) {
        const line = idle.pop()!;
        under.push(
          this.post(line, due.shift()!).then(() => {
            idle.push(line);
            start();
          }),
        );
      }
    };
    for (let next = began; next < began + seconds * 1000; ) {
      const wait = next - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      const now = performance.now();
      while (next <= now) {
        due.push(next);
        next += this.pause(gap);
      }
      start();
    }
    while (under.length > 0) await under.pop();
  }

  /** Exponential, so that arrivals are Poisson. */
  private pause(mean: number): number {
    return -mean * Math.log(1 - this.random.next());
  }

  private async post(line: Line, planned: number): Promise<void> {
    await line.post(this.body());
    this.latencies.push(performance.now() - planned);
  }

  private body(): string {
    const { batch } = this.load;
    if (batch === 1) return this.event();
    const events = new Array<string>(batch);
    for (let i = 0; i < batch; i++) events[i] = this.event();
    return `{"events":[${events.join(",")}]}`;
  }

  private event(): string {
    const { name, users, items } = this.load;
    const { random } = this;
    const user = random.int(users);
    const value = random.int(100) / 100;
    return `{"kind":"interaction","id":"${name}-${this.made++}","user":"u${user}","item":"v${random.int(items)}","type":"watch","value":${value},"time":${Date.now()}}`;
  }
}

/** One connection with one request under way. */
class Line {
  private readonly socket: Socket;
  private readonly host: string;
  private received = "";
  private answered: ((problem?: Error) => void) | undefined;

  private constructor(socket: Socket, host: string) {
    this.socket = socket;
    this.host = host;
    socket.setNoDelay(true);
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => this.take(text));
    socket.on("close", () => this.answered?.(new Error("bench/state: the server closed a connection")));
    socket.on("error", () => {});
  }

  static async open(host: string, port: number): Promise<Line> {
    const socket = connect(port, host);
    await once(socket, "connect");
    return new Line(socket, `${host}:${port}`);
  }

  post(body: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.answered = (problem) => (problem === undefined ? resolve() : reject(problem));
      // All of it is ASCII: characters are bytes.
      const head = `POST /v1/events HTTP/1.1\r\nhost: ${this.host}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
      this.socket.write(head + body, "latin1");
    });
  }

  close(): void {
    this.answered = undefined;
    this.socket.destroy();
  }

  private take(text: string): void {
    this.received += text;
    const headEnd = this.received.indexOf("\r\n\r\n");
    if (headEnd < 0) return;
    const length = /content-length: (\d+)/i.exec(this.received)?.[1];
    if (this.received.length < headEnd + 4 + Number(length)) return;
    const ok = this.received.startsWith("HTTP/1.1 200 ");
    const problem = ok ? undefined : new Error(`bench/state: the server answered ${this.received}`);
    this.received = "";
    this.answered?.(problem);
  }
}
