/** Users: their facts, the state that answers are computed from, and being forgotten. */
import { z } from "zod";
import { type EpochMs, type Offset, UpnextError, type UserId } from "../../core/index.ts";
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
import { idOf, queryInteger } from "../parameters.ts";
import { declareRoute, type Routes } from "../route.ts";
import { closedObject, describing } from "../validation.ts";

const paramsSchema = z.object({ id: idOf<UserId>("a user id").describe("Id of the user, percent-encoded.") });

const momentSchema = closedObject(
  {
    time: queryInteger<EpochMs>(0)
      .describe(
        "The state by the events up to this time (milliseconds since 1970), those that came late included.",
      )
      .exactOptional(),
    offset: queryInteger<Offset>(0)
      .describe("The state as a request saw it whose answer had this `offset`.")
      .exactOptional(),
  },
  "the moment of a state",
);

const factsBody = userUpsertSchema.shape.facts.meta({
  description: "All facts of the user: what is left out is unknown from now on.",
  examples: [{ country: "PT", plan: "free" }],
});

const WRITES = ["log_unavailable", "log_busy", "log_closed", "read_only"] as const;

export const userRoutes: Routes = (app, { recommender, clock, makeId }) => {
  app.put(
    "/v1/users/:id",
    declareRoute({
      id: "putUser",
      lane: "write",
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
      description:
        "As they are, or with `time` or `offset` as they were: what a model saw then. A user who is not known has an empty state.",
      tag: "users",
      scope: "read",
      inputs: { params: paramsSchema, querystring: momentSchema },
      answers: { 200: userStateSchema },
      errors: ["store_unavailable", "store_lost", "snapshot_corrupt", "closed"],
    }),
    async (request) => {
      const { params, query } = request;
      const { time, offset } = query;
      if (time !== undefined && offset !== undefined) {
        throw new UpnextError(
          "invalid_request",
          "query: expected time or offset, got both. Send one of them.",
        );
      }
      if (time !== undefined) return userStateAnswer(await recommender.stateAt(params.id, { time }));
      if (offset !== undefined) return userStateAnswer(await recommender.stateAt(params.id, { offset }));
      return userStateAnswer(await recommender.state(params.id));
    },
  );

  app.delete(
    "/v1/users/:id",
    declareRoute({
      id: "forgetUser",
      lane: "write",
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
