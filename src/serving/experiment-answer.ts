/** Experiments on the wire: what each compares, what it has shown, and what follows. */
import { z } from "zod";
import type { ExperimentDetails, ExperimentOverview } from "../experiments/index.ts";
import type { Wire } from "./wire.ts";

/** The same for what is asked and what is answered. */
const settings = {
  bundle: z.string().optional(),
  headWeights: z.record(z.string(), z.number()).optional(),
  policy: z
    .object({
      maxPerCreator: z.int().optional(),
      diversity: z.number().optional(),
      explore: z.number().optional(),
    })
    .optional(),
  candidates: z.int().optional(),
};

const overview = {
  name: z.string(),
  about: z.string(),
  arms: z
    .array(z.object({ name: z.string(), share: z.number(), ...settings }))
    .describe("Two; the first one is what the second one is compared with."),
  metric: z.string().describe("By which it is decided."),
  smallest: z.number().describe("The smallest relative difference worth knowing of."),
  startedAt: z.int(),
  from: z.int().describe("Events before this offset of the log were there already."),
  stoppedAt: z.int().nullable().describe("null while it runs."),
  sentence: z.string().nullable().describe("The verdict that it was stopped with."),
  problem: z.string().nullable().describe("Why an arm cannot be served here; null where both can."),
};

const difference = { value: z.number(), lower: z.number(), upper: z.number() };

export const experimentSchema = z
  .object({
    ...overview,
    report: z.object({
      measuredAt: z.int(),
      users: z.int(),
      arms: z.array(
        z.object({
          name: z.string(),
          users: z.int(),
          answers: z.int(),
          fallbacks: z.int().describe("Answers that the arm could not give, and that were as everybody's."),
          p50Ms: z.number().nullable(),
          p99Ms: z.number().nullable(),
          rungs: z.record(z.string(), z.int()).describe("Answers by rung."),
        }),
      ),
      metrics: z
        .array(
          z.object({
            name: z.string(),
            noun: z.string().describe("What there is more or less of."),
            better: z.enum(["more", "less"]),
            guardrail: z.boolean().describe("Whether it is about the system rather than what users like."),
            values: z.array(z.number().nullable()).describe("By arm."),
            difference: z
              .object(difference)
              .nullable()
              .describe(
                "How much more the second arm has, as a share of the first arm's, with limits that hold at all times together. null where there is too little to say.",
              ),
          }),
        )
        .describe("The one that decides is first."),
      ratio: z
        .object({ p: z.number(), mismatch: z.boolean(), alpha: z.number() })
        .describe("Whether as many users came to each arm as its share says."),
      verdict: z.object({
        kind: z.enum(["better", "worse", "same", "early", "mismatch"]).describe("Of the second arm."),
        sentence: z.string(),
        moreUsers: z.int().nullable().describe("About how many more would decide it."),
      }),
    }),
    history: z
      .array(z.object({ time: z.int(), users: z.int(), ...difference }))
      .describe("The difference in one metric over time, oldest first."),
  })
  .meta({ id: "Experiment", description: "What an experiment compares, and what it has shown." });

export function experimentAnswer(details: ExperimentDetails): Wire<z.input<typeof experimentSchema>> {
  return details;
}

export const startedSchema = z
  .object(overview)
  .meta({ id: "ExperimentOverview", description: "What an experiment compares." });

export const experimentsSchema = z
  .object({ experiments: z.array(z.object(overview)) })
  .meta({ id: "Experiments", description: "Those that run and those that were stopped, newest first." });

export function startedAnswer(started: ExperimentOverview): Wire<z.input<typeof startedSchema>> {
  return started;
}

export function experimentsAnswer(
  experiments: readonly ExperimentOverview[],
): Wire<z.input<typeof experimentsSchema>> {
  return { experiments };
}
