/** The running system as it moves. */

import { liveSchema } from "../live-answer.ts";
import { LiveStream } from "../live-stream.ts";
import { queryInteger } from "../parameters.ts";
import { declareRoute, type Routes } from "../route.ts";
import { closedObject } from "../validation.ts";

const liveQuery = closedObject(
  {
    seconds: queryInteger(1, 3_600)
      .describe("After how many samples the answer ends; absent: when the reader hangs up.")
      .exactOptional(),
  },
  "the query",
);

export const liveRoutes: Routes = (app, { metrics, clock, admission }) => {
  const live = new LiveStream(metrics, clock, admission);
  app.addHook("preClose", async () => live.close());
  app.get(
    "/v1/live",
    declareRoute({
      id: "watchLive",
      lane: "none",
      summary: "The running system, one sample a second",
      description: "Server-sent events; the data of each is one sample.",
      tag: "operations",
      scope: "read",
      inputs: { querystring: liveQuery },
      answers: { 200: liveSchema },
      answerType: "text/event-stream",
    }),
    async (request, reply) => {
      reply.header("content-type", "text/event-stream; charset=utf-8");
      // A proxy in between must not collect what is to be seen at once.
      reply.header("x-accel-buffering", "no");
      return reply.send(live.open(request.query.seconds));
    },
  );
};
