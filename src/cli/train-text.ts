/** What a training did, in words, with its evaluation table. */
import type { TrainReport } from "../training/index.ts";
import { duration, plural } from "./amounts.ts";
import { evaluationTable, TABLE_LEGEND } from "./evaluation-table.ts";

export function trainText(report: TrainReport, holdOut: number): string {
  const { bundle, users, items, interactions, rankerLists, systems, examples, seconds } = report;
  const lines = [
    `trained on ${plural(interactions, "interaction")} of ${plural(users, "user")} with ${plural(items, "item")} ` +
      `in ${duration(seconds * 1000)}: bundle ${bundle}`,
  ];
  if (rankerLists === 0)
    lines.push("no ranker: too little to learn ranking from; candidates stay in the blend's order");
  if (systems.length === 0) {
    lines.push(
      holdOut === 0
        ? "not measured: training.holdOut is 0"
        : "not measured: the newest interactions hold no item that could be a test",
    );
  } else {
    const share = `${(100 * holdOut).toFixed(0)} %`;
    lines.push(
      "",
      `measured on the newest ${share} of the interactions, unseen in training (${plural(examples, "test item")}):`,
      "",
      evaluationTable(systems),
      "",
      TABLE_LEGEND,
    );
  }
  return lines.join("\n");
}
