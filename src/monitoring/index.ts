export { type MetricsFigures, mergeMetrics } from "./merge-metrics.ts";
export type {
  AdmissionMetrics,
  AdmissionNumbers,
  Metrics,
  ObservedRecommendation,
  ServedBundle,
  StorageFigures,
} from "./metrics.ts";
export { createMetrics } from "./prometheus-metrics.ts";
