/** What the server says about itself: a page of lines to try, metrics, and the description of its API. */
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { consoleFiles } from "../console-files.ts";
import { JSON_TYPE } from "../error-answer.ts";
import { declareRoute, type Routes } from "../route.ts";
import { sendPage, wantsPage } from "./console.ts";

const indexSchema = z
  .object({
    name: z.literal("upnext"),
    docs: z.string(),
    openapi: z.string(),
    try: z.array(z.object({ what: z.string(), line: z.string() })),
  })
  .meta({ id: "Index", description: "What to try, as lines that can be pasted." });

export const operationRoutes: Routes = (app, { metrics, url }) => {
  const index = declareRoute({
    id: "getIndex",
    summary: "What to try",
    description: "A browser, which accepts `text/html`, gets the console instead.",
    tag: "operations",
    scope: "read",
    inputs: {},
    answers: { 200: indexSchema },
  });
  const { page } = consoleFiles();
  const isPage = (request: FastifyRequest) => page !== undefined && wantsPage(request);
  app.get("/", { ...index, config: { ...index.config, isPage } }, async (request, reply) => {
    reply.header("vary", "accept");
    if (isPage(request)) return sendPage(request, reply, page);
    return {
      name: "upnext" as const,
      docs: "docs/api.md",
      openapi: `${url()}/openapi.json`,
      try: linesOf(url()),
    };
  });

  app.get(
    "/metrics",
    declareRoute({
      id: "getMetrics",
      summary: "Metrics for Prometheus",
      tag: "operations",
      scope: "read",
      inputs: {},
      answers: { 200: z.string() },
      answerType: "text/plain",
    }),
    async (_request, reply) => reply.header("content-type", metrics.contentType).send(await metrics.text()),
  );

  // As bytes: to make them of a text of this size takes longer than to answer.
  let description: Buffer | undefined;
  app.get("/openapi.json", { schema: { hide: true }, config: { scope: "read" } }, async (_request, reply) => {
    description ??= Buffer.from(JSON.stringify(app.swagger()));
    return reply.header("content-type", JSON_TYPE).send(description);
  });
};

function linesOf(url: string) {
  const event = `{"user":"u1","item":"v42","type":"watch","value":0.9}`;
  return [
    { what: "five items for a user", line: `curl '${url}/v1/recommendations?user=u1&limit=5'` },
    {
      what: "tell that the user watched one",
      line: `curl -X POST ${url}/v1/events -H 'content-type: application/json' -d '${event}'`,
    },
    { what: "why each item is there", line: `curl '${url}/v1/recommendations?user=u1&limit=5&explain=true'` },
    { what: "what goes with an item", line: `curl ${url}/v1/items/v42/similar` },
    { what: "what is known of the user", line: `curl ${url}/v1/users/u1/state` },
  ];
}
