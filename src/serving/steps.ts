/**
 * What happens to every request, in this order: its id, the key, whether there is room for it, the body, the schema, its
 * turn, the route; whatever fails on the way leaves as one form of error.
 */
import fastify, { type FastifyReply, type FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { UpnextError } from "../core/index.ts";
import { addAdmissionSteps, sendOverloaded } from "./admission/index.ts";
import type { KeyCheck } from "./api-keys.ts";
import { clientErrorHandler } from "./client-errors.ts";
import type { Connections } from "./connections.ts";
import { answerErrors, problemOf, sendProblem } from "./error-answer.ts";
import { parseJsonBody } from "./json-body.ts";
import type { requestIds } from "./request-id.ts";
import { MALFORMED, routeOf, type ServerMetrics, UNKNOWN_ROUTE } from "./request-metrics.ts";
import type { App, RouteContext } from "./route.ts";
import type { ServerSettings } from "./settings.ts";
import { validatorCompiler } from "./validation.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Monotonic milliseconds. */
    startedAt: number;
  }
}

/** The framework with its limits set and everything of it off that would write a line with a URL in it. */
export function frame(
  settings: ServerSettings,
  makeRequestId: ReturnType<typeof requestIds>,
  metrics: ServerMetrics,
): App {
  const app: App = fastify({
    logger: false,
    genReqId: makeRequestId,
    bodyLimit: settings.bodyLimit,
    requestTimeout: settings.requestTimeout,
    keepAliveTimeout: settings.keepAliveTimeout,
    // Requests on connections that are open already are served while closing; their answers close the connection.
    return503OnClosing: false,
    http: {
      maxHeaderSize: settings.headerLimit,
      headersTimeout: settings.headersTimeout,
      // All that are late by then are cut in one go: thousands that came one after the other go so, too.
      connectionsCheckingInterval: Math.min(settings.headersTimeout / 2, settings.requestTimeout / 2, 100),
      // Checked below, so that this error has the same form as the others.
      requireHostHeader: false,
    },
    routerOptions: { maxParamLength: 256 * "%F0%9F%8E%AC".length },
    // Before routing, so without the steps below.
    frameworkErrors: (error, request, reply) => {
      stampHeaders(request, reply);
      sendProblem(reply, problemOf(error) ?? { code: "invalid_request", message: "path: not valid." });
      metrics.observeRequest(UNKNOWN_ROUTE, request.method, reply.statusCode, 0);
    },
    clientErrorHandler: clientErrorHandler(
      () => makeRequestId(),
      (status) => metrics.observeRequest(MALFORMED, "-", status, 0),
    ),
  });
  // RFC 9110 lets a server ignore expectations that it does not know; Node would answer with an empty 417.
  app.server.on("checkExpectation", (request, response) => app.server.emit("request", request, response));
  return app;
}

export function addSteps(
  app: App,
  { clock, metrics, settings, closing, admission }: RouteContext,
  logger: Logger,
  hasKey: KeyCheck,
  connections: Connections,
): void {
  app.decorateRequest("startedAt", 0);
  app.addHook("onRequest", (request, reply, done) => {
    request.startedAt = clock.monotonic();
    request.acceptedAt = admission.turns.arrivedAt();
    const isOneTooMany = !connections.begin(request.raw);
    stampHeaders(request, reply);
    const refusal = refusalOf(request, hasKey);
    if (refusal !== undefined) return done(refusal);
    const rejection = isOneTooMany
      ? "connection_busy"
      : admission.refusalOf(request.routeOptions.config.lane);
    if (rejection === undefined) return done();
    if (isOneTooMany) reply.header("connection", "close");
    admission.countRejection(rejection);
    sendOverloaded(reply, rejection, admission.clearedIn(request.routeOptions.config.lane));
  });
  addAdmissionSteps(app, admission);
  app.addHook("onSend", (_request, reply, _payload, done) => {
    if (closing()) reply.header("connection", "close");
    done();
  });
  app.addHook("onResponse", (request, reply, done) => {
    connections.end(request.raw);
    const ms = clock.monotonic() - request.startedAt;
    const route = routeOf(request);
    metrics.observeRequest(route, request.method, reply.statusCode, ms / 1000);
    if (logger.isLevelEnabled("info")) {
      const { id, method } = request;
      logger.info({ request: id, method, route, status: reply.statusCode, ms }, "request");
    }
    done();
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    "application/json",
    { parseAs: "buffer" },
    async (request: FastifyRequest, bytes: Buffer) => {
      // However slowly it was sent: the budget is the server's time, not the line's.
      request.acceptedAt = admission.turns.arrivedAt();
      const parsed = await parseJsonBody(bytes, settings.maxDepth);
      if (parsed.ok) return parsed.value;
      throw new UpnextError(parsed.problem.code, parsed.problem.message);
    },
  );
  app.setValidatorCompiler(validatorCompiler);
  app.setErrorHandler(answerErrors(logger));
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, NO_ROUTE));
}

/** On every answer. Nearly all of them are about a person: nothing may keep them. None is a page, but the console's. */
function stampHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.header("x-request-id", request.id);
  reply.header("x-content-type-options", "nosniff");
  reply.header("cache-control", "no-store");
  reply.header("content-security-policy", NOTHING);
}

/** What a browser that takes an answer for a page may load and where it may show it. */
const NOTHING = "default-src 'none'; frame-ancestors 'none'";

const NO_ROUTE = {
  code: "not_found",
  message: "path: there is no such route. `GET /` lists what to try, `GET /openapi.json` all of it.",
} as const;

/** Why a request is refused before its body is read. */
function refusalOf(request: FastifyRequest, hasKey: KeyCheck): UpnextError | undefined {
  if (request.is404) return new UpnextError(NO_ROUTE.code, NO_ROUTE.message);
  if (!isDecodable(request.url)) {
    return new UpnextError("invalid_request", "query: holds a broken percent-encoding. Encode as UTF-8.");
  }
  if (request.raw.httpVersion === "1.1" && request.headers.host === undefined) {
    return new UpnextError(
      "invalid_request",
      "host: expected the header, which HTTP/1.1 requires, got nothing.",
    );
  }
  const { scope, isPage } = request.routeOptions.config;
  if (scope === undefined || isPage?.(request)) return undefined;
  const admitted = hasKey(request.headers, scope);
  return admitted.ok ? undefined : new UpnextError(admitted.problem.code, admitted.problem.message);
}

/** The query's parser takes what it cannot decode as it stands; two spellings of an id must not be two users. */
function isDecodable(url: string): boolean {
  if (!url.includes("%")) return true;
  try {
    decodeURIComponent(url);
    return true;
  } catch {
    return false;
  }
}
