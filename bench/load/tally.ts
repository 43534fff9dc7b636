/**
 * What became of the requests of one kind of traffic, whole and second by second.
 *
 * Latency is HDR histograms of microseconds from the planned moment of sending to the whole answer. What got no
 * answer, or a refusal, is in them with the whole patience: failing fast makes no percentile better.
 */
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";

export interface Latency {
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly "p99.9_ms": number;
  readonly max_ms: number;
}

export interface Window {
  /** Seconds since the first request was planned. */
  readonly second: number;
  readonly planned: number;
  /** Answers of the first rung; all answers where there are no rungs. */
  readonly full: number;
  /** Answers of any rung within the objective. */
  readonly inTime: number;
  readonly rejected: number;
  readonly failed: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
}

export interface TrafficReport extends Latency {
  readonly planned: number;
  readonly answered: number;
  readonly full: number;
  readonly inTime: number;
  /** Full ones within the objective. */
  readonly fullInTime: number;
  /** Answers by rung. */
  readonly rungs: Readonly<Record<string, number>>;
  /** Answered with 429 or 503 in time to go elsewhere. */
  readonly rejected: number;
  /** Latency of refusals alone; 0 where there were none. */
  readonly rejected_p99_ms: number;
  /** Everything else, by what came: other statuses, failures of the connection, timeouts. */
  readonly failures: Readonly<Record<string, number>>;
  readonly windows: readonly Window[];
  /** Of numbered requests, those that were answered with 2xx. */
  readonly acknowledged: readonly number[];
}

const RUNG = '"rung":"';
const FULL = "full";
const REJECTIONS: readonly number[] = [429, 503];
const MICROS = 1_000;
const WINDOW_MS = 1_000;

interface OpenWindow {
  planned: number;
  full: number;
  inTime: number;
  rejected: number;
  failed: number;
  readonly latency: RecordableHistogram;
}

export class Tally {
  private readonly objective: number;
  private readonly patience: number;
  private readonly latency: RecordableHistogram;
  private readonly refusals: RecordableHistogram;
  private readonly windows: OpenWindow[] = [];
  private readonly rungs: Record<string, number> = {};
  private readonly failures: Record<string, number> = {};
  private readonly acknowledged: number[] = [];
  private planned = 0;
  private answered = 0;
  private full = 0;
  private inTime = 0;
  private fullInTime = 0;
  private rejected = 0;

  /** Milliseconds: within `objective` an answer is in time, after `patience` nobody waits any more. */
  constructor(objective: number, patience: number) {
    this.objective = objective;
    this.patience = patience;
    this.latency = histogram(patience, 3);
    this.refusals = histogram(patience, 3);
  }

  /** All times in milliseconds since the first request was planned. */
  answer(planned: number, done: number, status: number, body: Buffer, number: number): void {
    const window = this.at(planned);
    const ms = done - planned;
    if (status < 300) {
      const rung = rungIn(body);
      if (rung !== undefined) this.rungs[rung] = (this.rungs[rung] ?? 0) + 1;
      const full = rung === undefined || rung === FULL;
      const inTime = ms <= this.objective;
      this.answered++;
      if (full) this.full++;
      if (inTime) this.inTime++;
      if (full && inTime) this.fullInTime++;
      if (full) window.full++;
      if (inTime) window.inTime++;
      if (number >= 0) this.acknowledged.push(number);
      record(this.latency, ms);
      record(window.latency, ms);
      return;
    }
    if (REJECTIONS.includes(status)) {
      this.rejected++;
      window.rejected++;
      record(this.refusals, ms);
    } else this.failed(window, `status ${status}`);
    this.lost(window);
  }

  failure(planned: number, what: string): void {
    const window = this.at(planned);
    this.failed(window, what);
    this.lost(window);
  }

  report(): TrafficReport {
    return {
      planned: this.planned,
      answered: this.answered,
      full: this.full,
      inTime: this.inTime,
      fullInTime: this.fullInTime,
      ...quantiles(this.latency),
      rungs: this.rungs,
      rejected: this.rejected,
      rejected_p99_ms: at(this.refusals, 99),
      failures: this.failures,
      windows: this.windows.map(({ latency, ...counts }, second) => ({
        second,
        ...counts,
        p50_ms: at(latency, 50),
        p99_ms: at(latency, 99),
      })),
      acknowledged: this.acknowledged,
    };
  }

  private failed(window: OpenWindow, what: string): void {
    this.failures[what] = (this.failures[what] ?? 0) + 1;
    window.failed++;
  }

  private lost(window: OpenWindow): void {
    record(this.latency, this.patience);
    record(window.latency, this.patience);
  }

  /** Counts a request that was planned then. */
  private at(planned: number): OpenWindow {
    const index = Math.floor(planned / WINDOW_MS);
    while (this.windows.length <= index) {
      const counts = { planned: 0, full: 0, inTime: 0, rejected: 0, failed: 0 };
      this.windows.push({ ...counts, latency: histogram(this.patience, 2) });
    }
    const window = this.windows[index]!;
    window.planned++;
    this.planned++;
    return window;
  }
}

/** Microseconds up to twice `ms`: what is counted after the patience came while it was being given up. */
export function histogram(ms: number, figures: number): RecordableHistogram {
  return createHistogram({ lowest: 1, highest: 2 * ms * MICROS, figures });
}

export function record(into: RecordableHistogram, ms: number): void {
  into.record(Math.max(1, Math.round(ms * MICROS)));
}

export function quantiles(of: RecordableHistogram): Latency {
  return { p50_ms: at(of, 50), p99_ms: at(of, 99), "p99.9_ms": at(of, 99.9), max_ms: at(of, 100) };
}

function at(of: RecordableHistogram, percent: number): number {
  return of.count === 0 ? 0 : of.percentile(percent) / MICROS;
}

function rungIn(body: Buffer): string | undefined {
  const from = body.indexOf(RUNG);
  if (from < 0) return undefined;
  const start = from + RUNG.length;
  return body.toString("latin1", start, body.indexOf('"', start));
}
