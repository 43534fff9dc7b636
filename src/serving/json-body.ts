/**
 * A body becomes a value only if it is UTF-8 and JSON, is not nested beyond a limit, and cannot reach a prototype.
 *
 * The depth is counted on the bytes, before anything is built from them. The messages never quote the body: the
 * parser's own do, and a body holds user ids. A large body is parsed in pieces: the others get their turn in between.
 */
import { isUtf8 } from "node:buffer";
import type { Problem, Result } from "../core/index.ts";
import { isDeeperThan, PIECE, PieceError, parseInPieces, TooManyMembers } from "./json-pieces.ts";

/** @param size bytes that are parsed at once */
export async function parseJsonBody(bytes: Buffer, maxDepth: number, size = PIECE): Promise<Result<unknown>> {
  if (bytes.length === 0) return malformed("body: expected JSON, got nothing. Send a JSON object.");
  if (!isUtf8(bytes)) return malformed("body: expected UTF-8, got other bytes. Encode the JSON as UTF-8.");
  if (await isDeeperThan(bytes, maxDepth)) {
    return refused(`expected at most ${maxDepth} levels of lists and objects, got more. Flatten it.`);
  }
  try {
    const from = hasByteOrderMark(bytes) ? 3 : 0;
    return {
      ok: true,
      value: await parseInPieces({ bytes, size, look: refusePollution }, from, bytes.length),
    };
  } catch (error) {
    if (error instanceof Pollution) {
      return refused('expected no key "__proto__" and no "constructor" with a "prototype". Remove it.');
    }
    if (error instanceof TooManyMembers) {
      return refused("expected objects of a few members, got one of thousands. Send a list of objects.");
    }
    if (!(error instanceof PieceError)) throw error;
    return malformed(
      `body: expected JSON, got ${whereItBreaks(error, bytes)}. Check quotes, commas and brackets.`,
    );
  }
}

function malformed(message: string): { readonly ok: false; readonly problem: Problem } {
  return { ok: false, problem: { code: "malformed_json", message } };
}

function refused(message: string): { readonly ok: false; readonly problem: Problem } {
  return { ok: false, problem: { code: "invalid_request", message: `body: ${message}` } };
}

function hasByteOrderMark(bytes: Buffer): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}

/** Line and column of the fault, where the parser or the place of the piece tells its position. */
function whereItBreaks({ from, text, added, cause }: PieceError, bytes: Buffer): string {
  const position = /at position (\d+)/.exec(cause instanceof Error ? cause.message : "")?.[1];
  if (position === undefined && cause !== undefined) {
    return "a body that is cut off or has a stray character";
  }
  const before = (bytes.toString("utf8", 0, from) + text.slice(added, Number(position ?? 0))).split("\n");
  return `something else at line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

class Pollution extends Error {}

function refusePollution(value: unknown, text: string): void {
  if (MAY_POLLUTE.test(text) && pollutes(value)) throw new Pollution();
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
