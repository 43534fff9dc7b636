/**
 * The rows of the DynamoDB store: keys whose order as bytes is the order of a state, and attributes of few bytes, since
 * DynamoDB charges for each of them, names included.
 *
 *     u        partition key: 0 for the store's own row, 1 and the user's id for the rows of a user
 *     k        sort key: kind u8 (below) | time | the touch's id
 *     i        item, [0, surface]         w  type's code + PLACED where there is a surface u8 | [value]
 *     e        erasedAt, of the row kind 3  expires  seconds since 1970, for the table's own expiry
 *
 * A number is eight bytes that compare as the number does. A text is one to three bytes for each of its UTF-16 units
 * (CESU-8): compared as bytes it has the order of `compareTouches`, no two texts are alike, halves of surrogate pairs
 * included, and ASCII takes one byte a character. With ids of at most 256 characters, `u` has at most 769 bytes and `k`
 * 777; DynamoDB takes 2048 and 1024.
 */
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { EpochMs, EventId, ItemId, UserId } from "../core/index.ts";
import { INTERACTION_TYPE_NAMES, interactionCode, isVeto } from "../events/index.ts";
import type { StateLimits, Touch } from "./user-state.ts";

/** A row as the SDK gives and takes it. */
export type Row = Record<string, AttributeValue>;

/** Read backwards, a partition begins with what the user erased, and then has vetoes before engagement. */
export const KIND = { touch: 1, veto: 2, erasure: 3 } as const;

const USER = 1;
/** Added to the code of a touch that has a surface, which has no 0 in it. */
const PLACED = 0x80;
const ERASURE_KEY = Uint8Array.of(KIND.erasure);

const NUMBER_BYTES = 8;
const ID_START = 1 + NUMBER_BYTES;
/** Above every first byte of a text. */
const AFTER_TEXT = 0xff;

export function partitionOf(user: UserId): Uint8Array {
  const bytes = Buffer.allocUnsafe(1 + 3 * user.length);
  bytes[0] = USER;
  return bytes.subarray(0, writeText(bytes, 1, user));
}

/** The user of a partition, or undefined for the store's own. */
export function userOf(partition: Uint8Array): UserId | undefined {
  return partition[0] === USER ? (readText(partition, 1) as UserId) : undefined; // partitionOf had a UserId
}

export function touchRow(partition: Uint8Array, touch: Touch, limits: StateLimits): Row {
  const row: Row = {
    u: { B: partition },
    k: { B: touchKey(touch) },
    i: { B: textBytes(touch.surface === undefined ? touch.item : `${touch.item}\0${touch.surface}`) },
    w: { B: whatBytes(touch) },
  };
  if (limits.maxAge !== undefined) {
    row["expires"] = { N: String(Math.ceil((touch.time + limits.maxAge) / 1000)) };
  }
  return row;
}

export function erasureKey(partition: Uint8Array): Row {
  return { u: { B: partition }, k: { B: ERASURE_KEY } };
}

/** The sort keys of all touches of a kind at or before `time` lie between these two. */
export function keysUntil(kind: number, time: EpochMs): readonly [Uint8Array, Uint8Array] {
  const last = Buffer.alloc(ID_START + 1, AFTER_TEXT);
  last[0] = kind;
  writeNumber(last, 1, time);
  return [Uint8Array.of(kind), last];
}

export function kindOf(row: Row): number {
  return bytesOf(row, "k")[0] ?? 0;
}

/** Of a touch's row: whether it is to be kept is known without reading the rest. */
export function timeOf(row: Row): EpochMs {
  return readNumber(bytesOf(row, "k"), 1) as EpochMs;
}

/** Throws RangeError where the row is none that `touchRow` makes. */
export function touchOfRow(row: Row): Touch {
  const key = bytesOf(row, "k");
  const what = bytesOf(row, "w");
  const code = what[0] ?? -1;
  const placed = code >= PLACED;
  const type = INTERACTION_TYPE_NAMES[placed ? code - PLACED : code];
  if (type === undefined) throw new RangeError(`unknown interaction code ${code}`);
  if (isVeto(type) !== (key[0] === KIND.veto))
    throw new RangeError(`a row of kind ${key[0]} holds a ${type}`);
  const text = readText(bytesOf(row, "i"), 0);
  const itemEnd = placed ? text.lastIndexOf("\0") : text.length;
  return {
    id: readText(key, ID_START) as EventId, // touchRow had them branded
    item: text.slice(0, itemEnd) as ItemId,
    type,
    value: what.length > 1 ? readNumber(what, 1) : Number.NaN,
    time: timeOf(row),
    ...(placed && { surface: text.slice(itemEnd + 1) }),
  };
}

export function numberBytes(value: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(NUMBER_BYTES);
  writeNumber(bytes, 0, value);
  return bytes;
}

/** Throws RangeError where the row has no such number. */
export function numberOf(row: Row, name: string): number {
  return readNumber(bytesOf(row, name), 0);
}

/** Throws RangeError where the row has no such bytes. */
export function bytesOf(row: Row, name: string): Uint8Array {
  const bytes = row[name]?.B;
  if (bytes === undefined) throw new RangeError(`a row has no bytes in attribute ${name}`);
  return bytes;
}

function touchKey({ time, id, type }: Touch): Uint8Array {
  const key = Buffer.allocUnsafe(ID_START + 3 * id.length);
  key[0] = isVeto(type) ? KIND.veto : KIND.touch;
  writeNumber(key, 1, time);
  return key.subarray(0, writeText(key, ID_START, id));
}

/** Greater for the greater content of two touches of one item: "no value" is shorter, so it is below every value. */
function whatBytes({ type, value, surface }: Touch): Uint8Array {
  const code = interactionCode(type) + (surface === undefined ? 0 : PLACED);
  if (Number.isNaN(value)) return Uint8Array.of(code);
  const bytes = Buffer.allocUnsafe(1 + NUMBER_BYTES);
  bytes[0] = code;
  writeNumber(bytes, 1, value);
  return bytes;
}

/** IEEE 754, big-endian, with the sign turned over, and for negative numbers all other bits too. */
function writeNumber(bytes: Buffer, at: number, value: number): void {
  bytes.writeDoubleBE(value + 0, at); // -0 is the same moment as 0
  if (bytes[at]! < 0x80) bytes[at]! ^= 0x80;
  else for (let i = at; i < at + NUMBER_BYTES; i++) bytes[i]! ^= 0xff;
}

function readNumber(bytes: Uint8Array, at: number): number {
  if (bytes.length < at + NUMBER_BYTES) throw new RangeError(`a number ends at byte ${bytes.length}`);
  const copy = Buffer.from(bytes.subarray(at, at + NUMBER_BYTES));
  if (copy[0]! >= 0x80) copy[0]! ^= 0x80;
  else for (let i = 0; i < NUMBER_BYTES; i++) copy[i]! ^= 0xff;
  return copy.readDoubleBE(0);
}

function textBytes(text: string): Uint8Array {
  const bytes = Buffer.allocUnsafe(3 * text.length);
  return bytes.subarray(0, writeText(bytes, 0, text));
}

/** Returns where the text ends. */
function writeText(bytes: Uint8Array, start: number, text: string): number {
  let at = start;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      bytes[at++] = unit;
    } else {
      if (unit < 0x800) {
        bytes[at++] = 0xc0 | (unit >> 6);
      } else {
        bytes[at++] = 0xe0 | (unit >> 12);
        bytes[at++] = 0x80 | ((unit >> 6) & 0x3f);
      }
      bytes[at++] = 0x80 | (unit & 0x3f);
    }
  }
  return at;
}

/** The text from `start` to the end. */
function readText(bytes: Uint8Array, start: number): string {
  let text = "";
  for (let at = start; at < bytes.length; ) {
    const first = bytes[at++]!;
    if (first < 0x80) {
      text += String.fromCharCode(first);
    } else {
      let unit = first < 0xe0 ? first & 0x1f : ((first & 0x0f) << 6) | (bytes[at++]! & 0x3f);
      unit = (unit << 6) | (bytes[at++]! & 0x3f);
      text += String.fromCharCode(unit);
    }
  }
  return text;
}
