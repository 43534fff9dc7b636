/** Events come in: one or a batch, acknowledged when they are durable and reflected. */
import { z } from "zod";
import { eventSchema, interactionSchema } from "../../events/index.ts";
import { appendAnswer, appendSchema } from "../answers.ts";
import { sendProblem } from "../error-answer.ts";
import { parseEventBatch } from "../event-batch.ts";
import { declareRoute, type Routes } from "../route.ts";
import { describing } from "../validation.ts";

const EXAMPLES = [
  { user: "u1", item: "v42", type: "watch", value: 0.9 },
  {
    events: [
      { kind: "item", item: "v42", facts: { title: "How glass is made", categories: ["craft"] } },
      { kind: "interaction", user: "u1", item: "v42", type: "like" },
    ],
  },
];

/** An interaction may leave out its kind. */
const oneEvent = z.union([
  z.strictObject({ ...interactionSchema.shape, kind: interactionSchema.shape.kind.optional() }),
  eventSchema,
]);

const bodySchema = z
  .union([oneEvent, z.array(eventSchema), z.strictObject({ events: z.array(eventSchema) })])
  .meta({ description: "One event, a list of events, or a list as `events`.", examples: EXAMPLES });

export const eventRoutes: Routes = (app, { recommender, clock, makeId, settings }) => {
  const declared = declareRoute({
    id: "appendEvents",
    lane: "write",
    summary: "Append events",
    description:
      "Events with a known id change nothing. A batch with one bad event is refused as a whole. The answer comes when the events are durable and every later request reflects them.",
    tag: "events",
    scope: "write",
    inputs: { body: describing(bodySchema) },
    answers: { 200: appendSchema },
    errors: [
      "invalid_event",
      "batch_too_large",
      "log_unavailable",
      "log_busy",
      "log_closed",
      "store_unavailable",
      "read_only",
    ],
  });
  app.post("/v1/events", { ...declared, bodyLimit: settings.batchBodyLimit }, async (request, reply) => {
    const limits = { now: clock.now(), makeId, maxBatch: settings.maxBatch };
    const batch = await parseEventBatch(request.body, limits);
    if (!batch.ok) return sendProblem(reply, batch.problem, batch.problems);
    return appendAnswer(await recommender.track(batch.events));
  });
};
