/**
 * A body becomes a value only if it is UTF-8 and JSON, is not nested beyond a limit, and cannot reach a prototype.
 *
 * The depth is counted on the bytes, before anything is built from them. The messages never quote the body: the
 * parser's own do, and a body holds user ids.
 */
import { isUtf8 } from "node:buffer";
import type { Problem, Result } from "../core/index.ts";

export function parseJsonBody(bytes: Buffer, maxDepth: number): Result<unknown> {
  if (bytes.length === 0) return malformed("body: expected JSON, got nothing. Send a JSON object.");
  if (!isUtf8(bytes)) return malformed("body: expected UTF-8, got other bytes. Encode the JSON as UTF-8.");
  if (deeperThan(bytes, maxDepth)) {
    const message = `body: expected at most ${maxDepth} levels of lists and objects, got more. Flatten it.`;
    return { ok: false, problem: { code: "invalid_request", message } };
  }
  const text = bytes.toString("utf8", hasByteOrderMark(bytes) ? 3 : 0);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return malformed(
      `body: expected JSON, got ${whereItBreaks(error, text)}. Check quotes, commas and brackets.`,
    );
  }
  if (MAY_POLLUTE.test(text) && pollutes(value)) {
    const message = 'body: expected no key "__proto__" and no "constructor" with a "prototype". Remove it.';
    return { ok: false, problem: { code: "invalid_request", message } };
  }
  return { ok: true, value };
}

function malformed(message: string): { readonly ok: false; readonly problem: Problem } {
  return { ok: false, problem: { code: "malformed_json", message } };
}

function hasByteOrderMark(bytes: Buffer): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Whether brackets outside of strings are nested deeper than `limit`. */
function deeperThan(bytes: Uint8Array, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      if (++depth > limit) return true;
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--;
  }
  return false;
}

/** Line and column of the fault where the parser gave its position. */
function whereItBreaks(error: unknown, text: string): string {
  const position = /at position (\d+)/.exec(error instanceof Error ? error.message : "")?.[1];
  if (position === undefined) return "a body that is cut off or has a stray character";
  const before = text.slice(0, Number(position)).split("\n");
  return `something else at line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

/** The words themselves, or an escape that may spell them. Only bodies with one of these are walked. */
const MAY_POLLUTE = /__proto__|prototype|\\u00[0-7]/;

/** JSON.parse makes "__proto__" an own key; the harm begins when someone merges or copies such an object. */
function pollutes(value: unknown): boolean {
  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next !== "object" || next === null) continue;
    if (Object.hasOwn(next, "__proto__")) return true;
    for (const [key, child] of Object.entries(next)) {
      if (key === "constructor" && typeof child === "object" && child !== null) {
        if (Object.hasOwn(child, "prototype")) return true;
      }
      open.push(child);
    }
  }
  return false;
}
