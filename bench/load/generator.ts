/**
 * The load generator: requests at random moments (Poisson arrivals of a seeded stream) that wait for nothing, neither
 * for answers nor for connections. What it guarantees, and what it does not, is in docs/decisions/0021.
 */
import { type EventLoopUtilization, performance } from "node:perf_hooks";
import { Random } from "../../src/core/index.ts";
import { serveParent } from "../state/child.ts";
import { Connection, type Failure } from "./connection.ts";
import { histogram, type Latency, quantiles, record, Tally, type TrafficReport } from "./tally.ts";

/** One kind of request. */
export interface Traffic {
  readonly name: string;
  /** Of all requests; the shares are weights. */
  readonly share: number;
  /** Whole HTTP/1.1 requests, one of which is sent each time. */
  readonly requests: readonly string[];
  /** Whether NUMBER in a request is replaced by the number of the request, which `acknowledged` then tells. */
  readonly numbered?: boolean;
}

export interface Load {
  readonly host: string;
  readonly port: number;
  /** Requests a second. */
  readonly rate: number;
  /** Seconds that are measured, after `warmup` seconds that are not. */
  readonly seconds: number;
  readonly warmup: number;
  readonly seed: string;
  /** Milliseconds in which an answer is in time. */
  readonly objective: number;
  /** Milliseconds after which a request has failed. */
  readonly patience: number;
  readonly traffic: readonly Traffic[];
}

export interface LoadReport {
  /** Wall-clock milliseconds of the first planned moment that was measured. */
  readonly began: number;
  readonly traffic: Readonly<Record<string, TrafficReport>>;
  readonly generator: {
    /** Why nothing may be concluded from the run; null where it is sound. */
    readonly invalid: string | null;
    /** How much later than planned requests were handed to a socket. */
    readonly lateness: Latency;
    readonly cpu_us_per_request: number;
    /** Share of the time in which its event loop was busy. */
    readonly busy: number;
    readonly connections: number;
    readonly most_in_flight: number;
  };
}

/** Ten digits of a request, replaced by its number. */
export const NUMBER = "0000000000";
/** A tenth of the objective of 50 ms (guess). */
const MOST_LATENESS_MS = 5;
const LOOK_MS = 100;

class Generator {
  private readonly load: Load;
  private readonly random: Random;
  private readonly requests: readonly (readonly Buffer[])[];
  private readonly places: readonly (readonly number[])[];
  /** Running sums of the shares. */
  private readonly upTo: readonly number[];
  private readonly tallies: readonly Tally[];
  private readonly lateness;
  private readonly idle: Connection[] = [];
  private readonly connections = new Set<Connection>();
  private inFlight = 0;
  private mostInFlight = 0;
  private opened = 0;
  private sent = 0;
  private noRoom = 0;
  /** performance.now() of the zero of all times below. */
  private zero = 0;

  constructor(load: Load) {
    this.load = load;
    this.random = new Random(load.seed);
    this.requests = load.traffic.map(({ requests }) => requests.map((text) => Buffer.from(text)));
    this.places = load.traffic.map(({ requests, numbered }) =>
      requests.map((text) => (numbered ? Buffer.from(text).indexOf(NUMBER) : -1)),
    );
    const upTo: number[] = [];
    for (const { share } of load.traffic) upTo.push((upTo.at(-1) ?? 0) + share);
    this.upTo = upTo;
    this.tallies = load.traffic.map(() => new Tally(load.objective, load.patience));
    this.lateness = histogram(load.patience, 3);
  }

  async run(): Promise<LoadReport> {
    const { warmup, patience, traffic } = this.load;
    const watch = setInterval(() => this.giveUp(), LOOK_MS);
    this.zero = performance.now() + warmup * 1_000;
    const began = Date.now() + warmup * 1_000;
    const [cpu, loop] = [process.cpuUsage(), performance.eventLoopUtilization()];
    await this.arrivals();
    const until = this.now() + patience + 2 * LOOK_MS;
    while (this.inFlight > 0 && this.now() < until) await pause(5);
    clearInterval(watch);
    const generator = this.selfReport(cpu, loop);
    for (const connection of this.connections) connection.end("other");
    return {
      began,
      traffic: Object.fromEntries(traffic.map(({ name }, i) => [name, this.tallies[i]!.report()])),
      generator,
    };
  }

  /** Sends everything that is due each time the timer comes; resolves when all has been sent. */
  private arrivals(): Promise<void> {
    const { rate, seconds, warmup } = this.load;
    const mean = 1_000 / rate;
    const end = seconds * 1_000;
    const gap = () => -Math.log(1 - this.random.next()) * mean;
    let next = -warmup * 1_000 + gap();
    return new Promise((done) => {
      const tick = () => {
        for (let now = this.now(); next <= now && next < end; now = this.now()) {
          this.send(next, now);
          next += gap();
        }
        if (next >= end) done();
        else setTimeout(tick, next - this.now());
      };
      tick();
    });
  }

  private send(planned: number, now: number): void {
    const at = this.random.next() * this.upTo.at(-1)!;
    const traffic = this.upTo.findIndex((upTo) => at < upTo);
    const requests = this.requests[traffic]!;
    const which = this.random.int(requests.length);
    const connection = this.connection();
    connection.planned = planned;
    connection.traffic = traffic;
    connection.number = -1;
    let bytes = requests[which]!;
    const place = this.places[traffic]![which]!;
    if (place >= 0) {
      connection.number = this.sent;
      bytes = Buffer.from(bytes);
      bytes.write(String(this.sent).padStart(NUMBER.length, "0"), place, "latin1");
    }
    this.sent++;
    this.inFlight++;
    if (this.inFlight > this.mostInFlight) this.mostInFlight = this.inFlight;
    if (planned >= 0) record(this.lateness, now - planned);
    connection.send(bytes);
  }

  /** The one that was used last, so that few stay open; a new one where all are busy. */
  private connection(): Connection {
    for (let last = this.idle.pop(); last !== undefined; last = this.idle.pop()) {
      if (last.free) return last;
    }
    const { host, port } = this.load;
    const connection = new Connection(host, port, this);
    this.connections.add(connection);
    this.opened++;
    return connection;
  }

  answered(connection: Connection, status: number, body: Buffer): void {
    const { planned, traffic, number } = connection;
    this.inFlight--;
    if (planned >= 0) this.tallies[traffic]!.answer(planned, this.now(), status, body, number);
    if (connection.free) this.idle.push(connection);
  }

  failed({ planned, traffic }: Connection, failure: Failure): void {
    this.inFlight--;
    if (failure === "no room") this.noRoom++;
    if (planned >= 0) this.tallies[traffic]!.failure(planned, failure);
  }

  closed(connection: Connection): void {
    this.connections.delete(connection);
  }

  private giveUp(): void {
    const before = this.now() - this.load.patience;
    for (const connection of this.connections) {
      if (!connection.free && connection.planned < before) connection.end("timeout");
    }
  }

  private selfReport(cpu: NodeJS.CpuUsage, loop: EventLoopUtilization): LoadReport["generator"] {
    const { user, system } = process.cpuUsage(cpu);
    const lateness = quantiles(this.lateness);
    const late =
      lateness.p99_ms > MOST_LATENESS_MS
        ? `the generator was late: p99 ${lateness.p99_ms.toFixed(1)} ms, at most ${MOST_LATENESS_MS} are allowed`
        : null;
    const full = this.noRoom > 0 ? `${this.noRoom} requests had no room for a connection` : null;
    return {
      invalid: late ?? full,
      lateness,
      cpu_us_per_request: Math.round((10 * (user + system)) / Math.max(1, this.sent)) / 10,
      busy: Math.round(1_000 * performance.eventLoopUtilization(loop).utilization) / 1_000,
      connections: this.opened,
      most_in_flight: this.mostInFlight,
    };
  }

  private now(): number {
    return performance.now() - this.zero;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

/** The process: each message is a Load, and is answered with its report. */
export function serve(): void {
  serveParent((load: Load) => new Generator(load).run());
}
