export { type ApiKey, digestApiKey, SCOPES, type Scope } from "./api-keys.ts";
export type { ErrorBody, IndexedProblem } from "./error-answer.ts";
export type { ServerMetrics } from "./request-metrics.ts";
export { createServer, type Server, type ServerParts } from "./server.ts";
export { SERVER_DEFAULTS, type ServerSettings } from "./settings.ts";
