/** Checks as lines: what is fine, what is not, and how to mend it. */
import type { Check } from "../pipeline/recommender.ts";
import { calledHere } from "./command-line.ts";
import { printable } from "./text-table.ts";

const MARKS = { ok: "ok     ", warning: "warning", failure: "FAILURE" } as const;

/** @param program how the cures name the program */
export function checksText(checks: readonly Check[], program: string): string {
  return checks
    .map(({ name, level, message, cure }) => {
      const line = `${MARKS[level]}  ${name}: ${printable(message)}`;
      return level === "ok" || cure === undefined
        ? line
        : `${line}\n         mend it: ${calledHere(cure, program)}`;
    })
    .join("\n");
}

/** "all is well", or how many warnings and failures there are. */
export function checksSummary(checks: readonly Check[]): string {
  const of = (level: Check["level"]) => checks.filter((check) => check.level === level).length;
  const [warnings, failures] = [of("warning"), of("failure")];
  if (warnings + failures === 0) return "all is well";
  return `${failures} ${failures === 1 ? "failure" : "failures"}, ${warnings} ${warnings === 1 ? "warning" : "warnings"}`;
}
