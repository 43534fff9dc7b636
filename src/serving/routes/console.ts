/**
 * The console: one page for every view (its links are read by the page itself), and the files that the page loads.
 *
 * The page is no secret and needs no key; what it shows, it asks the API for, with the key that its reader gives it.
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import { type ConsoleFile, consoleFiles } from "../console-files.ts";
import { sendProblem } from "../error-answer.ts";
import type { Routes } from "../route.ts";

/** Nothing from elsewhere, and no script in the page itself. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const FOREVER = "public, max-age=31536000, immutable";

export const consoleRoutes: Routes = (app) => {
  const { page, files } = consoleFiles();
  const hidden = { schema: { hide: true } };
  app.get<{ Params: { "*": string } }>("/console/*", hidden, async (request, reply) => {
    const path = request.params["*"];
    const file = path === "" ? undefined : files.get(path);
    // Files have the hash of their content in their names.
    if (file !== undefined && file !== page) return sendFile(request, reply, file, FOREVER);
    return path.startsWith("assets/") ? sendProblem(reply, NO_FILE) : sendPage(request, reply, page);
  });
  app.get("/console", hidden, async (request, reply) => sendPage(request, reply, page));
};

const NO_FILE = {
  code: "not_found",
  message: "path: the console has no such file. Load the page again: it was built anew.",
} as const;

const NOT_BUILT = {
  code: "not_found",
  message: "path: the console is not built. Build it with: npm run build",
} as const;

/** Whether a browser asks for something to look at; programs, and `curl`, take what comes. */
export function wantsPage({ headers }: FastifyRequest): boolean {
  return headers.accept?.includes("text/html") ?? false;
}

export function sendPage(
  request: FastifyRequest,
  reply: FastifyReply,
  page: ConsoleFile | undefined,
): FastifyReply {
  if (page === undefined) return sendProblem(reply, NOT_BUILT);
  reply.header("content-security-policy", POLICY).header("referrer-policy", "no-referrer");
  return sendFile(request, reply, page, "no-cache");
}

function sendFile(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  { type, bytes, gzip, etag }: ConsoleFile,
  caching: string,
): FastifyReply {
  reply.header("cache-control", caching).header("etag", etag).header("vary", "accept, accept-encoding");
  if (headers["if-none-match"] === etag) return reply.code(304).send();
  reply.header("content-type", type);
  if (!/\bgzip\b/.test(headers["accept-encoding"] ?? "")) return reply.send(bytes);
  return reply.header("content-encoding", "gzip").send(gzip);
}
