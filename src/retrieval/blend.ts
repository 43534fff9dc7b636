/**
 * The blend: one list of candidates out of many sources, each candidate with its provenance.
 *
 * Reciprocal rank fusion (Cormack, Clarke, Büttcher 2009): score(c) = sum over sources of weight / (60 + rank). It
 * needs no common scale, and a candidate that several sources found rises. Ranks and signals are kept for every
 * candidate: they are features of the ranker and the answer to "why".
 */
import { RankFusion } from "../tensor/index.ts";
import type { Retrieved } from "./retriever.ts";

/** Candidates as columns of (n) entries. */
export interface Candidates {
  /** Catalog rows, without repeats. */
  readonly rows: Int32Array;
  /** Fused score; descending in what `blend` returns. */
  readonly fused: Float32Array;
  readonly sourceNames: readonly string[];
  /** [source] 0-based rank within the source, -1 where it did not find the candidate. */
  readonly ranks: readonly Int32Array[];
  /** [source] score within the source, 0 where it did not find the candidate. */
  readonly scores: readonly Float32Array[];
  /** (sources) the best score that each source gave in this query, 0 where it found nothing. */
  readonly bestScores: Float32Array;
  readonly signalNames: readonly string[];
  /** [signal] for every candidate, found by that source or not. */
  readonly signals: readonly Float32Array[];
}

/** What a source contributed; `retrieved` is null where it was skipped or failed. */
export interface Contribution {
  readonly name: string;
  readonly weight: number;
  readonly signalNames: readonly string[];
  readonly retrieved: Retrieved | null;
}

/** The constant of the paper: how flat the head of a list counts. */
const FLATNESS = 60;
const NO_ROWS = new Int32Array(0);
const NO_SCORES = new Float32Array(0);

/** Shared by all requests, since nothing in here waits. */
const fusion = new RankFusion(FLATNESS);

/** The `limit` best of everything that the sources found, equal fused scores by lower row. */
export function blend(contributions: readonly Contribution[], limit: number): Candidates {
  return provenanceOf(contributions, fuse(contributions, limit));
}

/** The rows of `blend` alone, in its order. */
export function fuse(contributions: readonly Contribution[], limit: number): Int32Array {
  take(contributions);
  return fusion.best(limit).rows;
}

/** Chosen rows, without repeats, as candidates: with the provenance that `blend` would give them. */
export function candidatesOf(contributions: readonly Contribution[], rows: Int32Array): Candidates {
  take(contributions);
  return provenanceOf(contributions, rows);
}

function take(contributions: readonly Contribution[]): void {
  fusion.take(
    contributions.map(({ weight, retrieved }) => ({
      weight,
      rows: retrieved?.rows ?? NO_ROWS,
      scores: retrieved?.scores ?? NO_SCORES,
    })),
  );
}

function provenanceOf(contributions: readonly Contribution[], rows: Int32Array): Candidates {
  const n = rows.length;
  const { fused, ranks, scores } = fusion.of(rows);
  const signalNames = contributions.flatMap((c) => [...c.signalNames]);
  // One piece of memory for all of them.
  const values = new Float32Array(n * signalNames.length);
  const signals = signalNames.map((_, j) => values.subarray(j * n, (j + 1) * n));
  let first = 0;
  for (const { retrieved, signalNames: own } of contributions) {
    retrieved?.signals(rows, signals.slice(first, first + own.length));
    first += own.length;
  }
  return {
    ...{ rows, fused, ranks, scores, signalNames, signals },
    sourceNames: contributions.map((c) => c.name),
    bestScores: Float32Array.from(contributions, (c) => c.retrieved?.scores[0] ?? 0),
  };
}

/** Candidates `indices` of `all`, in that order. */
export function pickCandidates(all: Candidates, indices: Int32Array): Candidates {
  const pickInts = (column: Int32Array) => indices.map((i) => column[i]!);
  const pickFloats = (column: Float32Array) =>
    new Float32Array(indices.length).map((_, j) => column[indices[j]!]!);
  return {
    ...all,
    rows: pickInts(all.rows),
    fused: pickFloats(all.fused),
    ranks: all.ranks.map(pickInts),
    scores: all.scores.map(pickFloats),
    signals: all.signals.map(pickFloats),
  };
}
