/**
 * How good the two stages are beside every single source, on public data: `upnext evaluate` with the protocols that
 * published results use. Everything is trained on the training part alone, and the whole catalogue is ranked.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type EpochMs, silent } from "../src/core/index.ts";
import { importInto } from "../src/datasets/index.ts";
import { parseSplit } from "../src/evaluation/index.ts";
import { memoryLog } from "../src/events/index.ts";
import { evaluate } from "../src/training/index.ts";

export const about =
  "Ranking the full catalogue, items seen before left out, a tie counts against the system, `±` 95 % intervals over users. leave-one-out: each user's last item. time:0.9: what users took for the first time in the newest tenth. seconds: answering all test items, fitting not included.";

const { UPNEXT_DATA: DATA = join(import.meta.dirname, "..", "..", "shared", "data") } = process.env;
const SETS = [
  { name: "ml-1m", split: "leave-one-out" },
  { name: "amazon-beauty", split: "leave-one-out" },
  { name: "ml-latest-small", split: "time:0.9" },
] as const;

/** Arguments: names of sets; all where there are none. */
export async function run(args: readonly string[] = []): Promise<Record<string, unknown>> {
  const result: Record<string, unknown> = {};
  for (const { name, split } of SETS) {
    if (args.length > 0 && !args.includes(name)) continue;
    const path = join(DATA, name);
    result[`${name}, ${split}`] = existsSync(path)
      ? await measure(path, split)
      : "skipped: not there. UPNEXT_DATA names the folder that has it";
  }
  return result;
}

async function measure(path: string, split: string): Promise<Record<string, unknown>> {
  const log = memoryLog();
  await importInto(log, { path, now: Date.now() as EpochMs }, silent);
  const { systems, fitSeconds, ...counts } = await evaluate(log, { split: parseSplit(split) }, silent);
  return {
    ...counts,
    "fit seconds": Math.round(fitSeconds),
    systems: systems.map((system) => ({
      system: system.name,
      "hr@10": estimate(system["hr@10"], system["hr@10±"]),
      "ndcg@10": estimate(system["ndcg@10"], system["ndcg@10±"]),
      "recall@100": estimate(system["recall@100"], system["recall@100±"]),
      "recall@500": estimate(system["recall@500"], system["recall@500±"]),
      coverage: Number(system.coverage.toFixed(3)),
      seconds: Math.round(system.seconds),
    })),
  };
}

function estimate(mean: number, halfWidth: number): string {
  return `${mean.toFixed(4)} ±${halfWidth.toFixed(4)}`;
}
