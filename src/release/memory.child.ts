/**
 * Loads a ranker and scores once in a process of its own, and prints how many bytes of memory that took.
 *
 * Arguments: a folder with header.json and its models, and how many candidates and visits are scored.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { networkRanker, type RankerHeader, VISIT_COLUMNS } from "../ranking/index.ts";

const [folder = "", candidates = "", visits = ""] = process.argv.slice(-3);
const header = JSON.parse(readFileSync(join(folder, "header.json"), "utf8")) as RankerHeader;
const models = readdirSync(folder)
  .filter((name) => name.endsWith(".onnx"))
  .sort()
  .map((name) => readFileSync(join(folder, name)));
const [n, h] = [Number(candidates), Math.max(1, Number(visits))];
const floats = (...dims: number[]) => ({ data: new Float32Array(product(dims)), dims });
const codes = (...dims: number[]) => ({ data: new Int32Array(product(dims)), dims });
const inputs = {
  request: floats(1, header.requestFeatures),
  candidates: floats(1, n, header.candidateFeatures),
  items: codes(1, n),
  creators: codes(1, n),
  categories: codes(1, n),
  history_items: codes(1, h),
  history_creators: codes(1, h),
  history_categories: codes(1, h),
  history_facts: floats(1, h, VISIT_COLUMNS),
  history_present: { data: new Float32Array(h).fill(1), dims: [1, h] },
};
const before = process.memoryUsage.rss();
const ranker = await networkRanker(header, models);
await ranker.scoreInputs(inputs);
// What a run has used stays in the session's arena: this is the most that it takes.
process.stdout.write(String(Math.max(0, process.memoryUsage.rss() - before)));
await ranker.close();

function product(dims: readonly number[]): number {
  return dims.reduce((all, dim) => all * dim, 1);
}
