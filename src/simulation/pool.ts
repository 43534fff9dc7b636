/** Videos that a source can show, with weights: drawn in proportion to them, and each video's weight looked up at once. */
import type { Random } from "../core/index.ts";
import { drawFrom } from "./sampling.ts";

export interface Source {
  /** Sum of the weights. */
  readonly total: number;
  /** 0 where the source does not have the video. */
  weightOf(row: number): number;
  /** Must not be called while `total` is 0. */
  draw(random: Random): number;
}

/** Up to `capacity` rows with their weights. Clearing costs what was in it, not what the catalogue holds. */
export class WeightedPool implements Source {
  private readonly rows: Int32Array;
  private readonly sums: Float64Array;
  private readonly weights: Float32Array;
  private size = 0;

  constructor(videos: number, capacity: number) {
    this.rows = new Int32Array(capacity);
    this.sums = new Float64Array(capacity);
    this.weights = new Float32Array(videos);
  }

  get total(): number {
    return this.size === 0 ? 0 : this.sums[this.size - 1]!;
  }

  clear(): void {
    for (let i = 0; i < this.size; i++) this.weights[this.rows[i]!] = 0;
    this.size = 0;
  }

  /** Adds a row that is not in the pool yet. */
  add(row: number, weight: number): void {
    this.weights[row] = weight;
    this.rows[this.size] = row;
    this.sums[this.size] = this.total + this.weights[row]!;
    this.size++;
  }

  weightOf(row: number): number {
    return this.weights[row]!;
  }

  draw(random: Random): number {
    return this.rows[drawFrom(this.sums, random.next(), this.size)]!;
  }
}

/** The first `size` rows, all with weight 1. */
export class PoolOfAll implements Source {
  size = 0;

  get total(): number {
    return this.size;
  }

  weightOf(row: number): number {
    return row < this.size ? 1 : 0;
  }

  draw(random: Random): number {
    return random.int(this.size);
  }
}
