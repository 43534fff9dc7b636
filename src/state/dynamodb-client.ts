/**
 * The AWS SDK, loaded when a DynamoDB store is opened or set up, with limits on how long a request may take: its own
 * default is for ever. Credentials, and the region where none is configured, are what the SDK finds in its environment.
 */
import type { DynamoDB } from "@aws-sdk/client-dynamodb";
import { UpnextError } from "../core/index.ts";
import type { DynamoDbPlace } from "./state-place.ts";

const DEFAULT_TABLE = "upnext-state";
/** A request and one repetition. More of them is the business of those who have the time. */
const ATTEMPTS = 2;
const CONNECT_MS = 1_000; // guess: connections within a region take a few ms
/**
 * Guess: answers take a few ms, a page of a scan some tens; the rest is for a process that waits for its own processor.
 * No request to a recommender waits so long: near-store.ts sees to that.
 */
export const REQUEST_MS = 5_000;
/** Enough for the reads and the writes that dynamodb-table.ts has under way at once. */
const SOCKETS = 64;

const THROTTLED = new Set([
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "ThrottlingException",
]);
const NO_ACCESS = new Set([
  "AccessDeniedException",
  "CredentialsProviderError",
  "ExpiredTokenException",
  "InvalidSignatureException",
  "UnrecognizedClientException",
]);

export function tableOf(place: DynamoDbPlace): string {
  return place.table ?? DEFAULT_TABLE;
}

export async function dynamoDbClient({ region, endpoint }: DynamoDbPlace): Promise<DynamoDB> {
  const { DynamoDB } = await import("@aws-sdk/client-dynamodb");
  const client = new DynamoDB({
    maxAttempts: ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: REQUEST_MS,
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: SOCKETS },
      httpsAgent: { keepAlive: true, maxSockets: SOCKETS },
    },
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
  });
  // It makes a copy of every answer for a log that nobody keeps: 41 % of the processor time of reading 512 rows.
  client.middlewareStack.remove("loggerMiddleware");
  return client;
}

/** Whether `error` is one of the service's, by its name. */
export function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}

/** Whether the same request may succeed a little later. */
export function isThrottled(error: unknown): boolean {
  return error instanceof Error && THROTTLED.has(error.name);
}

/** `store_unavailable` with the cure, for any error of a request; an UpnextError stays what it is. */
export function unavailable(table: string, what: string, cause: unknown): UpnextError {
  if (cause instanceof UpnextError) return cause;
  const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  return new UpnextError(
    "store_unavailable",
    `DynamoDB state store in table ${table}: ${what} failed (${reason}); ${cureOf(cause)}`,
    { cause },
  );
}

/** The table cannot be used as it is. All of it is a fold of the log, so the cure is always the same. */
export function unusable(table: string, what: string, cause?: unknown): UpnextError {
  const reason = cause instanceof Error ? ` (${cause.message})` : "";
  return new UpnextError(
    "store_unavailable",
    `DynamoDB state store in table ${table}: ${what}${reason}; delete the table and make it again with \`upnext state setup\`, and the state is rebuilt from the log at the next start`,
    { cause },
  );
}

export function foreign(table: string, what: string): UpnextError {
  return new UpnextError(
    "store_unavailable",
    `DynamoDB state store in table ${table}: ${what}; name a table that nobody else uses`,
  );
}

/** The table was made again, or is that of an earlier day. */
export function lost(table: string, what: string): UpnextError {
  return new UpnextError(
    "store_lost",
    `DynamoDB state store in table ${table}: ${what}, so it no longer holds what was written to it; clear it and fill it again from the log`,
  );
}

function cureOf(cause: unknown): string {
  if (isNamed(cause, "ResourceNotFoundException"))
    return "make the table with `upnext state setup`, or see that the table's name, the region and the endpoint are the right ones";
  if (cause instanceof Error && NO_ACCESS.has(cause.name))
    return "give the process AWS credentials that may use this table";
  if (isThrottled(cause)) return "raise the table's capacity; what was not written is replayed from the log";
  return "see that the region and the endpoint are the right ones and can be reached; what was not written is replayed from the log";
}
