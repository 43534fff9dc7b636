/** Collects the ranks that one system gave and sums them up. */
import { clusteredMean, type Estimate, hitAt, ndcgAt } from "./ranking-metrics.ts";

/** One line of an evaluation table. `±` fields are half-widths of 95 % intervals over users. */
export interface SystemScores {
  readonly name: string;
  readonly "hr@10": number;
  readonly "hr@10±": number;
  readonly "ndcg@10": number;
  readonly "ndcg@10±": number;
  readonly "recall@100": number;
  readonly "recall@100±": number;
  readonly "recall@500": number;
  readonly "recall@500±": number;
  /** Share of the catalogue that is in the top 10 of at least one example. */
  readonly coverage: number;
  /** Wall time of all its answers, fitting not included. */
  readonly seconds: number;
  /** Of a source: what the share of targets among the blend's candidates would lose without it; null of others. */
  readonly adds: number | null;
}

export class SystemTally {
  private readonly name: string;
  private readonly itemCount: number;
  private readonly ranks: number[] = [];
  private readonly users: number[] = [];
  private readonly shown = new Set<number>();
  private milliseconds = 0;
  private withIt = 0;
  private withoutIt = 0;
  private compared = 0;

  constructor(name: string, itemCount: number) {
    this.name = name;
    this.itemCount = itemCount;
  }

  /**
   * @param rank 1-based, Infinity where the target was not found
   * @param rows best first; the first ten count as shown
   */
  add(user: number, rank: number, rows: Int32Array, ms: number): void {
    this.ranks.push(rank);
    this.users.push(user);
    for (let i = 0; i < Math.min(10, rows.length); i++) this.shown.add(rows[i]!);
    this.milliseconds += ms;
  }

  /** Of one example: whether the blend has the target, with this source and without it. */
  compare(withIt: boolean, withoutIt: boolean): void {
    this.compared++;
    if (withIt) this.withIt++;
    if (withoutIt) this.withoutIt++;
  }

  /** What `metric` is worth for each example, for paired comparisons. */
  values(metric: (rank: number) => number): Float64Array {
    return Float64Array.from(this.ranks, metric);
  }

  scores(): SystemScores {
    const hr10 = this.estimate((rank) => hitAt(rank, 10));
    const ndcg10 = this.estimate((rank) => ndcgAt(rank, 10));
    const recall100 = this.estimate((rank) => hitAt(rank, 100));
    const recall500 = this.estimate((rank) => hitAt(rank, 500));
    return {
      name: this.name,
      "hr@10": hr10.mean,
      "hr@10±": hr10.halfWidth,
      "ndcg@10": ndcg10.mean,
      "ndcg@10±": ndcg10.halfWidth,
      "recall@100": recall100.mean,
      "recall@100±": recall100.halfWidth,
      "recall@500": recall500.mean,
      "recall@500±": recall500.halfWidth,
      coverage: this.itemCount === 0 ? 0 : this.shown.size / this.itemCount,
      seconds: this.milliseconds / 1000,
      adds: this.compared === 0 ? null : (this.withIt - this.withoutIt) / this.compared,
    };
  }

  private estimate(metric: (rank: number) => number): Estimate {
    return clusteredMean(this.values(metric), this.users);
  }
}
