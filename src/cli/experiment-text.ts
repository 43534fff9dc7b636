/** Experiments in words. */
import type { ExperimentDetails, ExperimentOverview } from "../experiments/index.ts";
import { count } from "./amounts.ts";
import { printable, textTable } from "./text-table.ts";

export function experimentsText(experiments: readonly ExperimentOverview[]): string {
  if (experiments.length === 0) return "there are no experiments: upnext experiment start NAME begins one";
  return textTable(
    [
      { title: "name" },
      { title: "state" },
      { title: "started" },
      { title: "decided by" },
      { title: "verdict" },
    ],
    experiments.map(({ name, startedAt, stoppedAt, metric, sentence, problem }) => [
      name,
      stoppedAt === null ? "running" : "stopped",
      new Date(startedAt).toISOString().slice(0, 16).replace("T", " "),
      metric,
      sentence ?? problem ?? "",
    ]),
  );
}

export function startedText({ name, metric }: ExperimentOverview, program: string): string {
  return `experiment ${name} runs, decided by ${metric}; see it with: ${program} experiment show ${name}`;
}

/** The verdict is the last line. */
export function experimentText({ about, report }: ExperimentDetails): string {
  const [a, b] = report.arms;
  const metrics = textTable(
    [
      { title: "metric" },
      { title: a!.name, right: true },
      { title: b!.name, right: true },
      { title: "difference", right: true },
      { title: "limits" },
    ],
    report.metrics.map(({ name, values, difference }) => [
      name,
      ...values.map((value) => (value === null ? "-" : value.toPrecision(4))),
      difference === null ? "-" : percent(difference.value),
      difference === null ? "" : `${percent(difference.lower)} to ${percent(difference.upper)}`,
    ]),
  );
  const arms = textTable(
    [
      { title: "arm" },
      { title: "users", right: true },
      { title: "answers", right: true },
      { title: "as everybody's", right: true },
      { title: "P50", right: true },
      { title: "P99", right: true },
    ],
    report.arms.map(({ name, users, answers, fallbacks, p50Ms, p99Ms }) => [
      name,
      count(users),
      count(answers),
      count(fallbacks),
      milliseconds(p50Ms),
      milliseconds(p99Ms),
    ]),
  );
  const why = about === "" ? [] : [printable(about), ""];
  return [...why, metrics, "", arms, "", report.verdict.sentence].join("\n");
}

function percent(share: number): string {
  return `${share > 0 ? "+" : ""}${(100 * share).toFixed(1)} %`;
}

function milliseconds(value: number | null): string {
  return value === null ? "-" : `${value.toFixed(1)} ms`;
}
