/** Which sources found the candidate, how high, and what every source thinks of it. */
import type { FeatureColumn, FeatureGroup, FeatureTarget } from "./feature-set.ts";

/** Stands for "rank of a candidate that the source did not find": beyond every list. */
const NOT_FOUND = 2000;
/** (NOT_FOUND + 1) by rank. */
const LOG_RANKS = Float32Array.from({ length: NOT_FOUND + 1 }, (_, rank) => Math.log2(2 + rank));
/** Below this, two signals do not differ (about one transition in a popular item's row). */
const SIGNAL_FLOOR = 1e-4;

export const provenance: FeatureGroup = {
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
    () =>
    ({ candidates }) => {
      const { fused, ranks, signals, bestScores } = candidates;
      const relativeAt = firstSignals(candidates.sourceNames, candidates.signalNames);
      return (target, from, to) => {
        const { matrix, width, first } = target;
        for (let i = from, at = first; i < to; i++, at += width) matrix[at] = fused[i]!;
        let column = 2;
        for (let s = 0; s < ranks.length; s++, column += 3) {
          writeRanks(ranks[s]!, target, column, from, to);
          writeRelative(signals[relativeAt[s]!]!, bestScores[s]!, target, column + 2, from, to);
        }
        for (let j = 0; j < signals.length; j++, column += 2) {
          writeSignal(signals[j]!, target, column, from, to);
        }
      };
    },
};

/** The ranks of candidates `from` .. `to` - 1, and one more in the second column where the source found them. */
function writeRanks(
  ranks: Int32Array,
  { matrix, width, first }: FeatureTarget,
  column: number,
  from: number,
  to: number,
): void {
  for (let i = from, at = first; i < to; i++, at += width) {
    const rank = ranks[i]!;
    if (rank >= 0) matrix[at + 1] = matrix[at + 1]! + 1;
    matrix[at + column] = rank < 0 ? 0 : 1 / (1 + rank);
    matrix[at + column + 1] =
      rank < NOT_FOUND ? LOG_RANKS[rank < 0 ? NOT_FOUND : rank]! : Math.log2(2 + rank);
  }
}

/** What a source thinks of each candidate, of the best that it thinks of any. */
function writeRelative(
  signal: Float32Array,
  best: number,
  { matrix, width, first }: FeatureTarget,
  column: number,
  from: number,
  to: number,
): void {
  if (!(best > 0)) return;
  for (let i = from, at = first + column; i < to; i++, at += width) {
    matrix[at] = Math.max(-1, Math.min(2, signal[i]! / best));
  }
}

function writeSignal(
  signal: Float32Array,
  { matrix, width, first }: FeatureTarget,
  column: number,
  from: number,
  to: number,
): void {
  for (let i = from, at = first + column; i < to; i++, at += width) {
    const value = signal[i]!;
    matrix[at] = value;
    matrix[at + 1] = Math.max(0, value) + SIGNAL_FLOOR;
  }
}

/** Index of every source's first signal, which carries the source's name. */
function firstSignals(sources: readonly string[], signals: readonly string[]): readonly number[] {
  return sources.map((source) => signals.indexOf(source));
}
