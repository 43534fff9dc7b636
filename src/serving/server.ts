/** The HTTP server: a thin client of a Recommender. What happens to a request is in steps.ts. */
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { setTimeout as after } from "node:timers/promises";
import type { InjectOptions, LightMyRequestResponse } from "fastify";
import pino from "pino";
import { type Clock, type EventId, type Ms, UpnextError } from "../core/index.ts";
import type { Recommender } from "../pipeline/recommender.ts";
import { Admission } from "./admission/index.ts";
import { keyCheckOf } from "./api-keys.ts";
import { Connections } from "./connections.ts";
import { answerOtherMethods } from "./methods.ts";
import { describeApi } from "./openapi.ts";
import { requestIds } from "./request-id.ts";
import type { ServerMetrics } from "./request-metrics.ts";
import type { App, RouteContext } from "./route.ts";
import { ROUTES } from "./routes/index.ts";
import { SERVER_DEFAULTS, type ServerSettings } from "./settings.ts";
import { addSteps, frame } from "./steps.ts";

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
  /**
   * Is not ready any more, goes on for the time that `lameduck` says, takes no new connections then, waits for requests
   * under way, and resolves. May be called twice.
   */
  close(): Promise<void>;
  /** A request without a socket, for tests. */
  inject(options: InjectOptions): Promise<LightMyRequestResponse>;
}

export async function createServer(parts: ServerParts): Promise<Server> {
  const settings: ServerSettings = { ...SERVER_DEFAULTS, ...parts.settings };
  const logger = settings.logger ?? pino({ level: "warn" });
  const makeRequestId = requestIds();
  let url = `http://${settings.host}:${settings.port}`;
  let listening = false;
  let closing: Promise<void> | undefined;
  const { clock, metrics } = parts;
  const app = frame(settings, makeRequestId, metrics);
  const admission = new Admission({ clock, metrics, ...settings, budgetMs: settings.budgetMs as Ms });
  const connections = new Connections(app.server, settings, clock, metrics);
  metrics.watchAdmission(() => ({ ...admission.figures(), connections: connections.open }));
  const context: RouteContext = {
    recommender: parts.recommender,
    metrics,
    clock,
    settings,
    admission,
    makeId: parts.makeId ?? (() => randomUUID() as string as EventId),
    url: () => url,
    closing: () => closing !== undefined,
  };
  addSteps(app, context, logger, keyCheckOf(settings.apiKeys ?? []), connections);
  await describeApi(app);
  const answerTheRest = answerOtherMethods(app);
  for (const routes of ROUTES) routes(app, context);
  answerTheRest();
  await app.ready();

  return {
    async listen() {
      url = await listen(app, settings);
      listening = true;
      logger.info({ url }, "listening");
      return { url };
    },
    close() {
      closing ??= (async () => {
        // Who sends traffic here has to see that the server is not ready before it stops listening.
        if (listening) await after(settings.lameduck);
        await drain(app, settings.drainTimeout);
        connections.close();
      })();
      return closing;
    },
    inject: (options) => app.inject(options),
  };
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
