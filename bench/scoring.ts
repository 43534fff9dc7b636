/**
 * Networks on threads against networks in the caller's thread: CPU time of a call, and what the event loop feels while
 * requests and events come.
 *
 * Calls: one network, one call at a time, round after round in turning order; CPU time is that of all threads. Requests:
 * a trained instance over a small simulated platform, asked by Poisson arrivals in the same process; latency counts from
 * the planned moment. A benchmark of the shares of one process, not of a server (bench/serve.ts).
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { createJiti } from "jiti";
import { type Clock, type EpochMs, Random, systemClock } from "../src/core/index.ts";
import { rankingServing } from "../src/models/index.ts";
import { compileServing, Graph, type Model } from "../src/tensor/index.ts";
import type { Upnext } from "../src/upnext.ts";
import { anyRequests, anyScaling, anyWeights, smallShape } from "../test/models/any-ranking.ts";
import { median, rounded } from "./figures/spread.ts";

export const about =
  "Networks on threads beside the event loop against networks in it: 500 candidates with 90 features, 50 visits. `delay`: how late a timer of 1 ms fires, idle beside loaded.";

const END = Date.UTC(2026, 9, 31) as EpochMs;
const CLOCK: Clock = { now: () => END, monotonic: systemClock.monotonic };
const [CANDIDATES, VISITS, REQUEST_FEATURES, FEATURES] = [500, 50, 40, 90];
/** Requests and events a second. */
const [RATE, EVENTS] = [200, 40];

/** The package as it is run. */
async function compiled() {
  const jiti = createJiti(import.meta.url, { tryNative: true });
  const load = <T>(path: string) => jiti.import<T>(join(import.meta.dirname, "..", "dist", path));
  return {
    ...(await load<typeof import("../src/upnext.ts")>("upnext.js")),
    ...(await load<typeof import("../src/simulation/index.ts")>("simulation/index.js")),
    tensor: await load<typeof import("../src/tensor/index.ts")>("tensor/index.js"),
  };
}
type Compiled = Awaited<ReturnType<typeof compiled>>;

/** Arguments: `--calls` or `--requests` for one half; `--quick` for a few seconds of each. */
export async function run(args: readonly string[] = []): Promise<Record<string, unknown>> {
  const quick = args.includes("--quick");
  const built = await compiled();
  return {
    ...(!args.includes("--requests") && { calls: await measureCalls(built, quick) }),
    ...(!args.includes("--calls") && (await measureRequests(built, quick))),
  };
}

const NETWORKS = [
  ["logistic", "logistic", { width: 4, hidden: [4, 4], embedding: 4 }],
  ["feature network", "feature-network", { width: 32, hidden: [128, 64], crosses: 0, embedding: 16 }],
  ["student", "transformer", { width: 16, blocks: 1, attentionHeads: 1, hidden: [48, 24], embedding: 8 }],
] as const;

async function measureCalls({ tensor }: Compiled, quick: boolean) {
  const pool = tensor.openScoringPool(1);
  const rows: Record<string, unknown>[] = [];
  for (const [what, architecture, size] of NETWORKS) {
    const shape = smallShape(architecture, {
      requestFeatures: REQUEST_FEATURES,
      candidateFeatures: FEATURES,
      requestScaling: anyScaling(REQUEST_FEATURES),
      candidateScaling: anyScaling(FEATURES),
      visits: VISITS,
      items: 6_000,
      ...size,
    });
    const graph = new Graph();
    const bytes = compileServing(rankingServing(graph, shape), anyWeights(graph, new Random(what)));
    const models = { here: await tensor.loadModel(bytes), there: await pool.load(bytes) };
    const all = anyRequests(shape, { size: CANDIDATES, visits: VISITS });
    const inputs = Object.fromEntries(models.here.inputNames.map((name) => [name, all[name]!]));
    const cpu = { here: [] as number[], there: [] as number[] };
    const wall = { here: [] as number[], there: [] as number[] };
    for (let round = 0; round <= (quick ? 3 : 11); round++) {
      for (const where of (["here", "there"] as const).toSorted(() => (round % 2 ? -1 : 1))) {
        const [cpuMs, wallMs] = await timed(models[where], inputs, quick ? 50 : 200);
        if (round === 0) continue;
        cpu[where].push(cpuMs);
        wall[where].push(wallMs);
      }
    }
    rows.push({
      what,
      "caller's thread, cpu_ms": median(cpu.here),
      "pool, cpu_ms": median(cpu.there),
      "caller's thread, wall_ms": median(wall.here),
      "pool, wall_ms": median(wall.there),
    });
    await models.here.close();
  }
  await pool.close();
  return rows;
}

async function timed(model: Model, inputs: Parameters<Model["run"]>[0], calls: number) {
  const cpu = process.cpuUsage();
  const began = performance.now();
  for (let i = 0; i < calls; i++) await model.run(inputs);
  const { user, system } = process.cpuUsage(cpu);
  return [(user + system) / 1000 / calls, (performance.now() - began) / calls] as const;
}

async function measureRequests({ open, simulate }: Compiled, quick: boolean) {
  const directory = await mkdtemp(join(tmpdir(), "upnext-bench-scoring-"));
  const size = { users: 300, videos: 1_000, events: 15_000 };
  try {
    const config = { training: { holdOut: 0 } };
    const first = await open({ directory, clock: CLOCK, config });
    for (const batch of simulate({ ...size, end: END })) await first.track(batch);
    await first.train(undefined, { timeBudget: 20_000 });
    await first.close();
    const rows: Record<string, unknown>[] = [];
    for (let round = 0; round < (quick ? 1 : 3); round++) {
      for (const threads of round % 2 ? [1, 0] : [0, 1]) {
        const upnext = await open({ directory, clock: CLOCK, config: { ...config, serving: { threads } } });
        const row = await loaded(upnext, size, quick ? 4_000 : 10_000, new Random(`scoring/${round}`));
        rows.push({ threads, round, ...row });
        await upnext.close();
      }
    }
    return { "requests and events": `${RATE} and ${EVENTS} a second`, rows };
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function loaded(
  upnext: Upnext,
  { users, videos }: { users: number; videos: number },
  ms: number,
  random: Random,
) {
  const idle = await delayWhile(() => sleep(1_000));
  const latencies: number[] = [];
  const rungs = new Map<string, number>();
  const under = new Set<Promise<unknown>>();
  const before = process.cpuUsage();
  const delay = await delayWhile(async () => {
    const began = performance.now();
    let next = began;
    while (next < began + ms) {
      next += (-Math.log(1 - random.next()) * 1000) / (RATE + EVENTS);
      if (next > performance.now()) await sleep(next - performance.now());
      const planned = next;
      // Some users come again and again, as on a platform.
      const user = `u${1 + Math.floor(users * random.next() ** 2)}`;
      const asked =
        random.next() < EVENTS / (RATE + EVENTS)
          ? upnext.track({ kind: "interaction", user, item: `v${1 + random.int(videos)}`, type: "click" })
          : upnext.recommend({ user, log: false }).then(({ rung }) => {
              latencies.push(performance.now() - planned);
              rungs.set(rung, (rungs.get(rung) ?? 0) + 1);
            });
      under.add(asked.finally(() => under.delete(asked)));
    }
    await Promise.all(under);
  });
  const { user, system } = process.cpuUsage(before);
  latencies.sort((a, b) => a - b);
  const at = (share: number) => rounded(latencies[Math.floor(share * latencies.length)]!);
  const { encodings } = Object(upnext).scoring.figures();
  return {
    answers: latencies.length,
    p50_ms: at(0.5),
    p99_ms: at(0.99),
    cpu_ms: rounded((user + system) / 1000 / latencies.length),
    rungs: JSON.stringify(Object.fromEntries(rungs)),
    "idle delay p99": idle.p99,
    "delay p50": delay.p50,
    "delay p99": delay.p99,
    "delay max": delay.max,
    hits: encodings.hits,
    misses: encodings.misses,
    ahead: encodings.ahead,
  };
}

/** Milliseconds between two looks at the loop. */
const LOOK_MS = 1;

async function delayWhile(work: () => Promise<unknown>) {
  const delay = monitorEventLoopDelay({ resolution: LOOK_MS });
  delay.enable();
  await work();
  delay.disable();
  // Node tells how long after the last look one came, not how late it was.
  const of = (ns: number) => rounded(Math.max(0, ns / 1e6 - LOOK_MS));
  return { p50: of(delay.percentile(50)), p99: of(delay.percentile(99)), max: of(delay.max) };
}
