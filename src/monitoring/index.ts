export type { Metrics, ObservedRecommendation, ServedBundle } from "./metrics.ts";
export { createMetrics } from "./prometheus-metrics.ts";
