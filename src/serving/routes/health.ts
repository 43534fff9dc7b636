/** For supervisors and balancers, without a key: does the process live, and should it get traffic. */
import { healthSchema, readinessAnswer, readinessSchema } from "../answers.ts";
import { declareRoute, type Routes } from "../route.ts";

export const healthRoutes: Routes = (app, { recommender, closing }) => {
  app.get(
    "/healthz",
    declareRoute({
      id: "getHealth",
      lane: "none",
      summary: "Whether the process answers",
      tag: "operations",
      inputs: {},
      answers: { 200: healthSchema },
    }),
    async () => ({ status: "ok" }) as const,
  );

  app.get(
    "/readyz",
    declareRoute({
      id: "getReadiness",
      lane: "none",
      summary: "Whether the server should get traffic",
      description: "503 with the failing checks where it should not.",
      tag: "operations",
      inputs: {},
      answers: { 200: readinessSchema, 503: readinessSchema },
    }),
    async (_request, reply) => {
      if (closing()) {
        const message = "The server is closing.";
        return reply.code(503).send(readinessAnswer(false, [{ name: "serving", level: "failure", message }]));
      }
      const { ready, checks } = await recommender.status();
      if (ready) return readinessAnswer(true, checks);
      const failing = checks.filter((check) => check.level === "failure");
      return reply.code(503).send(readinessAnswer(false, failing));
    },
  );
};
