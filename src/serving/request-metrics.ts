/** Counts and times requests by the pattern of their route: a raw URL holds user ids and has no bound. */
import type { FastifyRequest } from "fastify";
import type { AdmissionMetrics, Metrics } from "../monitoring/index.ts";

/** What the server needs of the metrics. What is counted about recommendations and events, the Recommender counts. */
export type ServerMetrics = AdmissionMetrics &
  Pick<Metrics, "observeRequest" | "live" | "contentType" | "text">;

/** For requests that no route took. */
export const UNKNOWN_ROUTE = "(unknown)";
/** For what was no HTTP. */
export const MALFORMED = "(malformed)";

/** The pattern of the request's route, such as `/v1/users/:id`. */
export function routeOf(request: FastifyRequest): string {
  return request.is404 ? UNKNOWN_ROUTE : (request.routeOptions.url ?? UNKNOWN_ROUTE);
}
