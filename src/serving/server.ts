/**
 * The HTTP server: a thin client of a Recommender. A request goes through these steps, each a file: its id, the key,
 * the body, the schema, the route; whatever fails on the way leaves as one form of error.
 */
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import fastify, {
  type FastifyReply,
  type FastifyRequest,
  type InjectOptions,
  type LightMyRequestResponse,
} from "fastify";
import pino, { type Logger } from "pino";
import { type Clock, type EventId, UpnextError } from "../core/index.ts";
import type { Recommender } from "../pipeline/recommender.ts";
import { type Admission, admissionOf } from "./api-keys.ts";
import { clientErrorHandler } from "./client-errors.ts";
import { answerErrors, problemOf, sendProblem } from "./error-answer.ts";
import { parseJsonBody } from "./json-body.ts";
import { answerOtherMethods } from "./methods.ts";
import { describeApi } from "./openapi.ts";
import { requestIds } from "./request-id.ts";
import { MALFORMED, routeOf, type ServerMetrics, UNKNOWN_ROUTE } from "./request-metrics.ts";
import type { App, RouteContext } from "./route.ts";
import { ROUTES } from "./routes/index.ts";
import { SERVER_DEFAULTS, type ServerSettings } from "./settings.ts";
import { validatorCompiler } from "./validation.ts";

export interface ServerParts {
  readonly recommender: Recommender;
  readonly metrics: ServerMetrics;
  readonly clock: Clock;
  readonly settings?: Partial<ServerSettings>;
  /** Makes the ids of events that have none. */
  readonly makeId?: () => EventId;
}

export interface Server {
  /** Resolves once connections are accepted. Rejects with `invalid_config` where the address cannot be had. */
  listen(): Promise<{ readonly url: string }>;
  /** Takes no new connections, waits for requests under way, then resolves. May be called twice. */
  close(): Promise<void>;
  /** A request without a socket, for tests. */
  inject(options: InjectOptions): Promise<LightMyRequestResponse>;
}

declare module "fastify" {
  interface FastifyRequest {
    /** Monotonic milliseconds. */
    startedAt: number;
  }
}

export async function createServer(parts: ServerParts): Promise<Server> {
  const settings: ServerSettings = { ...SERVER_DEFAULTS, ...parts.settings };
  const logger = settings.logger ?? pino({ level: "warn" });
  const makeRequestId = requestIds();
  let url = `http://${settings.host}:${settings.port}`;
  let closing: Promise<void> | undefined;
  const app = frame(settings, makeRequestId, parts.metrics);
  const context: RouteContext = {
    recommender: parts.recommender,
    metrics: parts.metrics,
    clock: parts.clock,
    settings,
    makeId: parts.makeId ?? (() => randomUUID() as string as EventId),
    url: () => url,
    closing: () => closing !== undefined,
  };
  addSteps(app, context, logger, admissionOf(settings.apiKeys ?? []));
  await describeApi(app);
  const answerTheRest = answerOtherMethods(app);
  for (const routes of ROUTES) routes(app, context);
  answerTheRest();
  await app.ready();

  return {
    async listen() {
      url = await listen(app, settings);
      logger.info({ url }, "listening");
      return { url };
    },
    close() {
      closing ??= drain(app, settings.drainTimeout);
      return closing;
    },
    inject: (options) => app.inject(options),
  };
}

/** The framework with its limits set and everything of it off that would write a line with a URL in it. */
function frame(
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
      // Half of the shortest timeout: Node looks for late requests only this often.
      connectionsCheckingInterval: Math.min(settings.headersTimeout, settings.requestTimeout) / 2,
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

function addSteps(
  app: App,
  { clock, metrics, settings, closing }: RouteContext,
  logger: Logger,
  admission: Admission,
): void {
  app.decorateRequest("startedAt", 0);
  app.addHook("onRequest", (request, reply, done) => {
    request.startedAt = clock.monotonic();
    stampHeaders(request, reply);
    done(refusalOf(request, admission));
  });
  app.addHook("onSend", (_request, reply, _payload, done) => {
    if (closing()) reply.header("connection", "close");
    done();
  });
  app.addHook("onResponse", (request, reply, done) => {
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
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, bytes: Buffer, done) => {
    const parsed = parseJsonBody(bytes, settings.maxDepth);
    if (parsed.ok) done(null, parsed.value);
    else done(new UpnextError(parsed.problem.code, parsed.problem.message));
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setErrorHandler(answerErrors(logger));
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, NO_ROUTE));
}

/** On every answer. Nearly all of them are about a person: nothing may keep them. */
function stampHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.header("x-request-id", request.id);
  reply.header("x-content-type-options", "nosniff");
  reply.header("cache-control", "no-store");
}

const NO_ROUTE = {
  code: "not_found",
  message: "path: there is no such route. `GET /` lists what to try, `GET /openapi.json` all of it.",
} as const;

/** Why a request is refused before its body is read. */
function refusalOf(request: FastifyRequest, admission: Admission): UpnextError | undefined {
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
  const admitted = admission(request.headers, scope);
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

async function listen(app: App, { host, port }: ServerSettings): Promise<string> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown reason";
    const message = `${host}:${port}: expected an address to listen on, got ${reason}. Set another port or host.`;
    throw new UpnextError("invalid_config", message, { cause });
  }
  const address = app.server.address() as AddressInfo;
  const shown = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${shown.includes(":") ? `[${shown}]` : shown}:${address.port}`;
}

/** Closes idle connections at once, waits for the others, and cuts those that are still open after `timeout`. */
async function drain(app: App, timeout: number): Promise<void> {
  const cut = setTimeout(() => app.server.closeAllConnections(), timeout);
  try {
    await app.close();
  } finally {
    clearTimeout(cut);
  }
}
