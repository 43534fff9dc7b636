/** Users: their facts, the state that answers are computed from, and being forgotten. */
import { z } from "zod";
import type { UserId } from "../../core/index.ts";
import { parseEvent, userUpsertSchema } from "../../events/index.ts";
import {
  appendAnswer,
  appendSchema,
  receiptAnswer,
  receiptSchema,
  userStateAnswer,
  userStateSchema,
} from "../answers.ts";
import { sendProblem } from "../error-answer.ts";
import { idOf } from "../parameters.ts";
import { declareRoute, type Routes } from "../route.ts";
import { describing } from "../validation.ts";

const paramsSchema = z.object({ id: idOf<UserId>("a user id").describe("Id of the user, percent-encoded.") });

const factsBody = userUpsertSchema.shape.facts.meta({
  description: "All facts of the user: what is left out is unknown from now on.",
  examples: [{ country: "PT", plan: "free" }],
});

const WRITES = ["log_unavailable", "log_closed", "read_only"] as const;

export const userRoutes: Routes = (app, { recommender, clock, makeId }) => {
  app.put(
    "/v1/users/:id",
    declareRoute({
      id: "putUser",
      summary: "Set the facts of a user",
      tag: "users",
      scope: "write",
      inputs: { params: paramsSchema, body: describing(factsBody) },
      answers: { 200: appendSchema },
      errors: ["invalid_event", ...WRITES],
    }),
    async (request, reply) => {
      const input = { kind: "user", user: request.params.id, facts: request.body };
      const parsed = parseEvent(input, { now: clock.now(), makeId, where: "body" });
      if (!parsed.ok) return sendProblem(reply, parsed.problem);
      return appendAnswer(await recommender.track(parsed.value));
    },
  );

  app.get(
    "/v1/users/:id/state",
    declareRoute({
      id: "getUserState",
      summary: "The newest touches of a user",
      description: "A user who is not known has an empty state.",
      tag: "users",
      scope: "read",
      inputs: { params: paramsSchema },
      answers: { 200: userStateSchema },
      errors: ["store_unavailable", "closed"],
    }),
    async (request) => userStateAnswer(await recommender.state(request.params.id)),
  );

  app.delete(
    "/v1/users/:id",
    declareRoute({
      id: "forgetUser",
      summary: "Forget a user",
      description:
        "Every event of the user up to now counts as not having happened. The answer is the receipt.",
      tag: "users",
      scope: "write",
      inputs: { params: paramsSchema },
      answers: { 200: receiptSchema },
      errors: [...WRITES, "store_unavailable"],
    }),
    async (request) => receiptAnswer(await recommender.forget(request.params.id)),
  );
};
