/** Bundles: what there is, what each measured, which one serves. */
import { z } from "zod";
import type { BundleId } from "../../core/index.ts";
import { idOf } from "../parameters.ts";
import {
  gateAnswer,
  gateSchema,
  releaseAnswer,
  releaseSchema,
  releasesAnswer,
  releasesSchema,
  servedSchema,
  trainingAnswer,
  trainingSchema,
} from "../release-answer.ts";
import { declareRoute, type Routes } from "../route.ts";
import { closedObject } from "../validation.ts";

const paramsSchema = z.object({ id: idOf<BundleId>("a bundle id").describe("Id of the bundle.") });

const promotion = closedObject(
  {
    despite: z
      .string({ error: "expected a reason" })
      .min(1, { error: "expected a reason" })
      .max(1_000, { error: "expected a reason of at most 1000 characters" })
      .describe("Why it is to serve although a check refuses it; kept in the registry.")
      .exactOptional(),
  },
  "a promotion",
).meta({ examples: [{}] });

export const releaseRoutes: Routes = (app, { recommender }) => {
  app.get(
    "/v1/releases",
    declareRoute({
      id: "getReleases",
      summary: "The bundles that there are",
      tag: "operations",
      scope: "read",
      inputs: {},
      answers: { 200: releasesSchema },
      errors: ["closed"],
    }),
    async () => releasesAnswer(await recommender.releases()),
  );

  app.get(
    "/v1/releases/:id",
    declareRoute({
      id: "getRelease",
      summary: "One bundle in full",
      description:
        "What its training measured, what the release gate asked, and the evidence for its ranker.",
      tag: "operations",
      scope: "read",
      inputs: { params: paramsSchema },
      answers: { 200: releaseSchema },
      errors: ["no_bundle", "closed"],
    }),
    async (request) => releaseAnswer(await recommender.release(request.params.id)),
  );

  app.get(
    "/v1/training",
    declareRoute({
      id: "getTraining",
      summary: "How the newest training goes, or went",
      description: "Of this directory, in whichever process it runs: `upnext train` beside the server, too.",
      tag: "operations",
      scope: "read",
      inputs: {},
      answers: { 200: trainingSchema },
      errors: ["closed"],
    }),
    async () => trainingAnswer(await recommender.trainingRun()),
  );

  app.post(
    "/v1/releases/:id/promotion",
    declareRoute({
      id: "promoteRelease",
      summary: "Serve a bundle, if the release gate lets it",
      description:
        "The gate loads it and asks it recent requests: seconds to minutes. The answer is its report.",
      tag: "operations",
      scope: "admin",
      inputs: { params: paramsSchema, body: promotion },
      answers: { 200: gateSchema },
      errors: ["no_bundle", "bundle_corrupt", "bundle_incompatible", "closed"],
    }),
    async (request) => gateAnswer(await recommender.promote(request.params.id, request.body)),
  );

  app.post(
    "/v1/releases/:id/rollback",
    declareRoute({
      id: "rollBack",
      summary: "Serve a bundle again that served before",
      tag: "operations",
      scope: "admin",
      inputs: { params: paramsSchema },
      answers: { 200: servedSchema },
      errors: ["no_bundle", "bundle_corrupt", "bundle_incompatible", "closed"],
    }),
    async (request) => ({ bundle: await recommender.rollback(request.params.id) }),
  );
};
