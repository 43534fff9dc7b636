/** The numbers of the trade-offs as tables of text, for the terminal and for Markdown alike. */
import type { Verdict } from "./choose-rung.ts";
import { type Condition, type Cost, ENOUGH_FOR_P99 } from "./measure-requests.ts";
import type { Spread } from "./spread.ts";
import type { RungTradeoffs, Tradeoffs } from "./tradeoffs.ts";
import { digits } from "./wording.ts";

export interface Table {
  readonly columns: readonly { readonly title: string; readonly right?: boolean }[];
  readonly rows: readonly (readonly string[])[];
}

const VERDICTS: Readonly<Record<Verdict["verdict"], string>> = {
  chosen: "serves",
  "too-slow": "too slow",
  "not-better": "no better",
  beaten: "beaten",
};

/** A line a rung, under the condition of the objective. */
export function rungsTable({ rungs, metrics, choice }: Tradeoffs): Table {
  const [metric] = metrics;
  return table(
    ["rung"],
    [metric, "P50 ms", "P99 ms", "rank P50 ms", "CPU ms", "requests/s a core", "model", "memory", "training"],
    rungs.map(({ name, quality, cost, bytes, memoryBytes, trainSeconds }) => [
      name,
      withHalfWidth(quality[metric]),
      digits(cost.p50Ms.value),
      digits(cost.p99Ms.value),
      digits(cost.rankP50Ms.value),
      digits(cost.cpuMs.value),
      Math.round(cost.requestsPerSecondAndCore).toLocaleString("en-US"),
      size(bytes),
      size(memoryBytes),
      seconds(trainSeconds),
    ]),
    ["choice"],
    choice.verdicts.map(({ verdict }) => [VERDICTS[verdict]]),
  );
}

/** A line a rung, a column a metric. */
export function qualityTable({ rungs, metrics }: Tradeoffs): Table {
  return table(
    ["rung"],
    metrics,
    rungs.map(({ name, quality }) => [name, ...metrics.map((metric) => withHalfWidth(quality[metric]))]),
  );
}

/** A line a rung, a column a condition: P50 / P99 / CPU in milliseconds. */
export function costsTable({ rungs }: Tradeoffs): Table {
  const conditions = rungs[0]!.otherCosts.length + 1;
  const rows = rungs.map(costsInOrder);
  return table(
    ["rung"],
    rows[0]!.slice(0, conditions).map(conditionTitle),
    rungs.map(({ name }, i) => [name, ...rows[i]!.map(costCell)]),
  );
}

export const COSTS_LEGEND = `P50 / P99 / CPU of a request in milliseconds; no P99 where fewer than ${ENOUGH_FOR_P99} requests were measured`;

/** By candidates, then by visits, both growing. */
function costsInOrder({ cost, otherCosts }: RungTradeoffs): readonly Cost[] {
  const all = [cost, ...otherCosts];
  return all.toSorted(
    (a, b) =>
      Number(a.visits < cost.visits) - Number(b.visits < cost.visits) ||
      a.candidates - b.candidates ||
      a.visits - b.visits,
  );
}

function conditionTitle({ candidates, visits }: Condition): string {
  return `${candidates} × ${visits}`;
}

function costCell({ p50Ms, p99Ms, cpuMs, requests }: Cost): string {
  const p99 = requests < ENOUGH_FOR_P99 ? "–" : digits(p99Ms.value);
  return `${digits(p50Ms.value)} / ${p99} / ${digits(cpuMs.value)}`;
}

function table(
  left: readonly string[],
  right: readonly string[],
  rows: readonly (readonly string[])[],
  last: readonly string[] = [],
  lastCells: readonly (readonly string[])[] = [],
): Table {
  return {
    columns: [
      ...left.map((title) => ({ title })),
      ...right.map((title) => ({ title, right: true })),
      ...last.map((title) => ({ title })),
    ],
    rows: rows.map((row, i) => [...row, ...(lastCells[i] ?? [])]),
  };
}

function withHalfWidth(spread: Spread | undefined): string {
  if (spread === undefined) return "";
  return `${spread.value.toFixed(4)} ±${((spread.upper - spread.lower) / 2).toFixed(4)}`;
}

function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 999_500 ? `${digits(bytes / 1e3)} kB` : `${digits(bytes / 1e6)} MB`;
}

function seconds(value: number): string {
  return value < 99.5 ? `${digits(value)} s` : `${(value / 60).toFixed(1)} min`;
}
