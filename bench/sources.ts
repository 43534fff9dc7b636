/**
 * Where the constants of transitions and co-visitation come from: windows, lags and damping by popularity, measured on
 * the validation items (every user's second last) of ml-1m and amazon-beauty. Test items are never looked at.
 *
 * Each grid has the source's own formula and its other constants; the row `as shipped` runs the source itself, so a
 * constant that was changed without this grid shows as a row that no other equals.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type EpochMs, Random, silent } from "../src/core/index.ts";
import { importInto } from "../src/datasets/index.ts";
import { clusteredMean, hitAt, ndcgAt, pessimisticRank } from "../src/evaluation/index.ts";
import { memoryLog } from "../src/events/index.ts";
import { covisitation } from "../src/retrieval/covisitation.ts";
import type { Query, Source } from "../src/retrieval/index.ts";
import { countNeighbours, NeighbourSum } from "../src/retrieval/neighbours.ts";
import { transitions } from "../src/retrieval/transitions.ts";
import { type Example, examplesBetween, visit } from "../src/training/examples.ts";
import { sample } from "../src/training/fit-two-stage.ts";
import { type History, readHistory } from "../src/training/history.ts";
import { cutLast, Replay, sequencesOf } from "../src/training/replay.ts";

export const about =
  "The choice of the constants of transitions and co-visitation: NDCG@10 / Recall@500 over the full catalogue on the validation items (every user's second last), by window, damping by popularity and how many of the newest items vote (lags).";

const { UPNEXT_DATA: DATA = join(import.meta.dirname, "..", "..", "shared", "data") } = process.env;
const SETS = ["ml-1m", "amazon-beauty"] as const;
const LAGS = [5, 10, 20] as const;
const TOP = 500;
/** Examples of a set with `--quick`. */
const QUICK = 1_000;

interface Family {
  readonly source: Source;
  readonly weight: (gap: number) => number;
  readonly both: boolean;
  readonly decay: number;
  readonly dampings: readonly number[];
  readonly strength: (damping: number) => (count: number, total: number, from: number, to: number) => number;
}

const FAMILIES: readonly Family[] = [
  {
    source: transitions,
    weight: (gap) => 1 / gap,
    both: false,
    decay: 0.8,
    dampings: [0, 0.2, 0.4],
    strength: (damping) => (count, total, _from, to) => count / (total + 20) / to ** damping,
  },
  {
    source: covisitation,
    weight: (gap) => 1 / Math.sqrt(gap),
    both: true,
    decay: 0.9,
    // 0.5 is the cosine.
    dampings: [0, 0.3, 0.5],
    strength: (damping) => (count, _total, from, to) => count / (from ** (1 - damping) * to ** damping + 10),
  },
];

/** One choice of constants, under measurement. */
interface Choice {
  readonly window: number | "as shipped";
  readonly damping: number | "";
  readonly lags: number | "as shipped";
  readonly top: (query: Query) => { readonly rows: Int32Array; readonly scores: Float32Array };
  readonly ranks: number[];
}

/** Arguments: `--quick` for a sample of the examples and of the windows. */
export async function run(args: readonly string[] = []): Promise<Record<string, unknown>> {
  const quick = args.includes("--quick");
  const result: Record<string, unknown> = {};
  for (const name of SETS) {
    const path = join(DATA, name);
    result[name] = existsSync(path)
      ? await measure(path, quick)
      : "skipped: not there. UPNEXT_DATA names the folder that has it";
  }
  return result;
}

async function measure(path: string, quick: boolean): Promise<Record<string, unknown>> {
  const log = memoryLog();
  await importInto(log, { path, now: Date.now() as EpochMs }, silent);
  const history = await readHistory(log);
  const train = cutLast(history, 2);
  const found = examplesBetween(history, train, cutLast(history, 1));
  const examples = quick ? sample(found, QUICK, new Random("bench/sources")) : found;
  const result: Record<string, unknown> = { users: history.users.length, examples: examples.length };
  for (const family of FAMILIES) {
    const choices = await choicesOf(family, history, train, quick ? [3, 10] : [1, 2, 3, 5, 10, 20]);
    await rankAll(choices, history, train, examples);
    result[family.source.name] = tableOf(choices, examples);
  }
  return result;
}

async function choicesOf(
  family: Family,
  history: History,
  train: Int32Array,
  windows: readonly number[],
): Promise<readonly Choice[]> {
  const sequences = sequencesOf(history, train);
  const fitted = await family.source.fit!({ sequences, random: new Random(1), progress: silent });
  const shipped = await family.source.load(fitted, history.catalog);
  const choices: Choice[] = [
    {
      window: "as shipped",
      damping: "",
      lags: "as shipped",
      top: (query) => shipped.retrieve(query, TOP),
      ranks: [],
    },
  ];
  for (const window of windows) {
    const weights = Array.from({ length: window }, (_, i) => family.weight(i + 1));
    for (const damping of family.dampings) {
      const table = await countNeighbours(
        sequences,
        {
          forward: weights,
          backward: family.both ? weights : [],
          keep: TOP,
          strength: family.strength(damping),
        },
        silent,
      );
      for (const lags of LAGS) {
        const sum = new NeighbourSum(table, lags, family.decay);
        choices.push({ window, damping, lags, top: (query) => sum.top(query, TOP), ranks: [] });
      }
    }
  }
  return choices;
}

async function rankAll(
  choices: readonly Choice[],
  history: History,
  train: Int32Array,
  examples: readonly Example[],
): Promise<void> {
  await visit(history, new Replay(history, train), examples, async (query, target) => {
    for (const { top, ranks } of choices) {
      const { rows, scores } = top(query);
      ranks.push(pessimisticRank(rows, scores, target));
    }
  });
}

/** A row for each window and damping, a column for each number of lags, and the widest interval of all. */
function tableOf(choices: readonly Choice[], examples: readonly Example[]) {
  const users = examples.map(({ user }) => user);
  const widest = { "ndcg@10": 0, "recall@500": 0 };
  const rows = new Map<string, Record<string, string | number>>();
  for (const { window, damping, lags, ranks } of choices) {
    const ndcg = clusteredMean(
      ranks.map((rank) => ndcgAt(rank, 10)),
      users,
    );
    const recall = clusteredMean(
      ranks.map((rank) => hitAt(rank, TOP)),
      users,
    );
    widest["ndcg@10"] = Math.max(widest["ndcg@10"], ndcg.halfWidth);
    widest["recall@500"] = Math.max(widest["recall@500"], recall.halfWidth);
    const key = `${window}/${damping}`;
    const row = rows.get(key) ?? { window, damping };
    rows.set(key, row);
    row[lags === "as shipped" ? lags : `${lags} lags`] =
      `${ndcg.mean.toFixed(4)} / ${recall.mean.toFixed(4)}`;
  }
  return {
    "widest 95 % interval": `±${widest["ndcg@10"].toFixed(4)} / ±${widest["recall@500"].toFixed(4)}`,
    choices: [...rows.values()],
  };
}
