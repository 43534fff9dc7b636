/** Which sources found the candidate, how high, and what every source thinks of it. */
import type { FeatureColumn, FeatureGroup } from "./feature-set.ts";

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
    ({ candidates }, { matrix, width, first }) => {
      const { rows, fused, ranks, signals, bestScores } = candidates;
      const relativeAt = firstSignals(candidates.sourceNames, candidates.signalNames);
      for (let i = 0; i < rows.length; i++) {
        const base = i * width + first;
        let at = base + 2;
        let found = 0;
        for (let s = 0; s < ranks.length; s++) {
          const rank = ranks[s]![i]!;
          if (rank >= 0) found++;
          const best = bestScores[s]!;
          matrix[at++] = rank < 0 ? 0 : 1 / (1 + rank);
          matrix[at++] = rank < NOT_FOUND ? LOG_RANKS[rank < 0 ? NOT_FOUND : rank]! : Math.log2(2 + rank);
          matrix[at++] = best > 0 ? Math.max(-1, Math.min(2, signals[relativeAt[s]!]![i]! / best)) : 0;
        }
        for (let j = 0; j < signals.length; j++) {
          const value = signals[j]![i]!;
          matrix[at++] = value;
          matrix[at++] = Math.max(0, value) + SIGNAL_FLOOR;
        }
        matrix[base] = fused[i]!;
        matrix[base + 1] = found;
      }
    },
};

/** Index of every source's first signal, which carries the source's name. */
function firstSignals(sources: readonly string[], signals: readonly string[]): readonly number[] {
  return sources.map((source) => signals.indexOf(source));
}
