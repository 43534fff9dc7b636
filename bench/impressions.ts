/**
 * How well each rung of the ranker predicts what users do with what they are shown, beside LightGBM on the same rows and
 * features: `upnext evaluate` on a log of real impressions, the newest days of which nobody has learned from.
 */
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type EpochMs, silent } from "../src/core/index.ts";
import { importInto } from "../src/datasets/index.ts";
import { parseSplit } from "../src/evaluation/index.ts";
import { memoryLog } from "../src/events/index.ts";
import { HEADS } from "../src/ranking/index.ts";
import { evaluate, type RankingLists, type RankingPeer } from "../src/training/index.ts";

export const about =
  "KuaiRand-Pure: what was shown from 2022-05-01 on (Beijing days), learned from what came before; every row has the state and the statistics of its moment. AUC of all rows, AUC and NDCG@10 within a user and a user's day; intervals of 95 % by a bootstrap over users, differences paired. cpuMs: 500 candidates of a user with 50 visits on one thread, features not included. LightGBM has the same features of the same rows; its settings are chosen on the newest tenth of them, as is whether it sees what retrieval says of a candidate (bench/peers/lightgbm_ranking.py).";
export const needsBuild = true;

const { UPNEXT_DATA: DATA = join(import.meta.dirname, "..", "..", "shared", "data") } = process.env;
const SPLIT = "time:2022-05-01+08:00";

/** Arguments: a folder in KuaiRand's form, and a split; KuaiRand-Pure of the data folder where there are none. */
export async function run(args: readonly string[] = []): Promise<Record<string, unknown>> {
  const path = args[0] ?? join(DATA, "kuairand-pure");
  if (!existsSync(path)) return { skipped: "not there. UPNEXT_DATA names the folder that has it" };
  const split = args[1] ?? SPLIT;
  const log = memoryLog();
  await importInto(log, { path, now: Date.now() as EpochMs }, silent);
  const python = process.env["UPNEXT_PYTHON"] ?? "python3";
  const version = versionOf(python);
  const peers = version === undefined ? [] : [lightGbm(python)];
  const { ranking, fitSeconds, systems } = await evaluate(log, { split: parseSplit(split), peers }, silent);
  return rounded({
    split,
    LightGBM: version ?? "not measured: no python3 with lightgbm and numpy (UPNEXT_PYTHON names one)",
    fitSeconds,
    ...(ranking && {
      exposures: ranking.exposures,
      users: ranking.users,
      ...byHead(ranking.rungs),
      cost: ranking.rungs.flatMap(({ name, cost }) => (cost === null ? [] : [{ name, ...cost }])),
      "AUC of a rung minus that of another": ranking.comparisons.flatMap(({ rung, with: other, heads }) =>
        heads.map(({ head, auc }) => ({
          rung,
          other,
          head,
          mean: auc.mean,
          lower: auc.lower,
          upper: auc.upper,
        })),
      ),
    }),
    "next items": systems.map(({ name, ...scores }) => ({
      name,
      "ndcg@10": scores["ndcg@10"],
      "hr@10": scores["hr@10"],
    })),
  }) as Record<string, unknown>;
}

/** Every number with four decimals at most: intervals are wider. */
function rounded(value: unknown): unknown {
  if (typeof value === "number") return Number(value.toFixed(4));
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, rounded(each)]));
}

function byHead(rungs: NonNullable<Awaited<ReturnType<typeof evaluate>>["ranking"]>["rungs"]) {
  const heads = rungs[0]!.heads.map(({ head }) => head);
  return Object.fromEntries(
    heads.map((name) => [
      name,
      rungs.map((rung) => {
        const head = rung.heads.find((one) => one.head === name)!;
        return {
          rung: rung.name,
          auc: head.auc.mean,
          "auc±": head.auc.halfWidth,
          gauc: head.gauc.mean,
          "gauc±": head.gauc.halfWidth,
          "ndcg@10": head["ndcg@10"].mean,
          "ndcg@10±": head["ndcg@10"].halfWidth,
          "log loss": head.logLoss.mean,
          "calibration error": head.calibrationError,
        };
      }),
    ]),
  );
}

function versionOf(python: string): string | undefined {
  try {
    const script = "import numpy, lightgbm; print(lightgbm.__version__)";
    return execFileSync(python, ["-c", script], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return undefined;
  }
}

function lightGbm(python: string): RankingPeer {
  return {
    name: "LightGBM",
    about: "gradient boosted trees on the same features, tuned",
    async predict(learned, tested, heads, features) {
      const folder = mkdtempSync(join(tmpdir(), "upnext-bench-lightgbm-"));
      try {
        const rows = slateRows(learned);
        const tests = slateRows(tested);
        const width = learned.requestWidth + learned.candidateWidth;
        const retrieval = features.flatMap(({ ofRetrieval }, column) => (ofRetrieval ? [column] : []));
        const meta = { rows: rows.length, tests: tests.length, width, heads: heads.length, retrieval };
        writeFileSync(join(folder, "meta.json"), JSON.stringify(meta));
        write(folder, "train.f32", matrixOf(learned, rows));
        write(folder, "labels.f32", labelsOf(learned, rows, heads));
        write(
          folder,
          "times.f64",
          Float64Array.from(rows, ({ list }) => learned.times[list]!),
        );
        write(folder, "test.f32", matrixOf(tested, tests));
        await promisify(execFile)(python, [
          join(import.meta.dirname, "peers", "lightgbm_ranking.py"),
          folder,
        ]);
        const bytes = readFileSync(join(folder, "predictions.f32"));
        return heads.map(
          (_, h) =>
            new Float32Array(
              bytes.buffer.slice(bytes.byteOffset).slice(h * tests.length * 4, (h + 1) * tests.length * 4),
            ),
        );
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  };
}

interface Row {
  readonly list: number;
  readonly row: number;
}

/** Of slates; next items were never shown. */
function slateRows(lists: RankingLists): readonly Row[] {
  const rows: Row[] = [];
  for (let list = 0; list < lists.count; list++) {
    if (lists.kinds[list] !== 1) continue;
    for (let row = lists.offsets[list]!; row < lists.offsets[list + 1]!; row++) rows.push({ list, row });
  }
  return rows;
}

function matrixOf(lists: RankingLists, rows: readonly Row[]): Float32Array {
  const { requestWidth: fr, candidateWidth: fc } = lists;
  const matrix = new Float32Array(rows.length * (fr + fc));
  rows.forEach(({ list, row }, i) => {
    matrix.set(lists.request.subarray(list * fr, (list + 1) * fr), i * (fr + fc));
    matrix.set(lists.candidates.subarray(row * fc, (row + 1) * fc), i * (fr + fc) + fr);
  });
  return matrix;
}

function labelsOf(lists: RankingLists, rows: readonly Row[], heads: readonly number[]): Float32Array {
  return Float32Array.from({ length: rows.length * heads.length }, (_, i) => {
    const { row } = rows[Math.floor(i / heads.length)]!;
    return lists.labels[row * HEADS.length + heads[i % heads.length]!]!;
  });
}

function write(folder: string, name: string, column: Float32Array | Float64Array): void {
  writeFileSync(join(folder, name), new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
}
