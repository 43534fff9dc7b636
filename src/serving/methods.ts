/** A known path with the wrong method is told which methods it has; OPTIONS asks for the same. */
import type { FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import { sendProblem } from "./error-answer.ts";
import type { App } from "./route.ts";

/** Collects the routes that are added from now on; call the result once all of them are. */
export function answerOtherMethods(app: App): () => void {
  const methodsOf = new Map<string, Set<string>>();
  app.addHook("onRoute", ({ url, method }) => {
    const methods = methodsOf.get(url) ?? new Set();
    for (const name of [method].flat()) methods.add(name);
    methodsOf.set(url, methods);
  });
  return () => {
    for (const [url, methods] of [...methodsOf]) {
      const others = app.supportedMethods.filter((name) => !methods.has(name));
      const allow = [...methods, "OPTIONS"].join(", ");
      app.route({ url, method: others as HTTPMethods[], schema: { hide: true }, ...refusal(allow) });
    }
  };
}

/** Answers before a body is read: it would be read for nothing. */
function refusal(allow: string) {
  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    reply.header("allow", allow);
    if (request.method === "OPTIONS") return reply.code(204).send();
    const message = `method: expected one of ${allow}, got ${request.method}.`;
    return sendProblem(reply, { code: "method_not_allowed", message });
  };
  return { onRequest: answer, handler: answer };
}
