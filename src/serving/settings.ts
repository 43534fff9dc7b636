/** What can be set about the server; the values are limits that keep one client from taking the process down. */
import type { Logger } from "pino";
import type { ApiKey } from "./api-keys.ts";

export interface ServerSettings {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Absent or empty: everyone may do everything (right for 127.0.0.1, wrong for the open network). */
  readonly apiKeys?: readonly ApiKey[];
  /** Bytes of a body. */
  readonly bodyLimit: number;
  /** Bytes of the body of `POST /v1/events`. */
  readonly batchBodyLimit: number;
  /** Events in one `POST /v1/events`. */
  readonly maxBatch: number;
  /** Levels of objects and lists within each other in a body. */
  readonly maxDepth: number;
  /** Bytes of the request line and the headers together. */
  readonly headerLimit: number;
  /** Milliseconds until the headers must have arrived: a slow sender must not hold a connection. */
  readonly headersTimeout: number;
  /** Milliseconds until the whole request must have arrived. */
  readonly requestTimeout: number;
  /** Milliseconds that an idle connection is kept; above the 60 s after which common balancers drop theirs. */
  readonly keepAliveTimeout: number;
  /** Milliseconds that an answer may wait for a client that does not read; its connection is cut then. */
  readonly sendTimeout: number;
  /** Open connections; for another one, one goes that asks nothing. */
  readonly maxConnections: number;
  /** Requests under way on one connection. */
  readonly maxPipelined: number;
  /** Requests that may wait for their turn, in each lane. */
  readonly maxWaiting: number;
  /** Milliseconds that a recommendation may take, waiting included, unless the request says otherwise. */
  readonly budgetMs: number;
  /** Milliseconds that `close` goes on serving, but is not ready: as long as a balancer takes to look twice. */
  readonly lameduck: number;
  /** Milliseconds that `close` waits for requests under way before it cuts their connections. */
  readonly drainTimeout: number;
  /** At `warn` there is a line for each failure of the server, at `info` a line for each request. */
  readonly logger?: Logger;
}

export const SERVER_DEFAULTS = {
  host: "127.0.0.1",
  port: 8080,
  bodyLimit: 1024 * 1024,
  batchBodyLimit: 8 * 1024 * 1024,
  maxBatch: 10_000,
  maxDepth: 16,
  headerLimit: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  sendTimeout: 30_000,
  maxConnections: 10_000,
  maxPipelined: 32,
  maxWaiting: 1_000,
  budgetMs: 50,
  lameduck: 0,
  drainTimeout: 10_000,
} as const satisfies ServerSettings;
