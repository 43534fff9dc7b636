/**
 * What is no HTTP at all never becomes a request: the answer is written onto the socket by hand, in the same form as
 * every other error, and the connection is closed, since nobody knows where the next request would begin.
 */
import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { ERRORS, type Problem } from "../core/index.ts";
import { errorBody, JSON_TYPE } from "./error-answer.ts";

/** The client has hung up, in the middle of a request or not: a thousand who do so at once are not to cost an answer each. */
const GONE: ReadonlySet<string | undefined> = new Set(["ECONNRESET", "EPIPE", "HPE_INVALID_EOF_STATE"]);

export function clientErrorHandler(makeRequestId: () => string, observe: (status: number) => void) {
  return (error: NodeJS.ErrnoException, socket: Socket): void => {
    if (GONE.has(error.code) || !socket.writable) {
      socket.destroy();
      return;
    }
    // Node keeps the response under way here; writing into one that has begun would corrupt it.
    const { _httpMessage: underWay } = socket as { _httpMessage?: ServerResponse | null };
    if (underWay?.headersSent === true) {
      socket.destroy();
      return;
    }
    const problem = problemOf(error.code);
    observe(ERRORS[problem.code].status);
    socket.end(rawAnswer(problem, makeRequestId()));
  };
}

function problemOf(code: string | undefined): Problem {
  if (code === "HPE_HEADER_OVERFLOW") {
    const message = "headers: larger than the server accepts. Move long lists into the body of a POST.";
    return { code: "headers_too_large", message };
  }
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return {
      code: "request_timeout",
      message: "The request did not arrive completely in time. Send it again.",
    };
  }
  return { code: "invalid_request", message: "Expected an HTTP/1.1 request, got something else." };
}

function rawAnswer(problem: Problem, request: string): string {
  const { status } = ERRORS[problem.code];
  const body = JSON.stringify(errorBody(problem, request));
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `content-type: ${JSON_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${request}`,
    "x-content-type-options: nosniff",
    "connection: close",
    "",
    body,
  ].join("\r\n");
}
