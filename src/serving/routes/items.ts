/** Items: what goes with one, its facts, its removal. */
import { z } from "zod";
import type { ItemId } from "../../core/index.ts";
import { itemFactsSchema, parseEvent } from "../../events/index.ts";
import { appendAnswer, appendSchema } from "../answers.ts";
import { sendProblem } from "../error-answer.ts";
import { idOf, queryInteger } from "../parameters.ts";
import { similarAnswer, similarSchema } from "../recommendation-answer.ts";
import { declareRoute, type Routes } from "../route.ts";
import { closedObject, describing } from "../validation.ts";

const paramsSchema = z.object({
  id: idOf<ItemId>("an item id").describe("Id of the item, percent-encoded."),
});

const similarQuery = closedObject(
  { limit: queryInteger(1, 500).describe("Number of items wanted. Default 20.").exactOptional() },
  "the query",
);

const factsBody = itemFactsSchema.meta({
  description: "All facts of the item: what is left out is unknown from now on.",
  examples: [{ title: "How glass is made", creator: "c7", categories: ["craft"], duration: 312 }],
});

const WRITES = ["log_unavailable", "log_busy", "log_closed", "read_only"] as const;

export const itemRoutes: Routes = (app, { recommender, clock, makeId }) => {
  app.get(
    "/v1/items/:id/similar",
    declareRoute({
      id: "getSimilarItems",
      lane: "interactive",
      summary: "Items that go with an item",
      tag: "items",
      scope: "read",
      inputs: { params: paramsSchema, querystring: similarQuery },
      answers: { 200: similarSchema },
      errors: ["unknown_item", "closed"],
    }),
    async (request) => similarAnswer(await recommender.similar(request.params.id, request.query.limit)),
  );

  app.put(
    "/v1/items/:id",
    declareRoute({
      id: "putItem",
      lane: "write",
      summary: "Set the facts of an item",
      tag: "items",
      scope: "write",
      inputs: { params: paramsSchema, body: describing(factsBody) },
      answers: { 200: appendSchema },
      errors: ["invalid_event", ...WRITES],
    }),
    async (request, reply) => {
      const input = { kind: "item", item: request.params.id, facts: request.body };
      const parsed = parseEvent(input, { now: clock.now(), makeId, where: "body" });
      if (!parsed.ok) return sendProblem(reply, parsed.problem);
      return appendAnswer(await recommender.track(parsed.value));
    },
  );

  app.delete(
    "/v1/items/:id",
    declareRoute({
      id: "removeItem",
      lane: "write",
      summary: "Stop recommending an item",
      description: "Interactions with it stay in the log; a later upsert brings it back.",
      tag: "items",
      scope: "write",
      inputs: { params: paramsSchema },
      answers: { 200: appendSchema },
      errors: WRITES,
    }),
    async (request) => {
      const { id: item } = request.params;
      const removal = { kind: "item-removal", id: makeId(), time: clock.now(), item } as const;
      return appendAnswer(await recommender.track(removal));
    },
  );
};
