import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BundleId, EpochMs, Ms, Offset } from "../../src/core/index.ts";
import { createMetrics, type Metrics, type ObservedRecommendation } from "../../src/monitoring/index.ts";
import type { Recommendation } from "../../src/pipeline/recommender.ts";

let metrics: Metrics;
beforeEach(() => {
  metrics = createMetrics();
});
afterEach(() => metrics.close());

/** The value of the series that begins with `series`, undefined where there is none. */
async function value(series: string): Promise<number | undefined> {
  const line = (await metrics.text()).split("\n").find((text) => text.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

const recommendation: ObservedRecommendation = {
  rung: "retrieval-order",
  personal: true,
  reasons: ["ranking_late", "source_failed"],
  items: [1, 2, 3],
  trace: {
    ms: 20 as Ms,
    stages: [
      { stage: "state", ms: 1 as Ms, in: 1, out: 12 },
      { stage: "rank", ms: 30 as Ms, in: 500, out: 120, fallback: "ranking_late" },
    ],
    sources: [
      { name: "popular", found: 100, ms: 2 as Ms },
      { name: "als", found: 0, ms: 3 as Ms },
    ],
  },
};

describe("metrics", () => {
  it("count requests by route, method and status, and time them by route", async () => {
    metrics.observeRequest("/v1/users/:id", "GET", 200, 0.004);
    metrics.observeRequest("/v1/users/:id", "GET", 200, 0.004);
    metrics.observeRequest("/v1/users/:id", "GET", 404, 0.3);
    expect(await value('upnext_requests_total{route="/v1/users/:id",method="GET",status="200"}')).toBe(2);
    expect(await value('upnext_requests_total{route="/v1/users/:id",method="GET",status="404"}')).toBe(1);
    expect(await value('upnext_request_seconds_bucket{le="0.005",route="/v1/users/:id"}')).toBe(2);
    expect(await value('upnext_request_seconds_count{route="/v1/users/:id"}')).toBe(3);
  });

  it("take a recommendation apart: rung, reasons, stages, fallbacks, sources", async () => {
    metrics.observeRecommendation(recommendation);
    metrics.observeRecommendation(recommendation);
    expect(await value('upnext_recommendations_total{rung="retrieval-order",personal="true"}')).toBe(2);
    expect(await value('upnext_recommend_seconds_sum{rung="retrieval-order"}')).toBeCloseTo(0.04);
    expect(await value("upnext_recommended_items_total")).toBe(6);
    expect(await value('upnext_reasons_total{reason="source_failed"}')).toBe(2);
    expect(await value('upnext_stage_seconds_sum{stage="rank"}')).toBeCloseTo(0.06);
    expect(await value('upnext_stage_fallbacks_total{stage="rank",reason="ranking_late"}')).toBe(2);
    expect(await value('upnext_source_candidates_total{source="popular"}')).toBe(200);
    expect(await value('upnext_source_candidates_total{source="als"}')).toBe(0);
    expect(await value('upnext_source_seconds_count{source="als"}')).toBe(2);
  });

  it("take what the pipeline returns as it is", () => {
    // A type test: it would not compile if the shapes came apart.
    const observe: (recommendation: Recommendation) => void = metrics.observeRecommendation;
    expect(observe).toBeTypeOf("function");
  });

  it("count appended events and know where the log ends", async () => {
    metrics.observeAppend({ offset: 13 as Offset, accepted: 3, duplicates: 2 });
    expect(await value('upnext_events_total{outcome="accepted"}')).toBe(3);
    expect(await value('upnext_events_total{outcome="duplicate"}')).toBe(2);
    expect(await value("upnext_log_end")).toBe(13);
  });

  it("ask log and state store when they are read", async () => {
    let asked = 0;
    metrics.watchStorage(() => ({
      logBytes: 4096,
      logFirst: 2 as Offset,
      logEnd: (10 + asked++) as Offset,
      stateBehind: 3,
      stateReads: { answered: 5, copy: 1 },
    }));
    expect(await value("upnext_log_end")).toBe(10);
    expect(await value("upnext_log_end")).toBe(11);
    expect(await value("upnext_log_first")).toBe(2);
    expect(await value("upnext_log_bytes")).toBe(4096);
    expect(await value("upnext_state_behind_events")).toBe(3);
    expect(await value('upnext_state_reads{outcome="copy"}')).toBe(1);
  });

  it("name the bundle in service, and that one alone", async () => {
    const bundle = (id: string) => ({
      id: id as BundleId,
      trainedAt: 5_000 as EpochMs,
      logOffset: 9 as Offset,
    });
    metrics.setBundle(bundle("one"));
    metrics.setBundle(bundle("two"));
    expect(await value('upnext_bundle_info{bundle="one"}')).toBeUndefined();
    expect(await value('upnext_bundle_info{bundle="two"}')).toBe(1);
    expect(await value("upnext_bundle_trained_timestamp_seconds")).toBe(5);
    expect(await value("upnext_bundle_log_offset")).toBe(9);
    metrics.setBundle(null);
    expect(await value('upnext_bundle_info{bundle="two"}')).toBeUndefined();
  });

  it("count failures of the state store by operation", async () => {
    metrics.countStateError("read");
    expect(await value('upnext_state_errors_total{operation="read"}')).toBe(1);
  });

  it("stay bounded when someone makes up routes and methods", async () => {
    for (let i = 0; i < 1_000; i++) metrics.observeRequest(`/made/up/${i}`, `M${i}`, 200, 0);
    const series = (await metrics.text())
      .split("\n")
      .filter((line) => line.startsWith("upnext_requests_total{"));
    expect(series).toHaveLength(101);
    expect(await value('upnext_requests_total{route="other",method="other",status="200"}')).toBe(900);
  });

  it("measure the process: a blocked event loop shows in the delay", async () => {
    await metrics.text();
    await new Promise((resolve) => setTimeout(resolve, 30));
    const until = performance.now() + 80;
    while (performance.now() < until);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await value('upnext_event_loop_delay_seconds{quantile="1"}')).toBeGreaterThan(0.05);
    expect(await value("process_cpu_seconds_total")).toBeGreaterThan(0);
    expect(await value("process_resident_memory_bytes")).toBeGreaterThan(1e6);
  });

  it("hold numbers alone, from the first scrape on and after close, and close twice", async () => {
    metrics.close();
    metrics.close();
    const text = await metrics.text();
    expect(text).not.toMatch(/ (NaN|undefined|Infinity)$/m);
    expect(metrics.contentType).toContain("text/plain");
  });

  it("of two instances do not mix", async () => {
    const other = createMetrics();
    other.countStateError("read");
    expect(await value('upnext_state_errors_total{operation="read"}')).toBeUndefined();
    other.close();
  });
});
