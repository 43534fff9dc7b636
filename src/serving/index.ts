export { type ApiKey, digestApiKey, type Scope } from "./api-keys.ts";
export type { ErrorBody, IndexedProblem } from "./error-answer.ts";
export type { ServerMetrics } from "./request-metrics.ts";
export { createServer, type Server, type ServerParts } from "./server.ts";
export type { ServerSettings } from "./settings.ts";
