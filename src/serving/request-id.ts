/**
 * The name of an HTTP request: the caller's `x-request-id` where it is harmless in a header and a log line, otherwise
 * a random prefix of this server and a counter. It stands in the answer's header, in its error and in the log line.
 */
import { randomBytes } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

const HARMLESS = /^[\w.:+/=@-]{1,128}$/;

/** A source of request ids; `prefix` tells the ids of two servers apart. */
export function requestIds(
  prefix: string = randomBytes(4).toString("hex"),
): (raw?: { readonly headers: IncomingHttpHeaders }) => string {
  let count = 0;
  return (raw) => {
    const given = raw?.headers["x-request-id"];
    if (typeof given === "string" && HARMLESS.test(given)) return given;
    count += 1;
    return `${prefix}-${count.toString(36)}`;
  };
}
