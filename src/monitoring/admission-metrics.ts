/** What is measured of requests before they are worked on: how long they wait, which are refused, and why. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { AdmissionMetrics, AdmissionNumbers } from "./metrics.ts";

/** Seconds: dense around what an answer within 50 ms leaves for waiting. */
const WAIT = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 1, 5];

export function addAdmissionMetrics(registry: Registry): AdmissionMetrics {
  const registers = [registry];
  /** `aggregator`: of several processes. */
  const gauge = (
    name: string,
    help: string,
    labelNames: readonly string[] = [],
    aggregator: "sum" | "max" = "sum",
  ) => new Gauge({ name: `upnext_${name}`, help, labelNames: [...labelNames], registers, aggregator });
  const counter = (name: string, help: string) =>
    new Counter({ name: `upnext_${name}`, help, labelNames: ["reason"], registers });
  let look: (() => AdmissionNumbers) | undefined;
  new Gauge({
    name: "upnext_pressure",
    help: "Share of the newest requests that got the cheapest answer because of the load.",
    registers,
    aggregator: "max",
    // Comes before the other gauges, which are read with it in one look.
    collect() {
      if (look === undefined) return;
      const figures = look();
      this.set(figures.pressure);
      connections.set(figures.connections);
      for (const [lane, of] of Object.entries(figures.lanes)) {
        depth.set({ lane }, of.depth);
        age.set({ lane }, of.age / 1000);
        atOnce.set({ lane }, of.atOnce);
        limit.set({ lane }, of.limit);
      }
    },
  });
  const wait = new Histogram({
    name: "upnext_queue_wait_seconds",
    help: "How long requests waited for their turn.",
    labelNames: ["lane"],
    buckets: WAIT,
    registers,
  });
  const rejected = counter("queue_rejected_total", "Requests that were not answered.");
  const cut = counter("connections_cut_total", "Connections that the server closed.");
  const depth = gauge("queue_depth", "Requests that wait for their turn.", ["lane"]);
  const age = gauge("queue_age_seconds", "How long the oldest of them has waited.", ["lane"], "max");
  const atOnce = gauge("at_once", "Requests that are worked on.", ["lane"]);
  const limit = gauge("at_once_limit", "Requests that may be worked on at once.", ["lane"]);
  const connections = gauge("connections", "Open connections.");
  return {
    observeWait: (lane, ms) => wait.observe({ lane }, ms / 1000),
    countRejection: (reason) => rejected.inc({ reason }),
    countCut: (reason) => cut.inc({ reason }),
    watchAdmission(given) {
      look = given;
    },
  };
}
