/**
 * What an import costs: 200,000 generated rows in each format, through detection, the checking pass and the appending
 * pass. Each measurement is a fresh process, since its peak memory is one of the figures; formats and logs are
 * interleaved, their order reversed each round. `none` counts the events and drops them: the importer alone. `file`
 * is the durable log.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import { Random } from "../src/core/index.ts";
import { spread } from "./figures/spread.ts";

export const about =
  "Import of 200,000 rows a format, both passes: rows/s, CPU µs a row, peak RSS; median of 5 rounds.";

const ROWS = 200_000;
const USERS = 5_000;
const ITEMS = 20_000;
const ROUNDS = 5;
const FORMATS = ["csv", "csv.gz", "jsonl", "parquet", "sequence"] as const;
const LOGS = ["none", "file"] as const;

type Format = (typeof FORMATS)[number];
type Log = (typeof LOGS)[number];

interface Sample {
  readonly wallMs: number;
  /** The checking pass alone. */
  readonly checkMs: number;
  readonly cpuMs: number;
  readonly peakRssMiB: number;
}

export async function run(): Promise<Record<string, unknown>> {
  const dist = join(import.meta.dirname, "..", "dist");
  if (!existsSync(join(dist, "datasets", "index.js")))
    throw new Error("bench/import: run `npm run build` first");
  const directory = mkdtempSync(join(tmpdir(), "upnext-bench-import-"));
  try {
    const files = await generate(directory);
    const cases = FORMATS.flatMap((format) => LOGS.map((log) => ({ format, log, samples: [] as Sample[] })));
    for (let round = 0; round < ROUNDS; round++) {
      const order = round % 2 === 0 ? cases : cases.toReversed();
      for (const { format, log, samples } of order)
        samples.push(measure(dist, directory, files[format], log));
    }
    return { rows: ROWS, rounds: ROUNDS, formats: cases.map(summary) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }

  function summary({ format, log, samples }: { format: Format; log: Log; samples: readonly Sample[] }) {
    const column = (of: (sample: Sample) => number) => spread(samples.map(of));
    return {
      format,
      log,
      rowsPerSecond: column((s) => ROWS / (s.wallMs / 1000)),
      cpuMicrosPerRow: column((s) => (1000 * s.cpuMs) / ROWS),
      checkShareOfWall: column((s) => s.checkMs / s.wallMs),
      peakRssMiB: column((s) => s.peakRssMiB),
    };
  }
}

/** One import in a fresh process, which prints its sample. What is measured is what users run: dist. */
function measure(dist: string, directory: string, path: string, log: Log): Sample {
  const logDirectory = mkdtempSync(join(directory, "log-"));
  const script = `
    import { importInto } from ${JSON.stringify(pathToFileURL(join(dist, "datasets", "index.js")).href)};
    import { openFileLog } from ${JSON.stringify(pathToFileURL(join(dist, "events", "index.js")).href)};
    const [path, kind, directory] = process.argv.slice(1);
    let events = 0;
    const none = { append: async (batch) => ({ offset: events += batch.length, accepted: batch.length, duplicates: 0 }) };
    const log = kind === "file" ? await openFileLog(directory) : none;
    let importBegan = 0;
    const progress = { step(name) { if (name === "import") importBegan = performance.now(); }, update() {}, note() {} };
    const cpu = process.cpuUsage();
    const start = performance.now();
    const report = await importInto(log, { path, now: Date.now() }, progress);
    const end = performance.now();
    const { user, system } = process.cpuUsage(cpu);
    if (report.accepted + report.duplicates < ${ROWS}) throw new Error("rows are missing: " + JSON.stringify(report));
    await log.close?.();
    console.log(JSON.stringify({ wallMs: end - start, checkMs: importBegan - start, cpuMs: (user + system) / 1000,
      peakRssMiB: process.resourceUsage().maxRSS / 1024 }));
  `;
  const args = ["--input-type=module", "--eval", script, path, log, logDirectory];
  const child = spawnSync(process.execPath, args, { encoding: "utf8" });
  rmSync(logDirectory, { recursive: true, force: true });
  if (child.status !== 0) throw new Error(`bench/import: ${path} into ${log}: ${child.stderr}`);
  return JSON.parse(child.stdout) as Sample;
}

type Row = { readonly user: number; readonly item: number; readonly rating: number; readonly time: number };

/** The same rows in every format, scattered over the users; `sequence` has each user's together. */
async function generate(directory: string): Promise<Record<Format, string>> {
  const random = new Random("bench/import");
  const rows: Row[] = Array.from({ length: ROWS }, (_, i) => ({
    user: random.int(USERS),
    item: random.int(ITEMS),
    rating: (1 + random.int(10)) / 2,
    time: 1_500_000_000 + 60 * i,
  }));
  const path = (name: string) => join(directory, name);
  const csv = [
    "userId,movieId,rating,timestamp",
    ...rows.map((r) => `${r.user},${r.item},${r.rating},${r.time}`),
  ];
  writeFileSync(path("log.csv"), `${csv.join("\n")}\n`);
  writeFileSync(path("log.csv.gz"), gzipSync(`${csv.join("\n")}\n`));
  const json = rows.map((r) =>
    JSON.stringify({ user: `u${r.user}`, item: `v${r.item}`, type: "rate", value: r.rating, time: r.time }),
  );
  writeFileSync(path("log.jsonl"), `${json.join("\n")}\n`);
  const byUser = rows.toSorted((a, b) => a.user - b.user || a.time - b.time);
  writeFileSync(path("log.txt"), `${byUser.map((r) => `${r.user} ${r.item}`).join("\n")}\n`);
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(
    `COPY (SELECT * FROM read_csv('${path("log.csv")}')) TO '${path("log.parquet")}' (FORMAT parquet)`,
  );
  connection.closeSync();
  instance.closeSync();
  return {
    csv: path("log.csv"),
    "csv.gz": path("log.csv.gz"),
    jsonl: path("log.jsonl"),
    parquet: path("log.parquet"),
    sequence: path("log.txt"),
  };
}
