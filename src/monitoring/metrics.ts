/**
 * What a running system counts, for Prometheus. Labels are names that components give themselves (stages, sources,
 * rungs, reasons, route patterns), never ids of users, items or requests.
 *
 * Durations are seconds, as Prometheus wants them, and come in as milliseconds where they are the system's own.
 */
import type { BundleId, EpochMs, Ms, Offset } from "../core/index.ts";
import type { MetricsFigures } from "./merge-metrics.ts";
import type { ScoringMetrics } from "./scoring-metrics.ts";

/** The part of a Recommendation that is counted. */
export interface ObservedRecommendation {
  readonly rung: string;
  readonly personal: boolean;
  readonly reasons: readonly string[];
  readonly items: readonly unknown[];
  readonly trace: {
    readonly ms: Ms;
    readonly stages: readonly {
      readonly stage: string;
      readonly ms: Ms;
      /** What came in and went out. */
      readonly in: number;
      readonly out: number;
      readonly fallback?: string;
    }[];
    readonly sources: readonly { readonly name: string; readonly found: number; readonly ms: Ms }[];
  };
}

export interface ServedBundle {
  readonly id: BundleId;
  readonly trainedAt: EpochMs;
  readonly logOffset: Offset;
}

/** What log and state store say of themselves when the metrics are read. */
export interface StorageFigures {
  readonly logBytes: number;
  readonly logFirst: Offset;
  readonly logEnd: Offset;
  /** Events that the state store does not have yet. */
  readonly stateBehind: number;
  /**
   * Reads of user states so far by how they ended ("answered" by the store, "copy" from memory, "rejected"), and what
   * went wrong on the way; empty for a store in this process.
   */
  readonly stateReads: Readonly<Record<string, number>>;
}

/** What a page shows each second. */
export interface LiveFigures {
  /** Since the start. */
  readonly totals: {
    readonly events: number;
    readonly requests: number;
    /** Requests that the server could not answer: status 500 and above. */
    readonly failures: number;
    readonly recommendations: number;
    /** Answers by rung, and by reason why they were not the best. */
    readonly rungs: Readonly<Record<string, number>>;
    readonly reasons: Readonly<Record<string, number>>;
  };
  /** Of the newest answers. */
  readonly newest: {
    readonly answers: number;
    readonly total: Quantiles;
    readonly stages: readonly ({
      readonly stage: string;
      /** Means of what came in and went out. */
      readonly in: number;
      readonly out: number;
    } & Quantiles)[];
    readonly sources: readonly ({ readonly name: string; readonly found: number } & Quantiles)[];
  };
}

/** Of milliseconds; null before the first. */
export interface Quantiles {
  readonly p50: number | null;
  readonly p99: number | null;
}

/** What admission says of itself when the metrics are read. */
export interface AdmissionNumbers {
  /** By lane: requests that wait, the age of the oldest one, requests that are worked on, and how many may be. */
  readonly lanes: Readonly<
    Record<
      string,
      { readonly depth: number; readonly age: Ms; readonly atOnce: number; readonly limit: number }
    >
  >;
  /** Share of the newest requests that got the cheapest answer. */
  readonly pressure: number;
  readonly connections: number;
}

/** Lanes and reasons are the server's own names. */
export interface AdmissionMetrics {
  /** One request's turn came after `ms`. */
  observeWait(lane: string, ms: Ms): void;
  /** A request was refused because of the load, or nobody waited for it any more. */
  countRejection(reason: string): void;
  /** The server closed a connection: there were too many, or its client did not read. */
  countCut(reason: string): void;
  /** Has `look` asked each time the metrics are read. */
  watchAdmission(look: () => AdmissionNumbers): void;
}

export interface Metrics extends AdmissionMetrics, ScoringMetrics {
  /** One HTTP request. `route` is the pattern ("/v1/users/:id"), never the URL. */
  observeRequest(route: string, method: string, status: number, seconds: number): void;
  observeRecommendation(recommendation: ObservedRecommendation): void;
  /** One append: how many events were new, and the log's end after it. */
  observeAppend(result: {
    readonly offset: Offset;
    readonly accepted: number;
    readonly duplicates: number;
  }): void;
  /** The state store failed or was late at `operation` ("read", "write" …). */
  countStateError(operation: string): void;
  /** Has `look` asked each time the metrics are read. */
  watchStorage(look: () => StorageFigures): void;
  /** The bundle in service, null for none. */
  setBundle(bundle: ServedBundle | null): void;
  /** The same for a page that looks each second: totals, and the newest answers. */
  live(): LiveFigures;
  /** For the HTTP header of `text()`. */
  readonly contentType: string;
  /** All metrics in Prometheus' text format. */
  text(): Promise<string>;
  /** The same as plain data, for `mergeMetrics` in another process. */
  figures(): Promise<MetricsFigures>;
  /** Stops measuring the event loop. May be called twice. */
  close(): void;
}
