/**
 * A session-kNN baseline: VMIS-kNN (bench/peers/vmis-knn.ts) alone, without a ranker, in the same server over the same
 * platform under the same load; and how well either says a user's last item out of what came before it.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createJiti } from "jiti";
import { type Ms, silent, systemClock } from "../../src/core/index.ts";
import { clusteredMean, hitAt, ndcgAt } from "../../src/evaluation/index.ts";
import { openFileLog } from "../../src/events/index.ts";
import type { Source } from "../../src/retrieval/index.ts";
import { fitSources } from "../../src/training/fit-sources.ts";
import { measureSystems } from "../../src/training/measure-systems.ts";
import { fitOlderPart } from "../../src/training/older-part.ts";
import { cutLast, sequencesOf } from "../../src/training/replay.ts";
import type { UpnextConfig } from "../../src/upnext.ts";
import { rounded } from "../figures/spread.ts";
import type { Traffic } from "../load/generator.ts";
import type { LoadGenerator } from "../load/start.ts";
import { vmisKnn } from "../peers/vmis-knn.ts";
import { copyOf, type Fitting, type Platform } from "./platform.ts";
import { serveDirectory } from "./server.ts";
import { measureStep, OBJECTIVE_MS, rowOf } from "./step.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const REGISTER = pathToFileURL(join(ROOT, "bench", "peers", "register-vmis-knn.mjs")).href;
/** Users whose last item is asked for. */
const EXAMPLES = 2_000;
const FIRST_RATE = 100;
const LOW_RATE = 20;

export interface SessionsBench {
  readonly platform: Platform;
  readonly generator: LoadGenerator;
  readonly traffic: readonly Traffic[];
  readonly folder: string;
  readonly config: UpnextConfig;
  readonly fitting: Fitting;
  readonly seconds: number;
  say(line: string): void;
}

/** The highest of the doubled rates at which the 99th percentile is within the objective, and what a request costs. */
export async function serveSessions(bench: SessionsBench): Promise<Record<string, unknown>> {
  const { platform, generator, traffic, seconds } = bench;
  const directory = join(bench.folder, "vmis-knn");
  const config = { ...bench.config, retrieval: { sources: [vmisKnn.name] } };
  await mkdir(directory, { recursive: true });
  await copyOf(platform, directory);
  // Nothing to be compared with.
  await rm(join(directory, "bundles"), { recursive: true, force: true });
  bench.say("VMIS-kNN: fitting");
  await trainSessions(directory, config, bench.fitting);
  const server = await serveDirectory({ directory, config, env: { NODE_OPTIONS: `--import=${REGISTER}` } });
  try {
    const step = (rate: number) => measureStep(server, generator, traffic, rate, seconds);
    await step(LOW_RATE);
    const low = await step(LOW_RATE);
    const steps = [low];
    let highest: number | null = null;
    for (let rate = FIRST_RATE; ; rate *= 2) {
      const tried = await step(rate);
      steps.push(tried);
      bench.say(
        `VMIS-kNN: ${rate}/s: p99 ${rounded(tried.recommendations.p99_ms)} ms, CPU ${rounded(tried.cpuMs)} ms`,
      );
      const { planned, rungs, p99_ms } = tried.recommendations;
      // Its best rung: there is no ranker.
      const own = rungs["retrieval-order"] ?? 0;
      if (tried.generator.invalid !== null || p99_ms > OBJECTIVE_MS || own < 0.99 * planned) break;
      highest = rate;
    }
    return {
      "highest rate within 50 ms, requests/s": highest,
      "cpu_ms at the lowest rate": rounded(low.cpuMs),
      rates: steps.map(rowOf),
    };
  } finally {
    await server.stop();
  }
}

/** A bundle that has this source alone, made by the package as it is run. */
async function trainSessions(directory: string, config: UpnextConfig, fitting: Fitting): Promise<void> {
  const jiti = createJiti(import.meta.url, { tryNative: true });
  const { open } = await jiti.import<typeof import("../../src/upnext.ts")>(join(ROOT, "dist", "upnext.js"));
  const { SOURCES } = await jiti.import<{ SOURCES: Source[] }>(join(ROOT, "dist", "retrieval", "index.js"));
  SOURCES.push(vmisKnn);
  const instance = await open({ directory, config });
  try {
    const { release } = await instance.train(undefined, { ...fitting, maxLists: 1 });
    if (!release.accepted) await instance.promote(release.bundle, { despite: "it is a baseline" });
  } finally {
    await instance.close();
    SOURCES.pop();
  }
}

/** NDCG@20 and Recall@20 of every user's last item, the catalogue ranked in full, with everything before it known. */
export async function compareNextItems({
  platform,
  fitting,
  folder,
}: SessionsBench): Promise<Record<string, unknown>> {
  const directory = join(folder, "next-items");
  await copyOf(platform, directory);
  const log = await openFileLog(join(directory, "log"));
  try {
    const { rung, maxLists, timeBudget } = fitting;
    const older = await fitOlderPart(
      log,
      {
        split: { kind: "leave-one-out" },
        maxExamples: EXAMPLES,
        settings: { rungs: [rung], serves: rung, maxLists, timeBudget: timeBudget as Ms },
      },
      silent,
    );
    const { history, settings, models, statistics, examples } = older;
    const fitted = await fitSources([vmisKnn], sequencesOf(history, cutLast(history, 1)), {
      ...{ catalog: history.catalog, seed: 1, clock: systemClock, progress: silent },
      ...{ budget: settings.timeBudget, timeBudget: settings.timeBudget },
    });
    const peer = { ...models, sources: [vmisKnn], fitted, ranker: null };
    const users = examples.map(({ user }) => user);
    const rows: Record<string, unknown> = { examples: examples.length };
    for (const [name, measured] of Object.entries({ upnext: models, "vmis-knn": peer })) {
      const ranks = new Array<number>(examples.length).fill(Infinity);
      await measureSystems({
        ...{ history, models: measured, statisticsCut: statistics, examples, limits: settings },
        ...{ candidates: settings.candidates, perSource: settings.perSource, headWeights: {} },
        ...{ clock: systemClock, progress: silent },
        onRank: (example, rank) => {
          ranks[example] = rank;
        },
      });
      const of = (metric: (rank: number, k: number) => number) => {
        const { mean, halfWidth } = clusteredMean(
          ranks.map((rank) => metric(rank, 20)),
          users,
        );
        return `${mean.toFixed(4)} ±${halfWidth.toFixed(4)}`;
      };
      rows[name] = { "NDCG@20": of(ndcgAt), "Recall@20": of(hitAt) };
    }
    return rows;
  } finally {
    await log.close();
  }
}
