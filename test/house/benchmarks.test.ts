import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { type BenchRecord, readRecords, renderReport } from "../../bench/report.ts";

const record: BenchRecord = {
  name: "walk",
  about: "How fast it walks.",
  command: "npm run bench -- walk",
  commit: "abc",
  date: "2026-01-02",
  machine: { cpu: "some CPU", cores: 2, memoryGiB: 4, node: "v20.19.0", platform: "linux x64" },
  result: {
    steps: 10,
    rows: [
      { what: "a|b", p50_ms: 1 },
      { what: "c", cpu_ms: 0.5 },
    ],
    uphill: { steps: 3, pace: { median: 2, min: 1, max: 4 } },
  },
};

it("BENCHMARKS.md is what `npm run bench -- report` makes of bench/results", () => {
  const page = readFileSync(new URL("../../BENCHMARKS.md", import.meta.url), "utf8");
  expect(page).toBe(renderReport(readRecords()));
});

it("a result becomes tables under the command, commit and machine that made it", () => {
  expect(renderReport([record]).split("\n").slice(4)).toEqual([
    "## walk",
    "",
    "How fast it walks.",
    "",
    "`npm run bench -- walk` at abc, 2026-01-02: 2 × some CPU, 4 GiB, Node v20.19.0, linux x64.",
    "",
    "|  |  |",
    "| --- | --- |",
    "| steps | 10 |",
    "",
    "### rows",
    "",
    "| what | p50_ms | cpu_ms |",
    "| --- | --- | --- |",
    "| a\\|b | 1 |  |",
    "| c |  | 0.5 |",
    "",
    "### uphill",
    "",
    "|  |  |",
    "| --- | --- |",
    "| steps | 3 |",
    "| pace | 2 (1 to 4) |",
    "",
  ]);
});

it("every kept result is of a benchmark that is there", () => {
  for (const { name } of readRecords()) {
    expect(readFileSync(new URL(`../../bench/${name}.ts`, import.meta.url), "utf8")).toContain("run(");
  }
});
