/** Bundles on the wire: what there is, what each measured, what the gate says. */
import { z } from "zod";
import type { BundleDetails, BundleOverview, CheckMade, TrainingRun } from "../pipeline/index.ts";
import type { Wire } from "./wire.ts";

const measured = z.object({ value: z.number(), lower: z.number(), upper: z.number() });

const checks = z.array(
  z.object({
    name: z.string(),
    passed: z.boolean().nullable().describe("null where it could not be asked."),
    expected: z.string(),
    came: z.string(),
    cure: z.string().optional(),
  }),
);

export const releasesSchema = z
  .object({
    releases: z.array(
      z.object({
        bundle: z.string(),
        state: z.enum(["current", "previous", "earlier", "refused", "candidate"]),
        createdAt: z.int(),
        logOffset: z.int().describe("Events of the log that its training has seen."),
        rung: z.string().nullable(),
        ndcg10: z.number().nullable().describe("Of both stages, on what its training held out."),
        refusedFor: z
          .array(z.string())
          .nullable()
          .describe("Codes of the checks that refused it; null where the gate has not seen it."),
        changes: z.array(
          z.object({
            bundle: z.string(),
            time: z.int(),
            kind: z.enum(["promote", "rollback"]),
            despite: z.string().optional(),
          }),
        ),
      }),
    ),
  })
  .meta({ id: "Releases", description: "The bundles that there are, newest first." });

export function releasesAnswer(releases: readonly BundleOverview[]): Wire<z.input<typeof releasesSchema>> {
  return { releases };
}

export const releaseSchema = z
  .object({
    bundle: z.string(),
    createdAt: z.int(),
    logOffset: z.int(),
    items: z.int(),
    seed: z.number(),
    rung: z.string().nullable(),
    examples: z.int().describe("Test items that `systems` were measured on."),
    systems: z
      .array(z.object({ name: z.string(), metrics: z.record(z.string(), z.number().nullable()) }))
      .describe("Metrics by name; those that end with ± are half-widths of 95 % intervals."),
    checks: checks.nullable().describe("What the release gate asked, and what came."),
    tradeoffs: z
      .object({
        measuredAt: z.int(),
        objective: z.object({ p99Ms: z.number(), margin: z.number(), candidates: z.int() }),
        metric: z.string(),
        chosen: z.string(),
        sentences: z.array(z.string()),
        rungs: z.array(
          z.object({
            name: z.string(),
            quality: measured.nullable(),
            p99Ms: measured,
            cpuMs: measured,
            verdict: z.string(),
          }),
        ),
      })
      .nullable()
      .describe("Of every rung of rankers, when this one was chosen; null where it was not chosen so."),
  })
  .meta({ id: "Release", description: "One bundle in full." });

export function releaseAnswer(details: BundleDetails): Wire<z.input<typeof releaseSchema>> {
  return details;
}

export const gateSchema = z
  .object({ accepted: z.boolean().describe("Whether the bundle serves now."), checks })
  .meta({ id: "GateReport", description: "What the release gate found." });

export function gateAnswer(report: {
  readonly accepted: boolean;
  readonly checks: readonly CheckMade[];
}): Wire<z.input<typeof gateSchema>> {
  const { accepted, checks: made } = report;
  return {
    accepted,
    checks: made.map(({ name, passed, expected, came, cure }) => ({
      name,
      passed,
      expected,
      came,
      ...(cure !== undefined && { cure }),
    })),
  };
}

export const trainingSchema = z
  .object({
    run: z
      .object({
        startedAt: z.int(),
        updatedAt: z.int().describe("When it was last heard of: one that is killed does not say so."),
        endedAt: z.int().nullable(),
        bundle: z.string().nullable().describe("What it made, once it has."),
        failure: z.string().nullable(),
        steps: z.array(
          z.object({
            name: z.string(),
            total: z.number().nullable().describe("null where it is not known how much there is to do."),
            unit: z.string(),
            done: z.number(),
            startedAt: z.int(),
            endedAt: z.int().nullable(),
          }),
        ),
        notes: z.array(z.object({ time: z.int(), text: z.string() })),
      })
      .nullable()
      .describe("null where there was none."),
  })
  .meta({
    id: "Training",
    description: "How the newest training goes, or went, in whichever process it runs.",
  });

export function trainingAnswer(run: TrainingRun | null): Wire<z.input<typeof trainingSchema>> {
  return { run };
}

export const servedSchema = z
  .object({ bundle: z.string().describe("The bundle that serves now.") })
  .meta({ id: "Served", description: "Which bundle serves." });
