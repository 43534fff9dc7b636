/**
 * Where the constants of the fitted sources come from: measured on the validation items (every user's
 * second last) of ml-1m and amazon-beauty. Test items are never looked at.
 *
 * Each grid has the source's own formula and its other constants; the row `as shipped` runs the source itself, so a
 * constant that was changed without this grid shows as a row that no other equals.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type EpochMs, HOUR, Random, silent, systemClock } from "../src/core/index.ts";
import { importInto } from "../src/datasets/index.ts";
import { clusteredMean, hitAt, ndcgAt, pessimisticRank } from "../src/evaluation/index.ts";
import { memoryLog } from "../src/events/index.ts";
import { als } from "../src/retrieval/als.ts";
import { covisitation } from "../src/retrieval/covisitation.ts";
import { EASE, type EaseOptions, ease, fitEase } from "../src/retrieval/ease.ts";
import type { Query, Sequences, Source } from "../src/retrieval/index.ts";
import { countNeighbours, NeighbourSum } from "../src/retrieval/neighbours.ts";
import {
  OCCURRENCES,
  SESSIONS,
  type SessionOptions,
  Sessions,
  sessionColumns,
  sessionKnn,
} from "../src/retrieval/session-knn.ts";
import { transitions } from "../src/retrieval/transitions.ts";
import { alsFoldIn, fitAls, itemScorer } from "../src/tensor/index.ts";
import { type Example, examplesBetween, visit } from "../src/training/examples.ts";
import { sample } from "../src/training/fit-two-stage.ts";
import { type History, readHistory } from "../src/training/history.ts";
import { cutLast, Replay, sequencesOf } from "../src/training/replay.ts";

export const about =
  "The choice of the sources' constants: NDCG@10 / Recall@500 over the full catalogue on the validation items (every user's second last). Window: how far apart two items of a user may stand; damping: the power of the popularity that divides; lags: how many of the newest items vote; decay: how much less each older touch counts.";

const { UPNEXT_DATA: DATA = join(import.meta.dirname, "..", "..", "shared", "data") } = process.env;
const SETS = ["ml-1m", "amazon-beauty"] as const;
const TOP = 500;
/** Examples of a set with `--quick`. */
const QUICK = 1_000;

/** One choice of constants, under measurement: a row and a column of a table. */
interface Choice {
  readonly row: Readonly<Record<string, string | number>>;
  readonly column: string;
  readonly top: (query: Query) => { readonly rows: Int32Array; readonly scores: Float32Array };
  readonly ranks: number[];
}

interface Grid {
  readonly source: Source;
  choices(sequences: Sequences, quick: boolean): AsyncGenerator<Omit<Choice, "ranks">>;
}

const GRIDS: readonly Grid[] = [
  neighbourGrid({
    source: transitions,
    weight: (gap) => 1 / gap,
    both: false,
    decay: 0.8,
    dampings: [0, 0.2, 0.4],
    strength: (damping) => (count, total, _from, to) => count / (total + 20) / to ** damping,
  }),
  neighbourGrid({
    source: covisitation,
    weight: (gap) => 1 / Math.sqrt(gap),
    both: true,
    decay: 0.9,
    // 0.5 is the cosine.
    dampings: [0, 0.3, 0.5],
    strength: (damping) => (count, _total, from, to) => count / (from ** (1 - damping) * to ** damping + 10),
  }),
  { source: als, choices: alsChoices },
  { source: sessionKnn, choices: sessionChoices },
  { source: ease, choices: easeChoices },
];

interface NeighbourFamily {
  readonly source: Source;
  readonly weight: (gap: number) => number;
  readonly both: boolean;
  readonly decay: number;
  readonly dampings: readonly number[];
  readonly strength: (damping: number) => (count: number, total: number, from: number, to: number) => number;
}

function neighbourGrid({ source, weight, both, decay, dampings, strength }: NeighbourFamily): Grid {
  return {
    source,
    async *choices(sequences, quick) {
      for (const window of quick ? [3, 10] : [1, 2, 3, 5, 10, 20]) {
        const forward = Array.from({ length: window }, (_, i) => weight(i + 1));
        for (const damping of dampings) {
          const options = { forward, backward: both ? forward : [], keep: TOP, strength: strength(damping) };
          const table = await countNeighbours(sequences, options, silent);
          for (const lags of [5, 10, 20]) {
            const sum = await NeighbourSum.over(table, lags, decay);
            yield { row: { window, damping }, column: `${lags} lags`, top: (query) => sum.top(query, TOP) };
          }
        }
      }
    },
  };
}

async function* alsChoices(sequences: Sequences, quick: boolean): ReturnType<Grid["choices"]> {
  const { offsets, items, weights, itemCount } = sequences;
  const factors = 64;
  for (const regularization of quick ? [0.1] : [0.01, 0.1, 1]) {
    for (const alpha of quick ? [30] : [3, 10, 30, 100]) {
      const { itemFactors } = await fitAls({
        ...{ offsets, items, weights, itemCount, factors, regularization, alpha },
        users: offsets.length - 1,
        iterations: 10,
        random: new Random("bench/sources/als"),
      });
      const foldIn = alsFoldIn({ itemFactors, itemCount, factors, regularization, alpha });
      const scorer = await itemScorer({ factors: itemFactors, N: itemCount, k: factors });
      for (const decay of [0.8, 0.9, 0.98, 1]) {
        const top = (query: Query) => {
          const n = Math.min(query.items.length, 100);
          if (n === 0) return { rows: new Int32Array(0), scores: new Float32Array(0) };
          const vector = new Float32Array(factors);
          const decayed = query.weights.slice(0, n).map((weight, i) => weight * decay ** i);
          foldIn.solve(query.items.slice(0, n), decayed, vector);
          return scorer.top(vector, query.allowed, TOP);
        };
        yield { row: { regularization, alpha }, column: `decay ${decay}`, top };
      }
    }
  }
}

/** Each choice is one constant away from what is shipped: there are too many for a grid, and they hardly meddle. */
async function* sessionChoices(sequences: Sequences, quick: boolean): ReturnType<Grid["choices"]> {
  const columns = await sessionColumns(sequences, OCCURRENCES, silent);
  const changes: readonly Partial<SessionOptions>[] = quick
    ? [{ power: 1 }, { back: 1 }]
    : [
        ...[{ decay: 0.7 }, { decay: 0.9 }, { lags: 5 }, { lags: 20 }],
        ...[{ power: 1 }, { power: 2 }, { power: 4 }, { neighbours: 200 }, { neighbours: 500 }],
        ...[{ length: 20 }, { length: Infinity }, { near: 5 }, { near: Infinity }],
        ...[{ back: 0 }, { back: 1 }, { fade: 1 }, { fade: 4 }, { reach: 10 }, { reach: 40 }],
        ...[{ damping: 0 }, { damping: 0.2 }],
      ];
  for (const change of changes) {
    const sessions = new Sessions(columns, { ...SESSIONS, ...change });
    const top = (query: Query) => sessions.top(sessions.near(query), query, TOP);
    yield { row: { changed: nameOf(change) }, column: "instead", top };
  }
}

async function* easeChoices(sequences: Sequences, quick: boolean): ReturnType<Grid["choices"]> {
  const changes: readonly Partial<EaseOptions>[] = quick
    ? [{}, { most: 64 }]
    : [
        ...[{}, { most: 64 }, { most: 256 }, { fade: 0.8 }, { fade: 0.95 }],
        ...[{ ridge: 10 }, { ridge: 200 }, { share: 0 }, { share: 0.5 }],
      ];
  for (const change of changes) {
    const table = await fitEase(sequences, { ...EASE, ...change }, silent);
    for (const decay of [0.8, 0.85, 0.9]) {
      const sum = await NeighbourSum.over(table, 30, decay);
      yield {
        row: { changed: nameOf(change) },
        column: `decay ${decay}`,
        top: (query) => sum.top(query, TOP),
      };
    }
  }
}

/** The constants of a choice that are not as shipped. */
function nameOf(change: object): string {
  return Object.entries(change).join("; ").replaceAll(",", " ") || "nothing";
}

/** Arguments: `--quick` for a sample of the examples and of the choices; names of sources, all where there are none. */
export async function run(args: readonly string[] = []): Promise<Record<string, unknown>> {
  const quick = args.includes("--quick");
  const grids = GRIDS.filter(({ source }) => args.includes(source.name));
  const result: Record<string, unknown> = {};
  for (const name of SETS) {
    const path = join(DATA, name);
    result[name] = existsSync(path)
      ? await measure(path, quick, grids.length > 0 ? grids : GRIDS)
      : "skipped: not there. UPNEXT_DATA names the folder that has it";
  }
  return result;
}

async function measure(
  path: string,
  quick: boolean,
  grids: readonly Grid[],
): Promise<Record<string, unknown>> {
  const log = memoryLog();
  await importInto(log, { path, now: Date.now() as EpochMs }, silent);
  const history = await readHistory(log);
  const train = cutLast(history, 2);
  const found = examplesBetween(history, train, cutLast(history, 1));
  const examples = quick ? sample(found, QUICK, new Random("bench/sources")) : found;
  const result: Record<string, unknown> = { users: history.users.length, examples: examples.length };
  for (const grid of grids) {
    const choices: Choice[] = [await shipped(grid.source, history, train)];
    for await (const choice of grid.choices(sequencesOf(history, train), quick)) {
      choices.push({ ...choice, ranks: [] });
    }
    await rankAll(choices, history, train, examples);
    result[grid.source.name] = tableOf(choices, examples);
  }
  return result;
}

async function shipped(source: Source, history: History, train: Int32Array): Promise<Choice> {
  const sequences = sequencesOf(history, train);
  const random = new Random("bench/sources/als");
  const retriever = await source.load(
    await source.fit!({
      ...{ sequences, catalog: history.catalog, random, progress: silent },
      ...{ clock: systemClock, budget: HOUR, timeBudget: HOUR },
    }),
    history.catalog,
  );
  return { row: {}, column: "as shipped", top: (query) => retriever.retrieve(query, TOP), ranks: [] };
}

async function rankAll(
  choices: readonly Choice[],
  history: History,
  train: Int32Array,
  examples: readonly Example[],
): Promise<void> {
  await visit(history, new Replay(history, train), examples, async (asked, target) => {
    for (const { top, ranks } of choices) {
      const { rows, scores } = top({ ...asked, encodings: {} });
      ranks.push(pessimisticRank(rows, scores, target));
    }
  });
}

/** The cells by row and column, and the widest interval of all. */
function tableOf(choices: readonly Choice[], examples: readonly Example[]) {
  const users = examples.map(({ user }) => user);
  const widest = [0, 0];
  const rows = new Map<string, Record<string, string | number>>();
  for (const { row, column, ranks } of choices) {
    const estimates = [(rank: number) => ndcgAt(rank, 10), (rank: number) => hitAt(rank, TOP)].map((metric) =>
      clusteredMean(ranks.map(metric), users),
    );
    estimates.forEach(({ halfWidth }, i) => {
      widest[i] = Math.max(widest[i]!, halfWidth);
    });
    const key = JSON.stringify(row);
    const cells = rows.get(key) ?? { ...row };
    rows.set(key, cells);
    cells[column] = estimates.map(({ mean }) => mean.toFixed(4)).join(" / ");
  }
  const asShipped = rows.get("{}")?.["as shipped"];
  rows.delete("{}");
  return {
    "as shipped": asShipped,
    "widest 95 % interval": widest.map((width) => `±${width.toFixed(4)}`).join(" / "),
    choices: [...rows.values()],
  };
}
