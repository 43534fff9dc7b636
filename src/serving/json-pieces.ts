/**
 * JSON in pieces: the same value as JSON.parse gives, but other requests get their turn in between.
 *
 * A list whose text is long is cut at the commas between its elements, and an object at those between its members; as
 * many as make a piece are parsed at once, as a list or an object of their own. If every piece is JSON, so is the whole,
 * and the other way round: the text between the brackets of a list is JSON exactly if it is a sequence of such
 * sequences with commas in between, none of them empty. What is longer than a piece by itself is cut in turn.
 */
import { setImmediate as nextTurn } from "node:timers/promises";

/** Bytes that are parsed at once: at most about a millisecond's work, whatever is in them (measured). */
export const PIECE = 32 * 1024;
/** Bytes that are looked through for commas before others get their turn. */
const STRETCH = 256 * 1024;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Looks through bytes in stretches: where strings end, and how deep the brackets are nested. */
class Nesting {
  depth = 0;
  private inString = false;
  private escaped = false;

  /** Takes the next byte; whether it belongs to the structure, and not to a string. */
  take(byte: number): boolean {
    if (this.inString) {
      if (this.escaped) this.escaped = false;
      else if (byte === BACKSLASH) this.escaped = true;
      else if (byte === QUOTE) this.inString = false;
      return false;
    }
    if (byte === QUOTE) this.inString = true;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) this.depth++;
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) this.depth--;
    else return true;
    return false;
  }
}

/** Whether brackets outside of strings are nested deeper than `limit`. */
export async function isDeeperThan(bytes: Uint8Array, limit: number): Promise<boolean> {
  const nesting = new Nesting();
  for (let from = 0; from < bytes.length; from += STRETCH) {
    if (from > 0) await nextTurn();
    const to = Math.min(bytes.length, from + STRETCH);
    for (let i = from; i < to; i++) {
      nesting.take(bytes[i]!);
      if (nesting.depth > limit) return true;
    }
  }
  return false;
}

/** A piece that is not JSON. */
export class PieceError extends Error {
  /** Byte of the body at which the text begins that is not JSON. */
  readonly from: number;
  /** What was parsed: that text, with `added` characters in front. */
  readonly text: string;
  readonly added: number;

  constructor(from: number, text: string, added: number, cause?: unknown) {
    super("not JSON", { cause });
    this.from = from;
    this.text = text;
    this.added = added;
  }
}

/** Members of an object that is longer than a piece: who checks it looks at all of them at once. No event has as many. */
const MOST_MEMBERS = 4_000;

/** An object with more members than any that is meant. */
export class TooManyMembers extends Error {}

/** What is parsed. */
interface Body {
  readonly bytes: Buffer;
  /** Bytes that are parsed at once. */
  readonly size: number;
  /** Sees each piece, and the text that it was parsed from, before it becomes a part of the whole. May throw. */
  readonly look: (value: unknown, text: string) => void;
}

/** The value of the bytes from `from` to `to`. Rejects with a PieceError where they are not JSON. */
export async function parseInPieces(body: Body, from: number, to: number): Promise<unknown> {
  const { bytes, size } = body;
  const [start, end] = trimmed(bytes, from, to);
  const first = bytes[start];
  if (end - start <= size || (first !== OPEN_LIST && first !== OPEN_OBJECT)) {
    return parsePiece(body, start, end, "", "");
  }
  const isList = first === OPEN_LIST;
  if (bytes[end - 1] !== (isList ? CLOSE_LIST : CLOSE_OBJECT)) throw new PieceError(end - 1, "", 0);
  const [inner, innerEnd] = trimmed(bytes, start + 1, end - 1);
  if (inner === innerEnd) return isList ? [] : {};
  return isList ? listIn(body, inner, innerEnd) : objectIn(body, inner, innerEnd);
}

async function listIn(body: Body, from: number, to: number): Promise<unknown[]> {
  const list: unknown[] = [];
  for await (const part of partsOf(body, from, to)) {
    if (part.isLong) {
      list.push(await parseInPieces(body, part.from, part.to));
      continue;
    }
    const elements = parsePiece(body, part.from, part.to, "[", "]") as unknown[];
    if (elements.length === 0) throw new PieceError(part.from, "", 0);
    for (const element of elements) list.push(element);
  }
  return list;
}

async function objectIn(body: Body, from: number, to: number): Promise<object> {
  const object: Record<string, unknown> = {};
  let count = 0;
  for await (const part of partsOf(body, from, to)) {
    if (part.isLong) {
      const colon = colonAfterKey(body.bytes, part.from, part.to);
      const name = parsePiece(body, part.from, colon, "{", ":0}") as object;
      const value = await parseInPieces(body, colon + 1, part.to);
      for (const key of Object.keys(name)) {
        // As one piece it would have been seen together.
        if (key === "constructor" && isObject(value) && Object.hasOwn(value, "prototype")) {
          body.look({ constructor: { prototype: 0 } }, "prototype");
        }
        object[key] = value;
      }
      continue;
    }
    const members = parsePiece(body, part.from, part.to, "{", "}") as object;
    const keys = Object.keys(members);
    if (keys.length === 0) throw new PieceError(part.from, "", 0);
    count += keys.length;
    if (count > MOST_MEMBERS) throw new TooManyMembers();
    Object.assign(object, members);
  }
  return object;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** A piece by itself, within brackets where it is a part of a list or an object. */
function parsePiece({ bytes, look }: Body, from: number, to: number, open: string, close: string): unknown {
  const text = open + bytes.toString("utf8", from, to) + close;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new PieceError(from, text, open.length, cause);
  }
  look(value, text);
  return value;
}

interface Part {
  readonly from: number;
  readonly to: number;
  /** One element or member that is longer than a piece. */
  readonly isLong: boolean;
}

/** What stands between the brackets of a list or an object, cut at its commas. Others get their turn between two. */
async function* partsOf({ bytes, size }: Body, from: number, to: number): AsyncGenerator<Part> {
  const nesting = new Nesting();
  /** Where the next part begins, and where the last element of it does. */
  let start = from;
  let element = from;
  let looked = 0;
  for (let i = from; i <= to; i++) {
    const isEnd = i === to;
    if (!isEnd && !(nesting.take(bytes[i]!) && bytes[i] === COMMA && nesting.depth === 0)) {
      if (nesting.depth < 0) throw new PieceError(i, "", 0);
      if (++looked % STRETCH === 0) await nextTurn();
      continue;
    }
    const isLong = i - element > size;
    if (isLong && element > start) yield { from: start, to: element - 1, isLong: false };
    if (isLong) yield { from: element, to: i, isLong: true };
    else if (isEnd || i - start > size) yield { from: start, to: i, isLong: false };
    else {
      element = i + 1;
      continue;
    }
    await nextTurn();
    start = i + 1;
    element = start;
  }
}

/** The colon of a member, behind its name. */
function colonAfterKey(bytes: Buffer, from: number, to: number): number {
  const nesting = new Nesting();
  for (let i = from; i < to; i++) if (nesting.take(bytes[i]!) && bytes[i] === COLON) return i;
  throw new PieceError(from, "", 0);
}

/** Without the white space at both ends. */
function trimmed(bytes: Buffer, from: number, to: number): readonly [start: number, end: number] {
  let start = from;
  let end = to;
  while (start < end && isSpace(bytes[start]!)) start++;
  while (end > start && isSpace(bytes[end - 1]!)) end--;
  return [start, end];
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
