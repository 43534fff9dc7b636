/**
 * Every failure leaves the server in one form: `{ error: { code, message, docs, request } }`.
 *
 * An UpnextError and a Problem say themselves what they are. The HTTP framework's errors are translated here. All the
 * rest is a bug: the client gets the code `internal` and the request's id, the log line gets the cause.
 */
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { ERRORS, type ErrorCode, type Problem, UpnextError } from "../core/index.ts";
import { describeFailure, usersOf } from "./failure-line.ts";

/** A bad element of a batch. */
export interface IndexedProblem {
  readonly index: number;
  readonly message: string;
}

export interface ErrorBody {
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    /** Where the code is explained. */
    readonly docs: string;
    /** The id of the HTTP request, which the log line carries too. */
    readonly request: string;
    /** For a batch: which elements are bad, at most 20 of them. */
    readonly problems?: readonly IndexedProblem[];
  };
}

export const JSON_TYPE = "application/json; charset=utf-8";

export function errorBody(
  problem: Problem,
  request: string,
  problems?: readonly IndexedProblem[],
): ErrorBody {
  const { code, message } = problem;
  const error = { code, message, docs: `docs/errors.md#${code}`, request };
  return { error: problems === undefined ? error : { ...error, problems } };
}

/** Ends the request with a problem. */
export function sendProblem(
  reply: FastifyReply,
  problem: Problem,
  problems?: readonly IndexedProblem[],
): FastifyReply {
  const { status } = ERRORS[problem.code];
  reply.code(status).header("content-type", JSON_TYPE);
  if (status === 401) reply.header("www-authenticate", "Bearer");
  if (status === 503 && !reply.hasHeader("retry-after")) reply.header("retry-after", "1");
  return reply.send(JSON.stringify(errorBody(problem, reply.request.id, problems)));
}

/** What the framework refuses itself, by its code. */
const FRAMEWORK_ERRORS: Readonly<Record<string, Problem>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: {
    code: "body_too_large",
    message: "body: larger than this route accepts. Split it into several requests.",
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: "unsupported_media_type",
    message: "content-type: expected application/json, got another type or none. Send the header.",
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: "invalid_request",
    message: "content-length: differs from the size of the body. Let the HTTP client set it.",
  },
  FST_ERR_BAD_URL: {
    code: "invalid_request",
    message: "path: holds a broken percent-encoding. Encode ids with encodeURIComponent.",
  },
  FST_ERR_MAX_PARAM_LENGTH: {
    code: "invalid_request",
    message: "path: an id is too long, expected at most 256 characters. Check the id.",
  },
};

/** The problem behind a thrown value; undefined where it is a bug. */
export function problemOf(thrown: unknown): Problem | undefined {
  if (thrown instanceof UpnextError) return { code: thrown.code, message: thrown.message };
  if (!(thrown instanceof Error)) return undefined;
  const { code, statusCode } = thrown as Partial<FastifyError>;
  const known = code === undefined ? undefined : FRAMEWORK_ERRORS[code];
  if (known !== undefined) return known;
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return {
      code: "invalid_request",
      message: "The request was cut off or is not valid HTTP. Send it again.",
    };
  }
  return undefined;
}

/** The one handler of thrown errors; one line in the log for each failure that is the server's own. */
export function answerErrors(logger: Logger) {
  return (thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const problem = problemOf(thrown) ?? {
      code: "internal" as const,
      message: `The server made a mistake. The log line of request ${request.id} has the cause; please report it.`,
    };
    if (ERRORS[problem.code].status >= 500) {
      const { method, url: route } = request.routeOptions;
      const error = describeFailure(thrown, usersOf(request));
      logger.error({ request: request.id, method, route, code: problem.code, error }, "request failed");
    }
    return sendProblem(reply, problem);
  };
}
