/** The metrics of several processes as one: counters and histograms are summed, of gauges each says what it wants. */
import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue } from "prom-client";

/** All metrics of one process, as plain data that can go to another one. */
export type MetricsFigures = readonly MetricObjectWithValues<MetricValue<string>>[];

/** Prometheus' text format, like `Metrics.text()`. */
export function mergeMetrics(processes: readonly MetricsFigures[]): Promise<string> {
  // The types of prom-client say an object, its code and its documentation a list of lists.
  const lists: readonly object[] = processes;
  return AggregatorRegistry.aggregate(lists as object[]).metrics();
}
