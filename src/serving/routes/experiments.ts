/** Experiments: started, watched, stopped. */
import { z } from "zod";
import type { BundleId } from "../../core/index.ts";
import { METRICS } from "../../experiments/index.ts";
import {
  experimentAnswer,
  experimentSchema,
  experimentsAnswer,
  experimentsSchema,
  startedAnswer,
  startedSchema,
} from "../experiment-answer.ts";
import { idOf, integerOf } from "../parameters.ts";
import { declareRoute, type Routes } from "../route.ts";
import { closedObject } from "../validation.ts";

const METRIC_NAMES = METRICS.map(({ name }) => name) as [string, ...string[]];
const metricSchema = z.enum(METRIC_NAMES, { error: `expected one of ${METRIC_NAMES.join(", ")}` });
/** What the library checks again for its other callers; here it is described. */
const number = (what: string) => z.number({ error: `expected ${what}` });

const armSchema = closedObject(
  {
    name: idOf("a name").describe("Of the arm."),
    share: number("a share from 0.001 to 1").describe("Of all users, 0.001 to 1."),
    bundle: idOf<BundleId>("a bundle id")
      .describe("Answers with it, whichever is in service.")
      .exactOptional(),
    headWeights: z
      .record(z.string(), number("a weight"))
      .describe("Weights of heads in the score, by name; others stay.")
      .exactOptional(),
    policy: closedObject(
      {
        maxPerCreator: integerOf(0, 500).exactOptional(),
        diversity: number("a number from 0 to 1").exactOptional(),
        explore: number("a number from 0 to 1").exactOptional(),
      },
      "rules of the slate",
    )
      .describe("Rules of the slate; others stay.")
      .exactOptional(),
    candidates: integerOf(1, 10_000).describe("Candidates that are ranked at most.").exactOptional(),
  },
  "an arm",
);

const startSchema = closedObject(
  {
    name: idOf("a name").describe("Letters, digits, dots, hyphens, underscores. It salts the assignment."),
    arms: z
      .tuple([armSchema, armSchema], { error: "expected two arms" })
      .describe("The first one is what the second one is compared with."),
    metric: metricSchema.describe("By which it is decided. Default long-watch-rate.").exactOptional(),
    smallest: number("a share from 0.001 to 1")
      .describe("The smallest relative difference worth knowing of. Default 0.05.")
      .exactOptional(),
    about: z.string({ error: "expected a text" }).describe("Why it is run.").exactOptional(),
  },
  "an experiment",
).meta({
  examples: [
    {
      name: "calmer-feed",
      arms: [
        { name: "A", share: 0.5 },
        { name: "B", share: 0.5, policy: { diversity: 0.3 } },
      ],
    },
  ],
});

const paramsSchema = z.object({ name: idOf("a name").describe("Of the experiment.") });
const watchQuery = closedObject(
  {
    metric: metricSchema
      .describe("Whose history is wanted; the one that decides where absent.")
      .exactOptional(),
  },
  "the query",
);

export const experimentRoutes: Routes = (app, { recommender }) => {
  app.get(
    "/v1/experiments",
    declareRoute({
      id: "getExperiments",
      summary: "The experiments that run and that were stopped",
      tag: "operations",
      scope: "read",
      inputs: {},
      answers: { 200: experimentsSchema },
      errors: ["closed"],
    }),
    async () => experimentsAnswer(await recommender.experiments()),
  );

  app.post(
    "/v1/experiments",
    declareRoute({
      id: "startExperiment",
      summary: "Give users one of two arms",
      description:
        "By a hash of the experiment's name and the user. Every process of the directory follows within seconds.",
      tag: "operations",
      scope: "admin",
      inputs: { body: startSchema },
      answers: { 200: startedSchema },
      errors: ["experiment_conflict", "experiments_corrupt", "no_bundle", "bundle_corrupt", "closed"],
    }),
    async (request) => startedAnswer(await recommender.startExperiment(request.body)),
  );

  app.get(
    "/v1/experiments/:name",
    declareRoute({
      id: "getExperiment",
      summary: "What an experiment has shown so far",
      description: "Read from the log; intervals hold however often one looks.",
      tag: "operations",
      scope: "read",
      inputs: { params: paramsSchema, querystring: watchQuery },
      answers: { 200: experimentSchema },
      errors: ["unknown_experiment", "closed"],
    }),
    async (request) =>
      experimentAnswer(await recommender.experiment(request.params.name, request.query.metric)),
  );

  app.post(
    "/v1/experiments/:name/stop",
    declareRoute({
      id: "stopExperiment",
      summary: "Stop an experiment, and keep what it has shown",
      tag: "operations",
      scope: "admin",
      inputs: { params: paramsSchema },
      answers: { 200: experimentSchema },
      errors: ["unknown_experiment", "experiment_conflict", "experiments_corrupt", "closed"],
    }),
    async (request) => experimentAnswer(await recommender.stopExperiment(request.params.name)),
  );
};
