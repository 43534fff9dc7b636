/**
 * What a page shows of a running system each second: totals since the start, and how the newest answers went.
 *
 * Prometheus' histograms have a few buckets and no memory of what was recent. Here the newest answers are kept as
 * columns, and their percentiles are exact; observing one costs some twenty writes into typed arrays.
 */
import type { LiveFigures, ObservedRecommendation, Quantiles } from "./metrics.ts";

/** Answers that percentiles and means are of. */
const NEWEST = 1_000;

/** The newest values of one thing. */
class Ring {
  private readonly values = new Float64Array(NEWEST);
  private count = 0;

  push(value: number): void {
    this.values[this.count++ % NEWEST] = value;
  }

  get size(): number {
    return Math.min(this.count, NEWEST);
  }

  mean(): number {
    let sum = 0;
    for (let i = 0; i < this.size; i++) sum += this.values[i]!;
    return this.size === 0 ? 0 : sum / this.size;
  }

  quantiles(): Quantiles {
    const n = this.size;
    if (n === 0) return { p50: null, p99: null };
    const sorted = this.values.slice(0, n).sort();
    const at = (share: number) => sorted[Math.min(n - 1, Math.ceil(share * n) - 1)]!;
    return { p50: at(0.5), p99: at(0.99) };
  }
}

export class LiveObserver {
  private events = 0;
  private requests = 0;
  private failures = 0;
  private recommendations = 0;
  private readonly rungs: Record<string, number> = {};
  private readonly reasons: Record<string, number> = {};
  private readonly total = new Ring();
  private readonly stages = new Map<string, { ms: Ring; in: Ring; out: Ring }>();
  private readonly sources = new Map<string, { ms: Ring; found: Ring }>();

  observeRequest(status: number): void {
    this.requests++;
    if (status >= 500) this.failures++;
  }

  observeAppend(accepted: number): void {
    this.events += accepted;
  }

  observeRecommendation({ rung, reasons, trace }: ObservedRecommendation): void {
    this.recommendations++;
    this.rungs[rung] = (this.rungs[rung] ?? 0) + 1;
    for (const reason of reasons) this.reasons[reason] = (this.reasons[reason] ?? 0) + 1;
    this.total.push(trace.ms);
    for (const { stage, ms, in: entered, out } of trace.stages) {
      const rings = kept(this.stages, stage, () => ({ ms: new Ring(), in: new Ring(), out: new Ring() }));
      rings.ms.push(ms);
      rings.in.push(entered);
      rings.out.push(out);
    }
    for (const { name, ms, found } of trace.sources) {
      const rings = kept(this.sources, name, () => ({ ms: new Ring(), found: new Ring() }));
      rings.ms.push(ms);
      rings.found.push(found);
    }
  }

  figures(): LiveFigures {
    const { events, requests, failures, recommendations, total } = this;
    return {
      totals: {
        events,
        requests,
        failures,
        recommendations,
        rungs: { ...this.rungs },
        reasons: { ...this.reasons },
      },
      newest: {
        answers: total.size,
        total: total.quantiles(),
        stages: Array.from(this.stages, ([stage, rings]) => ({
          stage,
          ...rings.ms.quantiles(),
          in: rings.in.mean(),
          out: rings.out.mean(),
        })),
        sources: Array.from(this.sources, ([name, rings]) => ({
          name,
          ...rings.ms.quantiles(),
          found: rings.found.mean(),
        })),
      },
    };
  }
}

function kept<T>(map: Map<string, T>, key: string, make: () => T): T {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
