/** Reciprocal rank fusion (assembly/fusion.ts): lists of rows become one, and any row is told where it stood. */
import type { Selected } from "./best-of.ts";
import { Kernels } from "./kernels.ts";
import { RowSums } from "./row-sums.ts";

/** A list of rows, best first, without repeats. */
export interface Ranked {
  readonly rows: Int32Array;
  /** (rows.length) */
  readonly scores: Float32Array;
  readonly weight: number;
}

/** Where rows (n) stood. */
export interface Places {
  /** (n) Σ weight / (flatness + rank) */
  readonly fused: Float32Array;
  /** [list] (n) 0-based ranks, -1 where the list has not got the row; and its scores there, else 0. */
  readonly ranks: Int32Array[];
  readonly scores: Float32Array[];
}

/** Bytes of what says where a list ends and what it weighs. */
const LIST = 16;

export class RankFusion {
  private readonly flatness: number;
  private readonly kernels = new Kernels();
  private readonly sums = new RowSums(this.kernels);
  private count = 0;
  /** Addresses, and how much there is room for. */
  private lists = 0;
  private listRoom = 0;
  private entries = 0;
  private scores = 0;
  private entryRoom = 0;
  private rows = 0;
  private out = 0;
  private rowRoom = 0;
  private outRoom = 0;

  constructor(flatness: number) {
    this.flatness = flatness;
  }

  /** Fuses lists; what was fused before is forgotten. */
  take(lists: readonly Ranked[]): void {
    const { kernels, sums } = this;
    const total = lists.reduce((sum, { rows }) => sum + rows.length, 0);
    this.count = lists.length;
    this.reserve(total);
    sums.clear(total);
    const rows = kernels.ints(this.entries, total);
    const scores = kernels.floats(this.scores, total);
    const ends = kernels.ints(this.lists, (LIST / 4) * lists.length);
    const weights = kernels.doubles(this.lists, (LIST / 8) * lists.length);
    let end = 0;
    for (let l = 0; l < lists.length; l++) {
      const list = lists[l]!;
      rows.set(list.rows, end);
      scores.set(list.scores, end);
      end += list.rows.length;
      ends[4 * l] = end;
      weights[2 * l + 1] = list.weight;
    }
    sums.fill((slots, shift, records) =>
      kernels.call.fuseLists(this.entries, this.lists, this.count, this.flatness, slots, shift, records),
    );
  }

  /** The k rows with the highest fused scores. */
  best(k: number): Selected {
    return this.sums.best(k);
  }

  /** Where these rows, without repeats, stood in the lists. */
  of(rows: Int32Array): Places {
    const { kernels, sums, count } = this;
    const n = rows.length;
    if (n > this.rowRoom) {
      this.rowRoom = 2 * n;
      this.rows = kernels.reserve(4 * this.rowRoom);
    }
    const width = n + 1;
    const words = 2 * count * width;
    if (words > this.outRoom) {
      this.outRoom = 2 * words;
      this.out = kernels.reserve(4 * this.outRoom);
    }
    const fused = new Float32Array(n);
    sums.read(rows, [fused]);
    kernels.ints(this.rows, n).set(rows);
    const found = this.out + 4 * count * width;
    sums.with((slots, shift, records) =>
      kernels.call.placesIn(
        ...([this.rows, n, this.entries, this.scores, this.lists, count] as const),
        ...([slots, shift, records, this.out, found] as const),
      ),
    );
    const { buffer } = kernels.ints(this.out, words).slice();
    return {
      fused,
      ranks: Array.from({ length: count }, (_, l) => new Int32Array(buffer, 4 * (l * width + 1), n)),
      scores: Array.from(
        { length: count },
        (_, l) => new Float32Array(buffer, 4 * ((count + l) * width + 1), n),
      ),
    };
  }

  private reserve(entries: number): void {
    const { kernels, count } = this;
    if (count > this.listRoom) {
      this.listRoom = 2 * count;
      this.lists = kernels.reserve(LIST * this.listRoom);
    }
    if (entries > this.entryRoom) {
      this.entryRoom = 2 * entries;
      this.entries = kernels.reserve(4 * this.entryRoom);
      this.scores = kernels.reserve(4 * this.entryRoom);
    }
  }
}
