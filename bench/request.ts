/**
 * A whole request of a trained instance over a simulated platform: in the process, and over HTTP beside a bare node:http
 * answer of the same size.
 *
 * Requests come one at a time. All cases are measured round after round in an order that turns round each time; a
 * figure is the median over the rounds, with the smallest and the largest. CPU time is the whole process's, threads of
 * the store and of ONNX Runtime included; the HTTP client is another process, so it is not in it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer as createBareServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createJiti } from "jiti";
import { type Clock, type EpochMs, Random, systemClock } from "../src/core/index.ts";
import type { Recommendation, RecommendRequest, Upnext } from "../src/upnext.ts";
import { median, rounded } from "./figures/spread.ts";

export const about =
  "A whole request: state, sources, blend, features, ranking, policy; 20 items out of 500 candidates, one request at a time, LMDB for the state. `logged`: the impression goes into the durable log after the answer. `GET /healthz`: the server's own way, without a recommendation. `bare node:http`: a server that answers as many bytes as a recommendation has.";

/** The package as it is run, compiled; loaded as a benchmark is, from its sources, a request costs a tenth more. */
async function compiled() {
  const jiti = createJiti(import.meta.url, { tryNative: true });
  const load = <T>(path: string) => jiti.import<T>(join(import.meta.dirname, "..", "dist", path));
  return {
    ...(await load<typeof import("../src/upnext.ts")>("upnext.js")),
    ...(await load<typeof import("../src/monitoring/index.ts")>("monitoring/index.js")),
    ...(await load<typeof import("../src/serving/index.ts")>("serving/index.js")),
    ...(await load<typeof import("../src/simulation/index.ts")>("simulation/index.js")),
  };
}
type Compiled = Awaited<ReturnType<typeof compiled>>;

interface Size {
  readonly users: number;
  readonly videos: number;
  readonly events: number;
}

const SIZES: readonly Size[] = [
  { users: 2_500, videos: 6_000, events: 220_000 },
  { users: 2_500, videos: 50_000, events: 120_000 },
  { users: 5_000, videos: 100_000, events: 300_000 },
];
const QUICK: readonly Size[] = [{ users: 300, videos: 1_000, events: 15_000 }];
/** Milliseconds that fitting may take, and lists of the ranker: what a request costs does not depend on how well it was trained. */
const TRAINING = 40_000;
const LISTS = 500;
/** When the simulated log ends, and when all requests are made. */
const END = Date.UTC(2026, 9, 31) as EpochMs;
const CLOCK: Clock = { now: () => END, monotonic: systemClock.monotonic };

interface Plan {
  readonly rounds: number;
  /** Requests of each case in a round. */
  readonly requests: number;
}

/** One round of one case. */
interface Sample {
  readonly p50: number;
  readonly p99: number;
  readonly cpu: number;
}

interface Case {
  readonly what: string;
  rounded(requests: number, random: Random): Promise<Sample>;
  close?(): Promise<void>;
}

/** Arguments: `--quick` for a small platform and few rounds. */
export async function run(args: readonly string[] = []): Promise<Record<string, unknown>> {
  const quick = args.includes("--quick");
  const plan: Plan = quick ? { rounds: 2, requests: 100 } : { rounds: 9, requests: 400 };
  const result: Record<string, unknown> = { ...plan };
  for (const size of quick ? QUICK : SIZES) result[`${size.videos} videos`] = await measure(size, plan);
  return result;
}

async function measure(size: Size, plan: Plan): Promise<Record<string, unknown>> {
  const built = await compiled();
  const { open, simulate } = built;
  const directory = await mkdtemp(join(tmpdir(), "upnext-bench-request-"));
  const upnext = await open({
    directory,
    clock: CLOCK,
    config: { training: { holdOut: 0, maxLists: LISTS } },
  });
  const cases: Case[] = [];
  try {
    for (const batch of simulate({ ...size, end: END })) await upnext.track(batch);
    const began = performance.now();
    const report = await upnext.train(undefined, { timeBudget: TRAINING });
    const trainSeconds = rounded((performance.now() - began) / 1000);
    const trace = new TraceTimes();
    cases.push(...libraryCases(upnext, size, trace), ...(await httpCases(built, upnext, size)));
    const requests = await interleaved(cases, plan);
    return {
      users: size.users,
      interactions: report.interactions,
      "events of the log": (await upnext.status()).log.end,
      "training seconds": trainSeconds,
      "RSS MB": Math.round(process.memoryUsage.rss() / 1e6),
      requests,
      ...trace.medians(),
    };
  } finally {
    for (const { close } of cases) await close?.();
    await upnext.close();
    await rm(directory, { recursive: true });
  }
}

function libraryCases(upnext: Upnext, { users }: Size, trace: TraceTimes): Case[] {
  const known = (random: Random) => `u${1 + random.int(users)}`;
  const case_ = (what: string, make: (random: Random) => RecommendRequest, see?: TraceTimes): Case => ({
    what,
    async rounded(requests, random) {
      const before = (await upnext.status()).log.end;
      let logged = 0;
      return sampled(
        requests,
        async () => {
          const request = make(random);
          const answer = await upnext.recommend(request);
          if (request.log !== false) logged++;
          check(answer);
          see?.add(answer);
        },
        // What was not waited for belongs to the requests all the same.
        async () => {
          while ((await upnext.status()).log.end < before + logged) await new Promise(setImmediate);
        },
      );
    },
  });
  return [
    case_("known user", (random) => ({ user: known(random), log: false }), trace),
    case_("known user, explained", (random) => ({ user: known(random), log: false, explain: true })),
    case_("known user, logged", (random) => ({ user: known(random) })),
    case_("unknown user", (random) => ({ user: `nobody-${random.uint32()}`, log: false })),
  ];
}

async function httpCases(
  { createMetrics, createServer }: Compiled,
  upnext: Upnext,
  { users }: Size,
): Promise<Case[]> {
  const metrics = createMetrics();
  const server = await createServer({ recommender: upnext, metrics, clock: CLOCK, settings: { port: 0 } });
  const { url } = await server.listen();
  const path = (random: Random) => `/v1/recommendations?user=u${1 + random.int(users)}&log=false`;
  const example = Buffer.from(await (await fetch(url + path(new Random("example")))).arrayBuffer());
  const bare = createBareServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/json; charset=utf-8" }).end(example);
  });
  bare.listen(0, "127.0.0.1");
  await once(bare, "listening");
  const bareUrl = `http://127.0.0.1:${(bare.address() as AddressInfo).port}`;
  const client = new Client();
  const case_ = (what: string, target: (random: Random) => string, close?: () => Promise<unknown>): Case => ({
    what,
    async rounded(requests, random) {
      const paths = Array.from({ length: requests }, () => target(random));
      const cpu = process.cpuUsage();
      const latencies = await client.get(paths);
      return summary(latencies, cpuMs(cpu) / requests);
    },
    async close() {
      await close?.();
    },
  });
  return [
    case_("known user, over HTTP", (random) => url + path(random)),
    case_(
      "GET /healthz",
      () => `${url}/healthz`,
      async () => {
        client.close();
        await server.close();
        metrics.close();
      },
    ),
    case_(
      `bare node:http, ${example.length} bytes`,
      () => bareUrl,
      async () => bare.close(),
    ),
  ];
}

/** Gets URLs one after the other on one connection, from another process. */
class Client {
  private readonly child: ChildProcess;
  /** Rejects when the client ends by itself. */
  private readonly failed: Promise<never>;

  constructor() {
    const script = `
      import { Agent, get } from "node:http";
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const once = (url) => new Promise((resolve, reject) => {
        const began = performance.now();
        get(url, { agent }, (response) => {
          if (response.statusCode !== 200) reject(new Error(url + " answered " + response.statusCode));
          response.on("data", () => {}).on("end", () => resolve(performance.now() - began));
        }).on("error", reject);
      });
      process.on("disconnect", () => process.exit());
      process.on("message", async (urls) => {
        const latencies = [];
        for (const url of urls) latencies.push(await once(url));
        process.send(latencies);
      });
    `;
    this.child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.failed = once(this.child, "exit").then(() => {
      throw new Error("bench/request: the client has failed");
    });
    this.failed.catch(() => {});
  }

  /** Milliseconds of each. */
  async get(urls: readonly string[]): Promise<Float64Array> {
    const { child, failed } = this;
    const answered = new Promise<readonly number[]>((resolve) => {
      child.once("message", (latencies) => resolve(latencies as number[]));
    });
    child.send(urls);
    const answer = await Promise.race([answered, failed]);
    return Float64Array.from(answer);
  }

  close(): void {
    this.child.disconnect();
  }
}

/** One warm-up round, then the others in turning order, everyone asking for the same users. */
async function interleaved(cases: readonly Case[], { rounds, requests }: Plan) {
  const samples = new Map<Case, Sample[]>(cases.map((each) => [each, []]));
  for (let r = 0; r <= rounds; r++) {
    for (const each of r % 2 === 0 ? cases : cases.toReversed()) {
      const sample = await each.rounded(requests, new Random(`bench/request/${r}`));
      if (r > 0) samples.get(each)!.push(sample);
    }
  }
  return [...samples].map(([{ what }, seen]) => ({
    what,
    p50_ms: median(seen.map(({ p50 }) => p50)),
    p99_ms: median(seen.map(({ p99 }) => p99)),
    cpu_ms: median(seen.map(({ cpu }) => cpu)),
    "p50_ms, all rounds": range(seen.map(({ p50 }) => p50)),
    "p99_ms, all rounds": range(seen.map(({ p99 }) => p99)),
    "cpu_ms, all rounds": range(seen.map(({ cpu }) => cpu)),
  }));
}

/** Calls one after the other; `settle` is in the CPU time and in no latency. */
async function sampled(count: number, call: () => Promise<void>, settle: () => Promise<void>) {
  const latencies = new Float64Array(count);
  const cpu = process.cpuUsage();
  for (let i = 0; i < count; i++) {
    const began = performance.now();
    await call();
    latencies[i] = performance.now() - began;
  }
  await settle();
  return summary(latencies, cpuMs(cpu) / count);
}

function summary(latencies: Float64Array, cpu: number): Sample {
  latencies.sort();
  const at = (share: number) => latencies[Math.floor(share * latencies.length)]!;
  return { p50: at(0.5), p99: at(0.99), cpu };
}

/** Times of stages and sources, as the answers tell them. */
class TraceTimes {
  private readonly stages = new Map<string, { ms: number[]; found: number[] }>();
  private readonly sources = new Map<string, { ms: number[]; found: number[] }>();
  private readonly rungs = new Map<string, number>();

  add({ trace, rung }: Recommendation): void {
    for (const { stage, ms, out } of trace.stages) this.put(this.stages, stage, ms, out);
    for (const { name, ms, found } of trace.sources) this.put(this.sources, name, ms, found);
    this.rungs.set(rung, (this.rungs.get(rung) ?? 0) + 1);
  }

  medians() {
    const rows = (times: typeof this.stages) =>
      [...times].map(([what, { ms, found }]) => ({ what, p50_ms: median(ms), out: median(found) }));
    return {
      stages: rows(this.stages),
      "sources, within retrieve": rows(this.sources),
      rungs: [...this.rungs].map(([rung, answers]) => ({ rung, answers })),
    };
  }

  private put(times: typeof this.stages, name: string, ms: number, found: number): void {
    const seen = times.get(name) ?? { ms: [], found: [] };
    times.set(name, seen);
    seen.ms.push(ms);
    seen.found.push(found);
  }
}

function check({ items }: Recommendation): void {
  if (items.length !== 20) throw new Error(`bench/request: expected 20 items, got ${items.length}`);
}

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

function range(values: readonly number[]): string {
  return `${rounded(Math.min(...values))} to ${rounded(Math.max(...values))}`;
}
