/** What rungs made of what users were shown, as tables: one a head, a line a rung. */
import type { RankingEvaluation, RungComparison, RungScores } from "../training/index.ts";
import { type Column, textTable } from "./text-table.ts";

const METRICS = [
  ["AUC", "auc"],
  ["AUC in users", "gauc"],
  ["NDCG@10 in a day", "ndcg@10"],
  ["log loss", "logLoss"],
] as const;

const COLUMNS: readonly Column[] = [
  { title: "rung" },
  ...METRICS.map(([title]) => ({ title, right: true })),
  { title: "calibration error", right: true },
  { title: "CPU ms", right: true },
  { title: "trained s", right: true },
];

type Head = RungScores["heads"][number];

export function rankingTables(ranking: RankingEvaluation): string {
  const heads = ranking.rungs[0]?.heads.map(({ head }) => head) ?? [];
  return heads
    .map((head) => [titleOf(ranking, head), tableOf(ranking, head), ...gainsOf(ranking, head)].join("\n"))
    .join("\n\n");
}

function titleOf({ rungs, exposures }: RankingEvaluation, name: string): string {
  const head = headOf(rungs[0]!, name);
  return `${name}: ${head.positives} of ${exposures} shown`;
}

function tableOf({ rungs }: RankingEvaluation, name: string): string {
  const rows = rungs.map((rung) => {
    const head = headOf(rung, name);
    return [
      rung.name,
      ...METRICS.map(([, key]) => `${head[key].mean.toFixed(4)} ±${head[key].halfWidth.toFixed(4)}`),
      head.calibrationError.toFixed(4),
      rung.cost === null ? "" : rung.cost.cpuMs.toFixed(2),
      rung.cost === null ? "" : rung.cost.trainSeconds.toFixed(0),
    ];
  });
  return textTable(COLUMNS, rows);
}

/** Each rung against the one before it. */
function gainsOf({ rungs, comparisons }: RankingEvaluation, name: string): readonly string[] {
  return rungs.slice(1).flatMap((rung, r) => {
    const found = comparisons.find((one) => one.rung === rung.name && one.with === rungs[r]!.name);
    return found === undefined ? [] : [`  ${gainOf(found, name)}`];
  });
}

function gainOf({ rung, with: other, heads }: RungComparison, name: string): string {
  const { mean, lower, upper } = heads.find(({ head }) => head === name)!.auc;
  return `${rung} − ${other}: AUC ${signed(mean)} (${signed(lower)} to ${signed(upper)})`;
}

function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(4)}`;
}

function headOf(rung: RungScores, name: string): Head {
  return rung.heads.find(({ head }) => head === name)!;
}

/** What the columns mean; printed below the tables. */
export const RANKING_LEGEND =
  "Everything that was shown after the split, each row with the state and the statistics of its moment; ± and what is in brackets are 95 % intervals over users (bootstrap), differences paired; AUC in users: mean over users, weighted by what they were shown; CPU: 500 candidates of a user with 50 visits, on one thread, features not included.";
