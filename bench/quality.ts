/**
 * How good the two stages are beside every single source, on public data: `upnext evaluate` with the protocols that
 * published results use. Everything is trained on the training part alone, and the whole catalogue is ranked.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type EpochMs, type Ms, parseDuration, silent } from "../src/core/index.ts";
import { importInto } from "../src/datasets/index.ts";
import { parseSplit } from "../src/evaluation/index.ts";
import { memoryLog } from "../src/events/index.ts";
import { evaluate } from "../src/training/index.ts";

export const about =
  "Ranking the full catalogue, items seen before left out, a tie counts against the system, `±` 95 % intervals over users. leave-one-out: each user's last item, nothing refitted on the second last. time:0.9: what users took for the first time in the newest tenth. adds: what the blend's recall would lose without the source (every fourth example). seconds: answering all test items, fitting not included. Published rows are of the same files under the same protocol, each with its source; on amazon-beauty `sequence` also reads the items' categories, where those models read ids. `--time-budget 30m` gives fitting longer than its default.";

const { UPNEXT_DATA: DATA = join(import.meta.dirname, "..", "..", "shared", "data") } = process.env;
const SETS = [
  { name: "ml-1m", split: "leave-one-out" },
  { name: "amazon-beauty", split: "leave-one-out" },
  { name: "ml-latest-small", split: "time:0.9" },
] as const;

/** Full catalogue, the same files; sources are named in the rows. */
const PUBLISHED: Readonly<Record<string, readonly Published[]>> = {
  "ml-1m": [
    ["SASRec", 0.25, 0.1341, "sasrec-bert4rec-recsys23 README"],
    ["BERT4Rec", 0.2843, 0.1537, "sasrec-bert4rec-recsys23 README"],
    ["gSASRec", 0.3003, 0.1726, "gSASRec-pytorch README"],
    ["SASRec, full cross-entropy", 0.3152, 0.1821, "sasrec-bert4rec-recsys23 README"],
    ["SASRec, sampled cross-entropy (3000)", 0.3159, 0.1857, "sasrec-bert4rec-recsys23 README"],
    ["eSASRec, recalculated", 0.3133, 0.1772, "transformer_benchmark README"],
    ["HSTU, recalculated", 0.3037, 0.1719, "transformer_benchmark README"],
    ["FuXi-α, recalculated", 0.3164, 0.1813, "transformer_benchmark README"],
  ],
  "amazon-beauty": [
    ["SASRec, sampled softmax", 0.0921, 0.0531, "transformer_benchmark README"],
    ["eSASRec", 0.0928, 0.0523, "transformer_benchmark README"],
    ["BSARec, claimed; reproductions say less", 0.1008, 0.0611, "arXiv 2312.10325"],
  ],
};
type Published = readonly [model: string, hr10: number, ndcg10: number, source: string];

/** Arguments: names of sets, all where there are none; and `--time-budget`, as of `upnext evaluate`. */
export async function run(args: readonly string[] = []): Promise<Record<string, unknown>> {
  const budget = args.indexOf("--time-budget");
  const timeBudget = budget < 0 ? undefined : parseDuration(args[budget + 1] ?? "");
  const names = args.filter((_, i) => budget < 0 || (i !== budget && i !== budget + 1));
  const result: Record<string, unknown> = {};
  for (const { name, split } of SETS) {
    if (names.length > 0 && !names.includes(name)) continue;
    const path = join(DATA, name);
    result[`${name}, ${split}`] = existsSync(path)
      ? { ...(await measure(path, split, timeBudget)), ...published(name) }
      : "skipped: not there. UPNEXT_DATA names the folder that has it";
  }
  return result;
}

function published(name: string): object {
  const rows = PUBLISHED[name];
  if (rows === undefined) return {};
  return {
    published: rows.map(([model, hr10, ndcg10, source]) => ({
      model,
      "hr@10": hr10.toFixed(4),
      "ndcg@10": ndcg10.toFixed(4),
      source,
    })),
  };
}

async function measure(
  path: string,
  split: string,
  timeBudget: Ms | undefined,
): Promise<Record<string, unknown>> {
  const log = memoryLog();
  await importInto(log, { path, now: Date.now() as EpochMs }, silent);
  const started = performance.now();
  const cpuBefore = process.cpuUsage();
  const { systems, fitSeconds, ...counts } = await evaluate(
    log,
    { split: parseSplit(split), ...(timeBudget !== undefined && { settings: { timeBudget } }) },
    silent,
  );
  const cpu = process.cpuUsage(cpuBefore);
  return {
    ...counts,
    "fit seconds": Math.round(fitSeconds),
    "seconds in all": Math.round((performance.now() - started) / 1000),
    "cpu seconds in all": Math.round((cpu.user + cpu.system) / 1e6),
    "peak rss MiB, sets before included": Math.round(process.resourceUsage().maxRSS / 1024),
    systems: systems.map((system) => ({
      system: system.name,
      "hr@10": estimate(system["hr@10"], system["hr@10±"]),
      "ndcg@10": estimate(system["ndcg@10"], system["ndcg@10±"]),
      "recall@100": estimate(system["recall@100"], system["recall@100±"]),
      "recall@500": estimate(system["recall@500"], system["recall@500±"]),
      adds: system.adds === null ? "" : system.adds.toFixed(4),
      coverage: Number(system.coverage.toFixed(3)),
      seconds: Math.round(system.seconds),
    })),
  };
}

function estimate(mean: number, halfWidth: number): string {
  return `${mean.toFixed(4)} ±${halfWidth.toFixed(4)}`;
}
