/** TRADEOFFS.md: the sentences, the picture, the tables, why each rung serves or does not, and how it was measured. */
import { sentencesOf, verdictText } from "./tradeoff-sentences.ts";
import type { Tradeoffs } from "./tradeoffs.ts";
import { COSTS_LEGEND, costsTable, qualityTable, rungsTable, type Table } from "./tradeoffs-tables.ts";
import { counted, ms } from "./wording.ts";

/**
 * @param picture the picture's path, relative to the page
 * @param command what makes the page again
 */
export function tradeoffsMarkdown(tradeoffs: Tradeoffs, picture: string, command: string): string {
  const { data, machine, objective, measuredAt, rungs, choice } = tradeoffs;
  const { cpu, cores, memoryGiB, node, platform } = machine;
  const requests = rungs.reduce(
    (sum, { cost, otherCosts }) =>
      sum + cost.requests + otherCosts.reduce((all, other) => all + other.requests, 0),
    0,
  );
  return `# Trade-offs

Written by \`${command}\` on ${new Date(measuredAt).toISOString().slice(0, 16).replace("T", " ")} UTC: ${data.name}, ${data.split}; ${counted(data.users, "user")}, ${counted(data.items, "item")}, ${counted(data.interactions, "interaction")}, ${counted(data.tests, "test")}; ${cores} × ${cpu}, ${memoryGiB} GiB, Node ${node}, ${platform}.

${sentencesOf(tradeoffs)
  .map((sentence) => `- ${sentence}`)
  .join("\n")}

![Quality against latency and CPU time of each rung](${picture})

## Rungs

From simple to complex, with ${counted(objective.candidates, "candidate")} and ${objective.visits} visits of history. The objective is a P99 of ${ms(objective.p99Ms)}, of which a margin of ${Number((100 * objective.margin).toFixed(1))} % stays free: at most ${ms(choice.allowedMs)} here.

${markdown(rungsTable(tradeoffs))}

${choice.verdicts.map((verdict) => `- \`${verdict.rung}\` (${rungs.find(({ name }) => name === verdict.rung)!.about}): ${verdictText(verdict, tradeoffs)}.`).join("\n")}

## Quality

Means over users with half of the width of their intervals of 95 %. Differences between rungs are compared in pairs, on the same tests, and have narrower intervals than these.

${markdown(qualityTable(tradeoffs))}

## Other numbers of candidates, other histories

Candidates × visits; ${COSTS_LEGEND}.

${markdown(costsTable(tradeoffs))}

## How it was measured

${counted(requests, "request")} of real users of the log, one at a time, through the whole path (state in memory, retrieval, blend, features, ranker, policy), without a budget, so that nothing was left out. All rungs took turns, round after round, in an order that turned round each time. CPU time is that of the process, all its threads. Requests that wait for one another take longer: the margin is for them.
`;
}

function markdown({ columns, rows }: Table): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [
    line(columns.map(({ title }) => title)),
    line(columns.map(({ right }) => (right ? "---:" : "---"))),
    ...rows.map(line),
  ].join("\n");
}
