/**
 * The server under load: `upnext serve` as its own process over a simulated platform, asked by the open-loop generator
 * of bench/load, a process too. Both share the machine.
 *
 * Arguments: `--quick` (a small platform, short steps), `--size small|10k|100k|1m`, `--store lmdb,redis`,
 * `--seconds N` a step, `--rates 50,100` instead of the search for the knee, `--events 0.2` events a recommendation,
 * `--workers 1,2` processes, `--threads N` that score, `--parts library,bare,overload,sessions,next-items` of what
 * is measured beside the rates (`next-items` trains anew).
 */
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { UpnextConfig } from "../src/upnext.ts";
import { redisMissing, redisServer } from "../test/servers/redis.ts";
import { rounded } from "./figures/spread.ts";
import { type LoadGenerator, loadOf, startBareServer, startGenerator } from "./load/start.ts";
import { measureInProcess } from "./serve/in-process.ts";
import { measureOverload } from "./serve/overload.ts";
import { type Platform, platformOf } from "./serve/platform.ts";
import { usageOf } from "./serve/processes.ts";
import { type RunningServer, serveCopy } from "./serve/server.ts";
import { compareNextItems, type SessionsBench, serveSessions } from "./serve/sessions.ts";
import { CONFIG, FITTING, SIZES } from "./serve/sizes.ts";
import {
  FIRST_RATE,
  findKnee,
  holds,
  lowStep,
  measureStep,
  rowOf,
  type Step,
  trafficOf,
} from "./serve/step.ts";

export const about =
  "upnext serve under open-loop load (Poisson arrivals, latency from the planned moment of sending, what gets no answer counts with 10 s): 20 items out of 500 candidates, users with at least 50 touches, all sources there, every answer's impression logged, events posted beside. The knee is the highest rate at which the 99th percentile is within 50 ms and 99 % of the answers are of the best rung, with the generator on the same machine. cpu_ms: of the server's processes, a recommendation. A run whose generator was late itself says `invalid`.";

const WARM_SECONDS = 3;
const BARE_RATE = 1_000;
const OVERLOADS = [2, 4, 10];
/** The stages that find and score candidates; the others are the frame around them. */
const MODEL_STAGES = ["encode", "retrieve", "blend", "rank"];

interface Plan {
  readonly size: string;
  readonly stores: readonly string[];
  readonly seconds: number;
  readonly rates: readonly number[];
  readonly events: number;
  /** Processes that answer; measured one number after the other. */
  readonly workers: readonly number[];
  /** Of scoring; as many as the product takes by itself where undefined. */
  readonly threads: number | undefined;
  readonly halvings: number;
  readonly parts: readonly string[];
}

/** What one measurement after the other needs. */
interface Bench {
  readonly plan: Plan;
  readonly platform: Platform;
  readonly generator: LoadGenerator;
  /** For copies. */
  readonly folder: string;
}

export async function run(args: readonly string[] = []): Promise<Record<string, unknown>> {
  const plan = planOf(args);
  const size = SIZES[plan.size]!;
  const folder = await mkdtemp(join(tmpdir(), "upnext-bench-serve-"));
  const generator = startGenerator();
  try {
    const platform = await platformOf(size, CONFIG, FITTING, say);
    const bench = { plan, platform, generator, folder };
    const result: Record<string, unknown> = {
      ...size,
      "events of the log": platform.logged,
      "users that ask": platform.busy.length,
      "events a recommendation": plan.events,
      ...(plan.threads !== undefined && { "threads that score": plan.threads }),
      "seconds a step": plan.seconds,
    };
    if (plan.parts.includes("library")) {
      say("in the process");
      const directory = join(folder, "library");
      result["in the process, without HTTP"] = await measureInProcess(
        platform,
        CONFIG,
        directory,
        plan.seconds,
      );
      await rm(directory, { recursive: true, force: true });
    }
    for (const store of plan.stores) {
      for (const workers of plan.workers) {
        const name = workers === 1 ? store : `${store}, ${workers} workers`;
        result[name] = await measureStore(bench, store, name, workers);
      }
    }
    const sessions = sessionsBench(bench);
    if (plan.parts.includes("sessions"))
      result["VMIS-kNN in the same server"] = await serveSessions(sessions);
    if (plan.parts.includes("next-items")) result["the next item"] = await compareNextItems(sessions);
    return result;
  } finally {
    await generator.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureStore(
  bench: Bench,
  store: string,
  name: string,
  workers: number,
): Promise<Record<string, unknown>> {
  const { threads } = bench.plan;
  const config: UpnextConfig = threads === undefined ? CONFIG : { ...CONFIG, serving: { threads } };
  if (store === "lmdb") return measureServer(bench, name, config, workers);
  if (redisMissing !== undefined) return { skipped: redisMissing };
  const redis = await redisServer();
  try {
    const cpuBefore = usageOf(redis.pid).cpuMs;
    const onRedis: UpnextConfig = { ...config, state: { store: "redis", url: redis.url } };
    const result = await measureServer(bench, name, onRedis, workers);
    const { cpuMs, rssMb } = usageOf(redis.pid);
    return {
      ...result,
      "redis-server CPU s": rounded((cpuMs - cpuBefore) / 1_000),
      "redis-server RSS MB": rounded(rssMb),
    };
  } finally {
    await redis.stop();
  }
}

async function measureServer(
  bench: Bench,
  name: string,
  config: UpnextConfig,
  workers: number,
): Promise<Record<string, unknown>> {
  const { plan, platform, generator, folder } = bench;
  const { videos } = SIZES[plan.size]!;
  const traffic = trafficOf(platform.busy, videos, plan.events);
  const began = performance.now();
  const args = workers > 1 ? ["--workers", String(workers)] : [];
  const server = await serveCopy(platform, { directory: join(folder, name), config, args });
  try {
    const ready = performance.now() - began;
    say(`${name}: warming up`);
    const step = (rate: number, seconds = plan.seconds) =>
      measureStep(server, generator, traffic, rate, seconds);
    const low = await lowStep(step, workers);
    const found =
      plan.rates.length > 0
        ? await eachRate(plan.rates, step)
        : await findKnee(step, FIRST_RATE, plan.halvings, (each) => say(`${name}: ${lineOf(each)}`));
    const { steps, knee } = found;
    const result: Record<string, unknown> = {
      "ready after s": rounded(ready / 1_000),
      "found for one user": await foundFor(server, platform.busy[0]!),
      "knee, requests/s": knee?.rate ?? null,
      "by CPU, requests/s": Math.round((1_000 * cores()) / low.cpuMs),
      rates: [low, ...steps].map(rowOf),
      "stages at the lowest rate, ms": Object.fromEntries(
        Object.entries(low.stages).map(([stage, ms]) => [stage, rounded(ms)]),
      ),
    };
    if (plan.parts.includes("bare")) result["beside bare node:http"] = await besideBare(bench, server, low);
    if (plan.parts.includes("overload") && knee !== null) {
      const rows: unknown[] = [];
      for (const times of OVERLOADS) {
        say(`${name}: ${times} times the knee`);
        const { seconds } = plan;
        rows.push(await measureOverload(server, generator, { traffic, knee: knee.rate, times, seconds }));
      }
      result["above the knee"] = rows;
    }
    return result;
  } finally {
    await server.stop();
  }
}

/** By source. */
async function foundFor({ url }: RunningServer, user: string): Promise<string> {
  const answer = await fetch(`${url}/v1/recommendations?user=${user}&log=false`);
  const { trace } = (await answer.json()) as { trace: { sources: { name: string; found: number }[] } };
  return trace.sources.map(({ name, found }) => `${name} ${found}`).join(", ");
}

/** VMIS-kNN in the same server, and how well either says the next item. */
function sessionsBench({ plan, platform, generator, folder }: Bench): SessionsBench {
  const traffic = trafficOf(platform.busy, SIZES[plan.size]!.videos, plan.events);
  const { seconds } = plan;
  return { platform, generator, traffic, folder, config: CONFIG, fitting: FITTING, seconds, say };
}

async function eachRate(rates: readonly number[], step: (rate: number) => Promise<Step>) {
  const steps: Step[] = [];
  for (const rate of rates) steps.push(await step(rate));
  return { steps, knee: steps.findLast(holds) ?? null };
}

/** What everything but finding and scoring candidates costs, in answers of node:http with the same bytes. */
async function besideBare({ generator, plan }: Bench, server: RunningServer, low: Step) {
  const example = await fetch(`${server.url}/v1/recommendations?user=u1&log=false`);
  const body = await example.text();
  const bare = await startBareServer({ forMs: 0, everyMs: 0, body });
  try {
    await generator.ask(loadOf(bare.port, BARE_RATE, WARM_SECONDS));
    const before = usageOf(bare.pid).cpuMs;
    const report = await generator.ask(loadOf(bare.port, BARE_RATE, plan.seconds));
    const { planned, p50_ms, p99_ms } = report.traffic["/"]!;
    const bareMs = (usageOf(bare.pid).cpuMs - before) / planned;
    const models = MODEL_STAGES.reduce((sum, stage) => sum + (low.stages[stage] ?? 0), 0);
    return {
      bytes: body.length,
      bare_cpu_ms: rounded(bareMs),
      bare_p50_ms: rounded(p50_ms),
      bare_p99_ms: rounded(p99_ms),
      "generator cpu_us": report.generator.cpu_us_per_request,
      cpu_ms: rounded(low.cpuMs),
      "of that, encode, retrieve, blend and rank, ms": rounded(models),
      "the rest is so many bare answers": rounded((low.cpuMs - models) / bareMs),
    };
  } finally {
    await bare.close();
  }
}

const PARTS = ["library", "bare", "overload", "sessions", "next-items"] as const;

function planOf(args: readonly string[]): Plan {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean" },
      ...{
        size: text,
        store: text,
        seconds: text,
        rates: text,
        events: text,
        workers: text,
        threads: text,
        parts: text,
      },
    },
  });
  const { quick = false } = values;
  const list = (given: string | undefined) => given?.split(",").filter((part) => part !== "");
  const plan: Plan = {
    size: values.size ?? (quick ? "small" : "100k"),
    stores: list(values.store) ?? (quick ? ["lmdb"] : ["lmdb", "redis"]),
    seconds: Number(values.seconds ?? (quick ? 2 : 10)),
    rates: list(values.rates)?.map(Number) ?? [],
    events: Number(values.events ?? 0.2),
    workers: list(values.workers)?.map(Number) ?? [1],
    threads: values.threads === undefined ? undefined : Number(values.threads),
    halvings: quick ? 1 : 3,
    parts: list(values.parts) ?? (quick ? ["library", "bare"] : PARTS),
  };
  if (SIZES[plan.size] === undefined) {
    throw new Error(`bench/serve: --size: expected one of ${Object.keys(SIZES).join(", ")}`);
  }
  return plan;
}

function lineOf({ rate, recommendations, cpuMs }: Step): string {
  const { p99_ms, full, planned } = recommendations;
  return `${rate}/s: p99 ${rounded(p99_ms)} ms, full ${rounded(full / planned)}, CPU ${rounded(cpuMs)} ms`;
}

function cores(): number {
  return cpus().length;
}

function say(line: string): void {
  process.stderr.write(`serve: ${line}\n`);
}
