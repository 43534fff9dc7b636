/**
 * zod as the framework's validator, with messages that say where, what was expected and what came.
 *
 * The schemas carry the "expected …" half. What came is quoted only for parameters that cannot name a person or what
 * someone watched; of all others the kind and the size are told.
 */
import type { FastifySchemaCompiler } from "fastify";
import { z } from "zod";
import { UpnextError } from "../core/index.ts";
import { nearest } from "../events/index.ts";

/** Problems told at once: more do not help the reader. */
const MAX_TOLD = 5;

/** Parameters whose values may be quoted. */
const QUOTABLE: ReadonlySet<unknown> = new Set(["limit", "after", "budgetMs", "allowSeen", "explain", "log"]);

const descriptions = new WeakSet<z.ZodType>();

/**
 * A body schema that describes but does not check: the body becomes events, and parseEvent refuses an event with the
 * same words on every way in.
 */
export function describing<T extends z.ZodType>(schema: T): T {
  descriptions.add(schema);
  return schema;
}

export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const place = httpPart === "querystring" ? "query" : (httpPart ?? "body");
  if (descriptions.has(schema)) return (value) => ({ value });
  return (data) => {
    const parsed = schema.safeParse(data, { reportInput: true });
    if (parsed.success) return { value: parsed.data };
    return { error: new UpnextError("invalid_request", describeIssues(parsed.error, place)) };
  };
};

/** All issues in one line; `place` names the whole where an issue has no path. */
function describeIssues(error: z.core.$ZodError, place: string): string {
  const told = error.issues.slice(0, MAX_TOLD).map((issue) => describe(issue, place));
  const left = error.issues.length - told.length;
  return left === 0 ? told.join("; ") : `${told.join("; ")}; and ${left} more`;
}

function describe(issue: z.core.$ZodIssue, place: string): string {
  const where = issue.path.length === 0 ? place : issue.path.map(step).join("").replace(/^\./, "");
  if (issue.code === "unrecognized_keys") return `${where}: ${issue.message}`;
  const quotable = QUOTABLE.has(issue.path.at(-1));
  return `${where}: ${issue.message}, got ${came(issue.input, quotable, place)}`;
}

function step(part: PropertyKey): string {
  if (typeof part === "number") return `[${part}]`;
  return /^[\w-]{1,64}$/.test(String(part)) ? `.${String(part)}` : "[…]";
}

function came(input: unknown, quotable: boolean, place: string): string {
  if (input === undefined) return "nothing";
  if (input === null) return "null";
  if (Array.isArray(input))
    return place === "query" ? `it ${input.length} times` : `a list of ${input.length}`;
  if (typeof input === "object") return "an object";
  if (typeof input === "string") {
    return quotable && input.length <= 64 ? JSON.stringify(input) : `a string of ${input.length} characters`;
  }
  return quotable || typeof input === "boolean" ? String(input) : `a ${typeof input}`;
}

/** An object with these keys and no other; a misspelt key is answered with the nearest one. */
export function closedObject<T extends z.core.$ZodShape>(shape: T, what: string) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== "unrecognized_keys") return `expected ${what} as an object`;
      // The code tells the kind of issue, which zod's own type of this callback leaves open.
      const key = String((issue as unknown as z.core.$ZodIssueUnrecognizedKeys).keys[0]);
      const close = nearest(key, known);
      const cure = close === undefined ? "Remove it." : `Did you mean "${close}"?`;
      const list = known.length === 0 ? "none" : known.join(", ");
      return `got the unknown key ${quoteKey(key)} in ${what}, expected only ${list}. ${cure}`;
    },
  });
}

/** A key may be anything that was put in the wrong place: quoted only where it looks like a name. */
function quoteKey(key: string): string {
  return /^[a-zA-Z_]{1,32}$/.test(key) ? `"${key}"` : `of ${key.length} characters`;
}
