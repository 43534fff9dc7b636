/**
 * The blend: one list of candidates out of many sources, each candidate with its provenance.
 *
 * Reciprocal rank fusion (Cormack, Clarke, Büttcher 2009): score(c) = sum over sources of weight / (60 + rank). It
 * needs no common scale, and a candidate that several sources found rises. Ranks and signals are kept for every
 * candidate: they are features of the ranker and the answer to "why".
 */
import { bestOf } from "../tensor/index.ts";
import type { Retrieved } from "./retriever.ts";
import { RowPlaces } from "./row-places.ts";

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

/** What all sources found, one after the other; shared by all requests, since nothing in here waits. */
class Found {
  /** Of the rows that were found. */
  readonly places = new RowPlaces();
  /** By entry, one source's rows after the other's: the row's place. */
  entries = new Int32Array(1024);
  /** By place: the fused score, and the same in 32 bits. */
  sums = new Float64Array(1024);
  fused = new Float32Array(1024);
  /** By place: 1 + index among the chosen ones, 0 where it is none of them. */
  chosen = new Int32Array(1024);

  take(contributions: readonly Contribution[]): void {
    const { places } = this;
    places.clear();
    this.reserve(contributions.reduce((sum, { retrieved }) => sum + (retrieved?.rows.length ?? 0), 0));
    const { entries } = this;
    let entry = 0;
    for (const { retrieved } of contributions) {
      if (retrieved === null) continue;
      const { rows } = retrieved;
      for (let rank = 0; rank < rows.length; rank++) entries[entry++] = places.place(rows[rank]!);
    }
  }

  private reserve(entries: number): void {
    if (this.entries.length >= entries) return;
    this.entries = new Int32Array(2 * entries);
    this.sums = new Float64Array(2 * entries);
    this.fused = new Float32Array(2 * entries);
    this.chosen = new Int32Array(2 * entries);
  }
}

const found = new Found();

/** The `limit` best of everything that the sources found, equal fused scores by lower row. */
export function blend(contributions: readonly Contribution[], limit: number): Candidates {
  found.take(contributions);
  return provenanceOf(contributions, bestFused(contributions, limit));
}

/** The rows of `blend` alone, in its order. */
export function fuse(contributions: readonly Contribution[], limit: number): Int32Array {
  found.take(contributions);
  return bestFused(contributions, limit);
}

/** Chosen rows, without repeats, as candidates: with the provenance that `blend` would give them. */
export function candidatesOf(contributions: readonly Contribution[], rows: Int32Array): Candidates {
  found.take(contributions);
  return provenanceOf(contributions, rows);
}

function bestFused(contributions: readonly Contribution[], limit: number): Int32Array {
  const { places, entries, sums, fused } = found;
  const { count } = places;
  sums.fill(0, 0, count);
  let entry = 0;
  for (const { weight, retrieved } of contributions) {
    const n = retrieved?.rows.length ?? 0;
    for (let rank = 0; rank < n; rank++) {
      const place = entries[entry++]!;
      sums[place] = sums[place]! + weight / (FLATNESS + rank);
    }
  }
  for (let place = 0; place < count; place++) fused[place] = sums[place]!;
  return bestOf(places.rows, fused, count, limit).rows;
}

function provenanceOf(contributions: readonly Contribution[], rows: Int32Array): Candidates {
  const n = rows.length;
  const { places, entries, chosen } = found;
  chosen.fill(0, 0, places.count);
  for (let i = 0; i < n; i++) {
    const place = places.find(rows[i]!);
    if (place >= 0) chosen[place] = i + 1;
  }
  const fused = new Float64Array(n);
  const ranks: Int32Array[] = [];
  const scores: Float32Array[] = [];
  let entry = 0;
  for (const { retrieved, weight } of contributions) {
    const rank = new Int32Array(n).fill(-1);
    const score = new Float32Array(n);
    const length = retrieved?.rows.length ?? 0;
    for (let r = 0; r < length; r++) {
      const i = chosen[entries[entry++]!]! - 1;
      if (i < 0) continue;
      rank[i] = r;
      score[i] = retrieved!.scores[r]!;
      fused[i] = fused[i]! + weight / (FLATNESS + r);
    }
    ranks.push(rank);
    scores.push(score);
  }
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
