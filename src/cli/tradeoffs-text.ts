/** The trade-offs on the terminal: what was chosen, in sentences, and a line a rung. */
import { COSTS_LEGEND, costsTable, rungsTable, sentencesOf, type Tradeoffs } from "../release/index.ts";
import { plural } from "./amounts.ts";
import { textTable } from "./text-table.ts";

export function tradeoffsText(tradeoffs: Tradeoffs): string {
  const { data, objective } = tradeoffs;
  const tables = [rungsTable(tradeoffs), costsTable(tradeoffs)].map(({ columns, rows }) =>
    textTable(columns, rows),
  );
  return [
    `${data.name}, ${data.split}: ${plural(data.users, "user")}, ${plural(data.items, "item")}, ${plural(data.interactions, "interaction")}, ${plural(data.tests, "test")}`,
    "",
    `with ${plural(objective.candidates, "candidate")} and ${objective.visits} visits of history, from simple to complex:`,
    "",
    tables[0],
    "",
    `candidates × visits; ${COSTS_LEGEND}:`,
    "",
    tables[1],
    "",
    ...sentencesOf(tradeoffs),
  ].join("\n");
}
