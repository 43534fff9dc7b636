/** What the log says of another bundle, in words and figures a person can read. */
import type { BootstrapEstimate, ValueEstimates } from "../evaluation/index.ts";
import type { OffPolicyReport } from "../release/index.ts";
import { textTable } from "./text-table.ts";

export function offPolicyText(report: OffPolicyReport): string {
  const { bundle, overlap, verdict, actions, examination } = report;
  const { requests, users, slots, byChance, matched, effectiveSlots } = overlap;
  const seen =
    examination === null
      ? []
      : [
          `attention by position, the first is 1: ${examination.map(({ mean }) => number(mean, 2)).join(" ")}`,
          "",
        ];
  return [
    `bundle ${bundle}: ${requests} requests of ${users} users, ${slots} slots, ${byChance} of them left to chance`,
    `the bundle would show the same in ${matched} of them, which say as much as ${effectiveSlots.toFixed(0)} of equal weight`,
    "",
    textTable(
      [
        { title: "a request" },
        { title: "logged", right: true },
        { title: "IPS", right: true },
        { title: "SNIPS", right: true },
        { title: "DR", right: true },
        { title: "DR - logged", right: true },
      ],
      actions.map(row),
    ),
    "",
    ...seen,
    ...(verdict.trustworthy
      ? ["nothing speaks against these figures"]
      : ["do not trust these figures:", ...verdict.warnings.map((warning) => `  ${warning}`)]),
  ].join("\n");
}

function row({ name, logged, values, lifts }: ValueEstimates): readonly string[] {
  const { ips, snips, dr } = values;
  return [name, ...[logged, ips, snips, dr, lifts.dr].map(estimate)];
}

function estimate(value: BootstrapEstimate | null): string {
  if (value === null) return "";
  return `${number(value.mean, 4)} ±${number(value.halfWidth, 4)}`;
}

/** What could not be computed is JSON's null and no number. */
function number(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : "n/a";
}
