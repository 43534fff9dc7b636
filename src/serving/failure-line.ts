/**
 * A failure as it stands in the log. A bug's message may quote anything, the user of the request included; whatever
 * the request says about its user is taken out of the messages. Stack frames hold no data.
 */
import type { FastifyRequest } from "fastify";

export interface FailureLine {
  readonly name: string;
  readonly message: string;
  readonly frames: readonly string[];
  readonly cause?: FailureLine;
}

/** Causes within causes that are told. */
const MAX_CAUSES = 5;

export function describeFailure(thrown: unknown, users: ReadonlySet<string>, depth = 0): FailureLine {
  if (!(thrown instanceof Error)) return { name: typeof thrown, message: "thrown, but no error", frames: [] };
  const { name, message, stack = "", cause } = thrown;
  const frames = stack
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim());
  const line = { name, message: without(message, users), frames };
  if (cause === undefined || depth === MAX_CAUSES) return line;
  return { ...line, cause: describeFailure(cause, users, depth + 1) };
}

function without(message: string, users: ReadonlySet<string>): string {
  let text = message;
  for (const user of users) if (text.includes(user)) text = text.replaceAll(wholeWord(user), "…");
  return text;
}

/** Not inside of longer words: the user "a" must not make every message unreadable. */
function wholeWord(user: string): RegExp {
  const literal = user.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`(?<!\\w)${literal}(?!\\w)`, "g");
}

/** The users that a request names: in its path, its query and its body, batches included. */
export function usersOf(request: FastifyRequest): ReadonlySet<string> {
  const users = new Set<string>();
  const { params, query, body } = request;
  const wrapped = isRecord(body) && Array.isArray(body["events"]) ? body["events"] : [];
  for (const part of [query, body, ...(Array.isArray(body) ? body : wrapped)]) {
    if (isRecord(part) && typeof part["user"] === "string" && part["user"] !== "") users.add(part["user"]);
  }
  if (isRecord(params) && typeof params["id"] === "string") users.add(params["id"]);
  return users;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
