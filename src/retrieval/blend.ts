/**
 * The blend: one list of candidates out of many sources, each candidate with its provenance.
 *
 * Reciprocal rank fusion (Cormack, Clarke, Büttcher 2009): score(c) = sum over sources of weight / (60 + rank). It
 * needs no common scale, and a candidate that several sources found rises. Ranks and signals are kept for every
 * candidate: they are features of the ranker and the answer to "why".
 */
import { bestOf } from "../tensor/index.ts";
import type { Query, Retrieved } from "./retriever.ts";

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

/** Columns over the catalogue that are all 0 between calls; shared by all requests, since nothing in here waits. */
class Scratch {
  /** Fused score of a row. */
  sums = new Float64Array(0);
  touched = new Int32Array(0);
  /** The sums of the rows that were touched. */
  fused = new Float32Array(0);
  /** 1 + index of a row among the candidates; while fusing, 1 for a row that was found. */
  slots = new Int32Array(0);

  reserve(size: number): void {
    if (this.sums.length >= size) return;
    this.sums = new Float64Array(2 * size);
    this.touched = new Int32Array(2 * size);
    this.fused = new Float32Array(2 * size);
    this.slots = new Int32Array(2 * size);
  }
}

const scratch = new Scratch();

/** The `limit` best of everything that the sources found, equal fused scores by lower row. */
export function blend(query: Query, contributions: readonly Contribution[], limit: number): Candidates {
  return candidatesOf(query, contributions, fuse(query, contributions, limit));
}

/** The rows of `blend` alone, in its order. */
export function fuse(query: Query, contributions: readonly Contribution[], limit: number): Int32Array {
  scratch.reserve(query.allowed.length);
  const { sums, touched, fused, slots } = scratch;
  let n = 0;
  for (const { weight, retrieved } of contributions) {
    if (retrieved === null) continue;
    for (let rank = 0; rank < retrieved.rows.length; rank++) {
      const row = retrieved.rows[rank]!;
      if (slots[row] === 0) {
        slots[row] = 1;
        touched[n++] = row;
      }
      sums[row] = sums[row]! + weight / (FLATNESS + rank);
    }
  }
  for (let i = 0; i < n; i++) {
    const row = touched[i]!;
    fused[i] = sums[row]!;
    sums[row] = 0;
    slots[row] = 0;
  }
  return bestOf(touched, fused, n, limit).rows;
}

/** Chosen rows, without repeats, as candidates: with the provenance that `blend` would give them. */
export function candidatesOf(
  query: Query,
  contributions: readonly Contribution[],
  rows: Int32Array,
): Candidates {
  const n = rows.length;
  scratch.reserve(query.allowed.length);
  const { slots } = scratch;
  for (let i = 0; i < n; i++) slots[rows[i]!] = i + 1;
  const fused = new Float64Array(n);
  const ranks: Int32Array[] = [];
  const scores: Float32Array[] = [];
  for (const { retrieved, weight } of contributions) {
    const rank = new Int32Array(n).fill(-1);
    const score = new Float32Array(n);
    if (retrieved !== null) {
      for (let r = 0; r < retrieved.rows.length; r++) {
        const slot = slots[retrieved.rows[r]!]! - 1;
        if (slot < 0) continue;
        rank[slot] = r;
        score[slot] = retrieved.scores[r]!;
        fused[slot] = fused[slot]! + weight / (FLATNESS + r);
      }
    }
    ranks.push(rank);
    scores.push(score);
  }
  for (let i = 0; i < n; i++) slots[rows[i]!] = 0;
  // Sources are asked when the scratch is clean again: one that throws leaves nothing behind for the next request.
  const signals = contributions.flatMap(({ retrieved, signalNames }) => {
    const columns = signalNames.map(() => new Float32Array(n));
    retrieved?.signals(rows, columns);
    return columns;
  });
  return {
    rows,
    fused: new Float32Array(fused),
    sourceNames: contributions.map((c) => c.name),
    ranks,
    scores,
    bestScores: Float32Array.from(contributions, (c) => c.retrieved?.scores[0] ?? 0),
    signalNames: contributions.flatMap((c) => [...c.signalNames]),
    signals,
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
