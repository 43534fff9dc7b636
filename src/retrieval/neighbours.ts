/**
 * Item-to-item tables counted from sequences: for every item the items that stand near it in users' sequences, with
 * weights by distance. The base of transitions (forward only) and co-visitation (both ways).
 *
 * Stored as compressed rows: item a has neighbours[offsets[a] .. offsets[a + 1]], strongest first.
 */
import { setImmediate } from "node:timers/promises";
import type { Progress } from "../core/index.ts";
import { ListSums, type Selected } from "../tensor/index.ts";
import type { Columns, Query, Retriever, Source } from "./retriever.ts";
import type { Sequences } from "./sequences.ts";
import { TopK } from "./top-k.ts";

export interface Neighbours {
  /** (N + 1) */
  readonly offsets: Int32Array;
  /** (M) item rows */
  readonly neighbours: Int32Array;
  /** (M) strengths, descending within an item, > 0 */
  readonly strengths: Float32Array;
}

export interface NeighbourOptions {
  /** forward[g - 1] is the weight of the item g steps later; the length is the window. */
  readonly forward: readonly number[];
  /** The same for items g steps earlier. */
  readonly backward: readonly number[];
  /** At most so many neighbours an item. */
  readonly keep: number;
  /** Turns a weighted count into a strength. `from` and `to` are how often each item occurs, `rowTotal` sums the counts. */
  readonly strength: (count: number, rowTotal: number, from: number, to: number) => number;
}

export async function countNeighbours(
  sequences: Sequences,
  options: NeighbourOptions,
  progress: Progress,
): Promise<Neighbours> {
  const { items, itemCount } = sequences;
  const { starts, positions } = occurrences(items, itemCount);
  const { first, last } = bounds(sequences);
  const counts = new Float64Array(itemCount);
  const touched = new Int32Array(itemCount);
  const top = new TopK(options.keep);
  const offsets = new Int32Array(itemCount + 1);
  const rows: Int32Array[] = [];
  const values: Float32Array[] = [];
  let lastYield = 0;
  for (let a = 0; a < itemCount; a++) {
    let n = 0;
    let total = 0;
    for (let o = starts[a]!; o < starts[a + 1]!; o++) {
      const p = positions[o]!;
      for (let side = 0; side < 2; side++) {
        const weights = side === 0 ? options.forward : options.backward;
        const reach =
          side === 0 ? Math.min(weights.length, last[p]! - p) : Math.min(weights.length, p - first[p]!);
        for (let g = 1; g <= reach; g++) {
          const b = items[side === 0 ? p + g : p - g]!;
          if (b === a) continue;
          const weight = weights[g - 1]!;
          if (counts[b] === 0) touched[n++] = b;
          counts[b] = counts[b]! + weight;
          total += weight;
        }
      }
    }
    const from = starts[a + 1]! - starts[a]!;
    for (let i = 0; i < n; i++) {
      const b = touched[i]!;
      top.push(b, options.strength(counts[b]!, total, from, starts[b + 1]! - starts[b]!));
      counts[b] = 0;
    }
    const best = top.take();
    rows.push(best.rows);
    values.push(best.scores);
    offsets[a + 1] = offsets[a]! + best.rows.length;
    if (starts[a + 1]! - lastYield > 20_000) {
      lastYield = starts[a + 1]!;
      progress.update(lastYield);
      await setImmediate();
    }
  }
  return {
    offsets,
    neighbours: joinRows(rows, offsets[itemCount]!),
    strengths: joinValues(values, offsets[itemCount]!),
  };
}

/** Positions of every item's occurrences, by counting sort: item a occurs at positions[starts[a] .. starts[a + 1]]. */
function occurrences(items: Int32Array, itemCount: number): { starts: Int32Array; positions: Int32Array } {
  const starts = new Int32Array(itemCount + 1);
  for (let p = 0; p < items.length; p++) starts[items[p]! + 1]!++;
  for (let a = 0; a < itemCount; a++) starts[a + 1] = starts[a + 1]! + starts[a]!;
  const next = starts.slice();
  const positions = new Int32Array(items.length);
  for (let p = 0; p < items.length; p++) positions[next[items[p]!]!++] = p;
  return { starts, positions };
}

/** For every position the first and the last position of the same user. */
function bounds(sequences: Sequences): { first: Int32Array; last: Int32Array } {
  const first = new Int32Array(sequences.items.length);
  const last = new Int32Array(sequences.items.length);
  for (let u = 0; u + 1 < sequences.offsets.length; u++) {
    const start = sequences.offsets[u]!;
    const end = sequences.offsets[u + 1]!;
    first.fill(start, start, end);
    last.fill(end - 1, start, end);
  }
  return { first, last };
}

function joinRows(parts: readonly Int32Array[], length: number): Int32Array {
  const joined = new Int32Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function joinValues(parts: readonly Float32Array[], length: number): Float32Array {
  const joined = new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export function neighbourColumns(table: Neighbours): Columns {
  return { offsets: table.offsets, neighbours: table.neighbours, strengths: table.strengths };
}

/** The table of a bundle, or an empty one for columns that are not there. */
export function neighboursFrom(columns: Columns): Neighbours {
  const { offsets, neighbours, strengths } = columns;
  return {
    offsets: offsets instanceof Int32Array ? offsets : new Int32Array(1),
    neighbours: neighbours instanceof Int32Array ? neighbours : new Int32Array(0),
    strengths: strengths instanceof Float32Array ? strengths : new Float32Array(0),
  };
}

/** What serves a source whose `fit` returned neighbourColumns: NeighbourSum's sums and its three signals. */
export async function neighbourRetriever(
  { name, signalNames, personal }: Source,
  columns: Columns,
  lags: number,
  decay: number,
): Promise<Retriever> {
  const sum = await NeighbourSum.over(neighboursFrom(columns), lags, decay);
  return {
    name,
    signalNames,
    personal,
    retrieve(query, k) {
      return { ...sum.top(query, k), signals: (rows, out) => sum.of(query, rows, out) };
    },
  };
}

/**
 * Adds up the neighbours of a user's newest items: score(c) = sum over lag l of decay^l * strength(item_l, c), for the
 * `lags` newest items. One accumulator serves all queries, since nothing in here waits; it has the sums of the query
 * that was asked last.
 */
export class NeighbourSum {
  private readonly lists: ListSums;
  private readonly lagWeights: Float32Array;
  private summed: Query | undefined;

  static async over(table: Neighbours, lags: number, decay: number): Promise<NeighbourSum> {
    const { offsets, neighbours: rows, strengths } = table;
    return new NeighbourSum(await ListSums.of({ offsets, rows, strengths }), lags, decay);
  }

  private constructor(lists: ListSums, lags: number, decay: number) {
    this.lists = lists;
    this.lagWeights = Float32Array.from({ length: lags }, (_, lag) => decay ** lag);
  }

  /** The k allowed rows with the highest sums. */
  top(query: Query, k: number): Selected {
    this.add(query);
    return this.lists.sums.best(k, query.allowed);
  }

  /**
   * Writes the sums for chosen rows.
   *
   * @param out [3] (rows.length) the whole sum; the part of the newest item alone; the largest unweighted strength to
   *   any of the items
   */
  of(query: Query, rows: Int32Array, out: readonly Float32Array[]): void {
    if (this.summed !== query) this.add(query);
    this.lists.sums.read(rows, out);
  }

  private add(query: Query): void {
    this.summed = undefined;
    this.lists.add(query.items, this.lagWeights);
    this.summed = query;
  }
}
