/** What a page that looks at the running system gets each second. */
import { z } from "zod";
import type { EpochMs, Ms } from "../core/index.ts";
import type { Metrics } from "../monitoring/index.ts";
import type { Wire } from "./wire.ts";

const quantiles = { p50: z.number().nullable(), p99: z.number().nullable() };

export const liveSchema = z
  .object({
    time: z.int(),
    perSecond: z
      .object({
        events: z.number(),
        requests: z.number(),
        failures: z.number(),
        recommendations: z.number(),
      })
      .describe("Since the sample before."),
    rungs: z.record(z.string(), z.int()).describe("Answers since the start, by rung."),
    reasons: z
      .record(z.string(), z.int())
      .describe("Answers since the start that were not the best, by reason."),
    newest: z
      .object({
        answers: z.int(),
        total: z.object(quantiles),
        stages: z.array(z.object({ stage: z.string(), in: z.number(), out: z.number(), ...quantiles })),
        sources: z.array(z.object({ name: z.string(), found: z.number(), ...quantiles })),
      })
      .describe(
        "Of the newest 1,000 answers: means of what came in and went out, percentiles of milliseconds.",
      ),
    queue: z
      .object({ waiting: z.int(), atOnce: z.int(), pressure: z.number() })
      .describe(
        "HTTP requests that wait for their turn and that are worked on; the share of the newest ones that got the cheapest answer because of the load.",
      ),
    cpu: z.number().describe("Cores that the process keeps busy."),
    memory: z.int().describe("Bytes that the process has in memory."),
  })
  .meta({ id: "Live", description: "One sample a second, as server-sent events." });

export type LiveAnswer = Wire<z.input<typeof liveSchema>>;

type Figures = ReturnType<Metrics["live"]>;

export interface Sample {
  readonly queue: LiveAnswer["queue"];
  readonly figures: Figures;
  readonly time: EpochMs;
  /** Monotonic. */
  readonly at: Ms;
  /** CPU time of the process so far. */
  readonly cpuMs: Ms;
  readonly memory: number;
}

/** What has changed between two samples. */
export function liveAnswer(before: Sample, now: Sample): LiveAnswer {
  const ms = Math.max(1, now.at - before.at);
  const rate = (name: "events" | "requests" | "failures" | "recommendations") =>
    rounded((1000 * (now.figures.totals[name] - before.figures.totals[name])) / ms);
  const { totals, newest } = now.figures;
  return {
    time: now.time,
    perSecond: {
      events: rate("events"),
      requests: rate("requests"),
      failures: rate("failures"),
      recommendations: rate("recommendations"),
    },
    rungs: totals.rungs,
    reasons: totals.reasons,
    newest: {
      answers: newest.answers,
      total: percentiles(newest.total),
      stages: newest.stages.map((stage) => ({
        ...stage,
        ...percentiles(stage),
        in: rounded(stage.in),
        out: rounded(stage.out),
      })),
      sources: newest.sources.map((source) => ({
        ...source,
        ...percentiles(source),
        found: rounded(source.found),
      })),
    },
    queue: { ...now.queue, pressure: rounded(now.queue.pressure) },
    cpu: rounded((now.cpuMs - before.cpuMs) / ms),
    memory: now.memory,
  };
}

function percentiles({ p50, p99 }: { readonly p50: number | null; readonly p99: number | null }) {
  return { p50: p50 === null ? null : rounded(p50), p99: p99 === null ? null : rounded(p99) };
}

/** Three digits after the point are more than anybody reads. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
