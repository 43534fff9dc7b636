/** The metrics in prom-client, in a registry of their own: two instances in one process do not mix their counts. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { addAdmissionMetrics } from "./admission-metrics.ts";
import { BoundedLabel } from "./bounded-label.ts";
import { LiveObserver } from "./live-figures.ts";
import type { Metrics, ObservedRecommendation, StorageFigures } from "./metrics.ts";
import { addProcessMetrics } from "./process-metrics.ts";
import { addScoringMetrics } from "./scoring-metrics.ts";

/** Seconds. Dense around the budget of 50 ms and its stages' shares, sparse beyond. */
const LATENCY = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5];

/** Far more than there are routes, stages, sources or reasons; small enough for any Prometheus. */
const MAX_VALUES = 100;

export function createMetrics(): Metrics {
  const registry = new Registry();
  const { counter, gauge, histogram } = factories(registry);

  const requests = counter("requests_total", "HTTP requests.", ["route", "method", "status"]);
  const requestSeconds = histogram("request_seconds", "Duration of HTTP requests.", ["route"]);
  const recommendSeconds = histogram("recommend_seconds", "Duration of recommendations.", ["rung"]);
  const recommendations = counter("recommendations_total", "Recommendations by rung and whether personal.", [
    "rung",
    "personal",
  ]);
  const slots = counter("recommended_items_total", "Items in recommendations.", []);
  const reasons = counter("reasons_total", "Reasons why recommendations were not personal or complete.", [
    "reason",
  ]);
  const stageSeconds = histogram("stage_seconds", "Duration of the request's stages.", ["stage"]);
  const fallbacks = counter("stage_fallbacks_total", "Stages whose fallback answered.", ["stage", "reason"]);
  const sourceSeconds = histogram("source_seconds", "Duration of retrieval by source.", ["source"]);
  const candidates = counter("source_candidates_total", "Candidates found by source.", ["source"]);
  const events = counter("events_total", "Events appended to the log, or known already.", ["outcome"]);
  const logEnd = gauge("log_end", "One more than the offset of the newest durable event.", []);
  const logFirst = gauge("log_first", "Offset of the oldest event that retention has left.", []);
  const logBytes = gauge("log_bytes", "Size of the log's files.", []);
  const stateBehind = gauge("state_behind_events", "Events that the state store does not have yet.", []);
  const stateReads = gauge("state_reads", "Reads of user states by how they ended.", ["outcome"], "sum");
  const stateErrors = counter("state_errors_total", "Failures of the state store.", ["operation"]);
  const bundleInfo = gauge("bundle_info", "1 for the bundle in service.", ["bundle"]);
  const bundleTrained = gauge(
    "bundle_trained_timestamp_seconds",
    "When the bundle in service was trained.",
    [],
  );
  const bundleOffset = gauge("bundle_log_offset", "Events that the bundle in service was trained on.", []);
  const newest = new LiveObserver();
  const admission = addAdmissionMetrics(registry);
  const scoring = addScoringMetrics(registry);
  const stopProcessMetrics = addProcessMetrics(registry);

  const bounded = Object.fromEntries(
    ["route", "method", "status", "rung", "reason", "stage", "source", "operation", "outcome"].map(
      (label) => [label, new BoundedLabel(MAX_VALUES)],
    ),
  );
  const name = (label: string, value: string) => bounded[label]!.of(value);
  let look: (() => StorageFigures) | undefined;
  function measureStorage(): void {
    if (look === undefined) return;
    const figures = look();
    logEnd.set(figures.logEnd);
    logFirst.set(figures.logFirst);
    logBytes.set(figures.logBytes);
    stateBehind.set(figures.stateBehind);
    for (const [outcome, count] of Object.entries(figures.stateReads)) {
      stateReads.set({ outcome: name("outcome", outcome) }, count);
    }
  }

  return {
    ...admission,
    ...scoring,

    observeRequest(route, method, status, seconds) {
      const labels = { route: name("route", route) };
      requests.inc({ ...labels, method: name("method", method), status: name("status", String(status)) });
      requestSeconds.observe(labels, seconds);
      newest.observeRequest(status);
    },

    observeRecommendation(observed: ObservedRecommendation) {
      const { rung, personal, reasons: why, items, trace } = observed;
      newest.observeRecommendation(observed);
      const rungName = name("rung", rung);
      recommendSeconds.observe({ rung: rungName }, trace.ms / 1000);
      recommendations.inc({ rung: rungName, personal: String(personal) });
      slots.inc(items.length);
      for (const reason of why) reasons.inc({ reason: name("reason", reason) });
      for (const { stage, ms, fallback } of trace.stages) {
        const labels = { stage: name("stage", stage) };
        stageSeconds.observe(labels, ms / 1000);
        if (fallback !== undefined) fallbacks.inc({ ...labels, reason: name("reason", fallback) });
      }
      for (const { name: source, found, ms } of trace.sources) {
        const labels = { source: name("source", source) };
        sourceSeconds.observe(labels, ms / 1000);
        candidates.inc(labels, found);
      }
    },

    observeAppend({ offset, accepted, duplicates }) {
      events.inc({ outcome: "accepted" }, accepted);
      events.inc({ outcome: "duplicate" }, duplicates);
      logEnd.set(offset);
      newest.observeAppend(accepted);
    },

    countStateError: (operation) => stateErrors.inc({ operation: name("operation", operation) }),

    watchStorage(given) {
      look = given;
    },

    setBundle(bundle) {
      // One series at a time: the bundle before must not go on saying that it is in service.
      for (const metric of [bundleInfo, bundleTrained, bundleOffset]) metric.reset();
      if (bundle === null) return;
      bundleInfo.set({ bundle: bundle.id }, 1);
      bundleTrained.set(bundle.trainedAt / 1000);
      bundleOffset.set(bundle.logOffset);
    },

    live: () => newest.figures(),

    contentType: registry.contentType,
    text() {
      measureStorage();
      return registry.metrics();
    },
    async figures() {
      measureStorage();
      return registry.getMetricsAsJSON();
    },
    close: stopProcessMetrics,
  };
}

/** Every metric is named upnext_… and lives in `registry`. */
function factories(registry: Registry) {
  const options = <L extends string>(name: string, help: string, labelNames: readonly L[]) => ({
    name: `upnext_${name}`,
    help,
    labelNames: [...labelNames],
    registers: [registry],
  });
  return {
    counter: <L extends string>(name: string, help: string, labels: readonly L[]) =>
      new Counter(options(name, help, labels)),
    /** `aggregator`: of several processes; most figures are of the log and the bundle, which are the same for all. */
    gauge: <L extends string>(
      name: string,
      help: string,
      labels: readonly L[],
      aggregator: "max" | "sum" = "max",
    ) => new Gauge({ ...options(name, help, labels), aggregator }),
    histogram: <L extends string>(name: string, help: string, labels: readonly L[]) =>
      new Histogram({ ...options(name, help, labels), buckets: LATENCY }),
  };
}
