/** Which sources found the candidate, how high, and what every source thinks of it. */
import { BLOCK_ROWS } from "../tensor/index.ts";
import type { CandidateGroup, FeatureColumn } from "./feature-set.ts";

/** Stands for "rank of a candidate that the source did not find": beyond every list. */
const NOT_FOUND = 2000;
/** (NOT_FOUND + 1) by rank. */
const LOG_RANKS = Float32Array.from({ length: NOT_FOUND + 1 }, (_, rank) => Math.log2(2 + rank));
/** Below this, two signals do not differ (about one transition in a popular item's row). */
const SIGNAL_FLOOR = 1e-4;

export const provenance: CandidateGroup = {
  name: "provenance",
  version: 2,
  per: "candidate",
  ofRetrieval: true,
  smallestDeviation: 0,

  columns: ({ sources, signals }) => [
    { name: "fused", kind: "score", unknown: 0 },
    { name: "found-by", kind: "count", unknown: 0 },
    ...sources.flatMap((source): FeatureColumn[] => [
      { name: `${source}.reciprocal-rank`, kind: "score", unknown: 0 },
      { name: `${source}.log-rank`, kind: "log", unknown: Math.log2(2 + NOT_FOUND) },
      { name: `${source}.relative-score`, kind: "score", unknown: 0 },
    ]),
    ...signals.flatMap((signal): FeatureColumn[] => [
      { name: `${signal}.value`, kind: "score", unknown: 0 },
      { name: `${signal}.log`, kind: "log", ln: true, unknown: Math.log(SIGNAL_FLOOR) },
    ]),
  ],

  prepare:
    (_, block, columns) =>
    ({ candidates }) => {
      const { fused, ranks, signals, bestScores } = candidates;
      const relativeAt = firstSignals(candidates.sourceNames, candidates.signalNames);
      return () => {
        const { from, count } = block;
        for (let i = 0; i < count; i++) columns[i] = fused[from + i]!;
        let column = 2;
        for (let s = 0; s < ranks.length; s++, column += 3) {
          writeRanks(ranks[s]!, columns, column, from, count);
          writeRelative(signals[relativeAt[s]!]!, bestScores[s]!, columns, column + 2, from, count);
        }
        for (let j = 0; j < signals.length; j++, column += 2) {
          writeSignal(signals[j]!, columns, column, from, count);
        }
      };
    },
};

/** The ranks of `count` candidates, and one more in the second column where the source found them. */
function writeRanks(
  ranks: Int32Array,
  columns: Float32Array,
  column: number,
  from: number,
  count: number,
): void {
  const reciprocal = column * BLOCK_ROWS;
  const log = reciprocal + BLOCK_ROWS;
  for (let i = 0; i < count; i++) {
    const rank = ranks[from + i]!;
    if (rank < 0) {
      columns[log + i] = LOG_RANKS[NOT_FOUND]!;
      continue;
    }
    columns[BLOCK_ROWS + i] = columns[BLOCK_ROWS + i]! + 1;
    columns[reciprocal + i] = 1 / (1 + rank);
    columns[log + i] = rank < NOT_FOUND ? LOG_RANKS[rank]! : Math.log2(2 + rank);
  }
}

/** What a source thinks of each candidate, of the best that it thinks of any. */
function writeRelative(
  signal: Float32Array,
  best: number,
  columns: Float32Array,
  column: number,
  from: number,
  count: number,
): void {
  if (!(best > 0)) return;
  const relative = column * BLOCK_ROWS;
  for (let i = 0; i < count; i++) {
    columns[relative + i] = Math.max(-1, Math.min(2, signal[from + i]! / best));
  }
}

function writeSignal(
  signal: Float32Array,
  columns: Float32Array,
  column: number,
  from: number,
  count: number,
): void {
  const plain = column * BLOCK_ROWS;
  const log = plain + BLOCK_ROWS;
  for (let i = 0; i < count; i++) {
    const value = signal[from + i]!;
    columns[plain + i] = value;
    columns[log + i] = Math.max(0, value) + SIGNAL_FLOOR;
  }
}

/** Index of every source's first signal, which carries the source's name. */
function firstSignals(sources: readonly string[], signals: readonly string[]): readonly number[] {
  return sources.map((source) => signals.indexOf(source));
}
