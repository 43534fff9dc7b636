/** Writes BENCHMARKS.md from bench/results: every published number with its machine, commit and command. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const about = "Writes BENCHMARKS.md from bench/results.";
export const needsBuild = false;

/** What `npm run bench -- NAME --write` keeps. */
export interface BenchRecord {
  readonly name: string;
  readonly about: string;
  readonly command: string;
  readonly commit: string;
  readonly date: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryGiB: number;
    readonly node: string;
    readonly platform: string;
  };
  /** Figures by name; a list of objects becomes a table, { median, min, max } one cell, any other object a part of its own. */
  readonly result: unknown;
}

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export async function run(): Promise<unknown> {
  const records = readRecords();
  writeFileSync(file("../BENCHMARKS.md"), renderReport(records));
  return { file: "BENCHMARKS.md", benchmarks: records.map(({ name }) => name) };
}

/** The kept results in the order of their names. */
export function readRecords(): BenchRecord[] {
  return readdirSync(file("results"))
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => JSON.parse(readFileSync(file(`results/${name}`), "utf8")) as BenchRecord);
}

export function renderReport(records: readonly BenchRecord[]): string {
  const head = [
    "# Benchmarks",
    "",
    "Written by `npm run bench -- report` from `bench/results`; do not edit. Each part names the command that makes its numbers again, the commit and the machine (`+`: with changes that were not committed). `ms` in a name is milliseconds, `us` microseconds, `cpu` is CPU time of the process where everything else is wall-clock time. Machines are shared: ratios hold, absolute times drift.",
  ];
  return `${[...head, ...records.flatMap(renderRecord)].join("\n")}\n`;
}

function renderRecord({ name, about, command, commit, date, machine, result }: BenchRecord): string[] {
  const { cpu, cores, memoryGiB, node, platform } = machine;
  return [
    "",
    `## ${name}`,
    "",
    ...(about === "" ? [] : [about, ""]),
    `\`${command}\` at ${commit}, ${date}: ${cores} × ${cpu}, ${memoryGiB} GiB, Node ${node}, ${platform}.`,
    ...renderValue(result, 3),
  ];
}

/** Plain figures as one table, then lists of objects as tables and objects as parts, each under its key. */
function renderValue(value: unknown, depth: number): string[] {
  if (!isObject(value)) return ["", cell(value)];
  const entries = Object.entries(value);
  const plain = entries.filter(([, entry]) => isFigure(entry));
  const figures = plain.length === 0 ? [] : table(["", ""], plain);
  const parts = entries
    .filter(([, entry]) => !isFigure(entry))
    .flatMap(([key, entry]) => {
      const title = entries.length === 1 ? [] : ["", `${"#".repeat(depth)} ${key}`];
      return [...title, ...(Array.isArray(entry) ? renderList(entry) : renderValue(entry, depth + 1))];
    });
  return [...figures, ...parts];
}

function renderList(list: readonly unknown[]): string[] {
  if (!list.every((entry) => isObject(entry) && !Array.isArray(entry)))
    return ["", list.map(cell).join(", ")];
  const rows = list as readonly Record<string, unknown>[];
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return table(
    columns,
    rows.map((row) => columns.map((column) => row[column])),
  );
}

function table(columns: readonly string[], rows: readonly (readonly unknown[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return ["", line(columns), line(columns.map(() => "---")), ...rows.map((row) => line(row.map(cell)))];
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (isSpread(value)) return `${value.median} (${value.min} to ${value.max})`;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

/** Whether it fits into a cell: plain values, and a median with its spread. */
function isFigure(value: unknown): boolean {
  return !isObject(value) || isSpread(value);
}

function isSpread(value: unknown): value is { median: number; min: number; max: number } {
  return isObject(value) && Object.keys(value).join() === "median,min,max";
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
