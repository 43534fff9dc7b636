/** Percentiles of positive numbers to within 1 %, in a few hundred counters, however many numbers there are. */

const BASE = Math.log(1.02);
/** Everything up to it is one bucket: a thousandth. */
const LEAST = 0.001;
/** Up to some hundred thousand times a thousand. */
const BUCKETS = 1_024;

export class LogHistogram {
  private readonly counts = new Uint32Array(BUCKETS);
  private total = 0;

  add(value: number): void {
    const bucket = value <= LEAST ? 0 : Math.ceil(Math.log(value / LEAST) / BASE);
    this.counts[Math.min(BUCKETS - 1, bucket)]!++;
    this.total++;
  }

  /** The middle of the bucket that the share falls into; null of nothing. */
  quantile(share: number): number | null {
    if (this.total === 0) return null;
    let left = Math.ceil(share * this.total);
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.counts[bucket]!;
      if (left <= 0) return LEAST * Math.exp(BASE * (bucket - 0.5));
    }
    return null;
  }
}
