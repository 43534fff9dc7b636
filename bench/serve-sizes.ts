/**
 * One server over catalogues of growing size: latency, memory, the knee, and which search each bundle has chosen.
 *
 * Arguments: `--quick` (a small platform, short steps), `--sizes 10k,100k,1m`, `--seconds N` a step.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { systemClock } from "../src/core/index.ts";
import { openFileRegistry } from "../src/registry/index.ts";
import { rounded } from "./figures/spread.ts";
import { type LoadGenerator, startGenerator } from "./load/start.ts";
import { type Platform, platformOf } from "./serve/platform.ts";
import { serveCopy } from "./serve/server.ts";
import { CONFIG, FITTING, SIZES } from "./serve/sizes.ts";
import { FIRST_RATE, findKnee, lowStep, measureStep, trafficOf } from "./serve/step.ts";

export const about =
  "upnext serve on LMDB under open-loop load, as `serve` measures it, over simulated catalogues of growing size: what a request and its stages take at 20 a second (ms, means), the memory of the process by then, the highest rate at which the 99th percentile is within 50 ms and 99 % of the answers are of the best rung, and the search that the fit of als chose by measuring (decision 0025; the other sources have one search). Events of the log and users differ: what counts here is the catalogue.";

const EVENTS = 0.2;
const HALVINGS = 2;
const STAGES = ["filter", "retrieve", "blend", "features", "rank"];

export async function run(args: readonly string[] = []): Promise<Record<string, unknown>> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { quick: { type: "boolean" }, sizes: text, seconds: text },
  });
  const { quick = false } = values;
  const sizes = (values.sizes ?? (quick ? "small" : "10k,100k,1m")).split(",");
  const seconds = Number(values.seconds ?? (quick ? 2 : 10));
  const unknown = sizes.find((size) => SIZES[size] === undefined);
  if (unknown !== undefined)
    throw new Error(
      `bench/serve-sizes: --sizes: expected some of ${Object.keys(SIZES).join(", ")}, got ${unknown}`,
    );
  const folder = await mkdtemp(join(tmpdir(), "upnext-bench-sizes-"));
  const generator = startGenerator();
  const rows: unknown[] = [];
  try {
    for (const size of sizes) rows.push(await measureSize(size, seconds, join(folder, size), generator));
  } finally {
    await generator.close();
    await rm(folder, { recursive: true, force: true });
  }
  return { "seconds a step": seconds, "events a recommendation": EVENTS, catalogues: rows };
}

/** @param directory for the copy that is served */
async function measureSize(
  size: string,
  seconds: number,
  directory: string,
  generator: LoadGenerator,
): Promise<Record<string, unknown>> {
  const { videos, users } = SIZES[size]!;
  const platform = await platformOf(SIZES[size]!, CONFIG, FITTING, say);
  const traffic = trafficOf(platform.busy, videos, EVENTS);
  const began = performance.now();
  const server = await serveCopy(platform, { directory, config: CONFIG });
  const ready = performance.now() - began;
  try {
    const step = (rate: number, length = seconds) => measureStep(server, generator, traffic, rate, length);
    const low = await lowStep(step);
    const { knee } = await findKnee(step, FIRST_RATE, HALVINGS, ({ rate }) => say(`${size}: ${rate}/s`));
    const { p50_ms, p99_ms } = low.recommendations;
    return {
      videos,
      users,
      "events of the log": platform.logged,
      "ready after s": rounded(ready / 1_000),
      "RSS MB": Math.round(low.rssMb),
      p50_ms: rounded(p50_ms),
      p99_ms: rounded(p99_ms),
      cpu_ms: rounded(low.cpuMs),
      ...Object.fromEntries(STAGES.map((stage) => [stage, rounded(low.stages[stage] ?? 0)])),
      "knee, requests/s": knee?.rate ?? null,
      "als searches": await searchOf(platform),
    };
  } finally {
    await server.stop();
  }
}

/** Which search the fit of als has chosen. */
async function searchOf({ directory }: Platform): Promise<string> {
  const registry = await openFileRegistry(join(directory, "bundles"), { clock: systemClock });
  const { manifest } = await registry.open((await registry.current())!);
  const { sources } = manifest.metrics as {
    readonly sources?: { readonly als?: { readonly search: string } };
  };
  return sources?.als?.search ?? "not known";
}

function say(line: string): void {
  process.stderr.write(`serve-sizes: ${line}\n`);
}
