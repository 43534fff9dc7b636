/** The evaluation's systems as a table: a line each, means with half-widths of their 95 % intervals. */
import type { SystemScores } from "../evaluation/index.ts";
import { type Column, textTable } from "./text-table.ts";

const METRICS = [
  ["HR@10", "hr@10"],
  ["NDCG@10", "ndcg@10"],
  ["Recall@100", "recall@100"],
  ["Recall@500", "recall@500"],
] as const;

const COLUMNS: readonly Column[] = [
  { title: "system" },
  ...METRICS.map(([title]) => ({ title, right: true })),
  { title: "adds", right: true },
  { title: "coverage", right: true },
  { title: "seconds", right: true },
];

export function evaluationTable(systems: readonly SystemScores[]): string {
  const rows = systems.map((system) => [
    system.name,
    ...METRICS.map(([, key]) => estimate(system[key], system[`${key}±`])),
    system.adds === null ? "" : system.adds.toFixed(4),
    `${(100 * system.coverage).toFixed(1)} %`,
    system.seconds.toFixed(1),
  ]);
  return textTable(COLUMNS, rows);
}

function estimate(mean: number, halfWidth: number): string {
  return `${mean.toFixed(4)} ${Number.isFinite(halfWidth) ? `±${halfWidth.toFixed(4)}` : "±   n/a"}`;
}

/** What the columns mean; printed below the table. */
export const TABLE_LEGEND =
  "All items are ranked, ties count against the system; ± is the 95 % interval over users; adds: what the blend's recall would lose without the source; coverage: share of the catalogue in someone's top 10; seconds: answering, not training.";
