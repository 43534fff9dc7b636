/**
 * A touch as the member of a sorted set whose score is the time: Redis orders members of one score by their bytes, and
 * these are in the order of merge-touches.ts.
 *
 * Version, id, 0, item, 0, [surface, 0,] code of the type × 2 + 1 where there is a value, the value's 8 bytes, the time's
 * 8 bytes. A surface begins with a byte above all codes, since it has no control characters. Text
 * is written a UTF-16 unit at a time in the manner of UTF-8, which keeps the order of the units (UTF-8 itself does not)
 * and takes one byte for ASCII, so that a touch with an id of 36 characters fits Redis' compact encoding, which ends at
 * 64 bytes a member. The time is there once more since scores cost Redis as much again to read.
 */
import type { EpochMs, EventId, ItemId } from "../core/index.ts";
import { INTERACTION_TYPE_NAMES, interactionCode } from "../events/index.ts";
import type { Touch } from "./user-state.ts";

const VERSION = 1;
const NUMBER = 8;
/** The most that one UTF-16 unit takes. */
const UNIT = 3;
const SIGN = 0x80;
/** Above every code; the first byte of a surface is at least this. */
const FIRST_OF_TEXT = 0x20;
const SCRATCH = Buffer.alloc(NUMBER);

export function encodeMember(touch: Touch): Buffer {
  const { id, item, type, value, time, surface } = touch;
  const units = id.length + item.length + (surface?.length ?? 0);
  const bytes = Buffer.allocUnsafe(UNIT * units + 5 + 2 * NUMBER);
  bytes[0] = VERSION;
  let at = writeText(bytes, writeText(bytes, 1, id), item);
  if (surface !== undefined) at = writeText(bytes, at, surface);
  const hasValue = !Number.isNaN(value);
  bytes[at++] = 2 * interactionCode(type) + (hasValue ? 1 : 0);
  if (hasValue) {
    bytes.writeDoubleBE(value, at);
    turn(bytes, at, bytes[at]! < SIGN);
    at += NUMBER;
  }
  return bytes.subarray(0, bytes.writeDoubleBE(time, at));
}

/** The touches whose members stand one behind the other, at most `limit` of them. Throws RangeError for other bytes. */
export function decodeMembers(bytes: Buffer, limit: number): Touch[] {
  const touches: Touch[] = [];
  const latin1 = bytes.toString("latin1");
  let at = 0;
  while (at < bytes.length && touches.length < limit) {
    if (bytes[at++] !== VERSION)
      throw new RangeError(`expected version ${VERSION} of a member, came ${bytes[at - 1]}`);
    const idEnd = bytes.indexOf(0, at);
    const itemEnd = idEnd < 0 ? -1 : bytes.indexOf(0, idEnd + 1);
    if (itemEnd < 0) throw new RangeError(`a member begins at byte ${at} of ${bytes.length} and has no end`);
    const id = readText(bytes, latin1, at, idEnd);
    const item = readText(bytes, latin1, idEnd + 1, itemEnd);
    const placed = bytes[itemEnd + 1]! >= FIRST_OF_TEXT;
    const placeEnd = placed ? bytes.indexOf(0, itemEnd + 1) : itemEnd;
    if (placeEnd < 0) throw new RangeError(`a surface begins at byte ${itemEnd + 1} and has no end`);
    const code = bytes[placeEnd + 1] ?? -1;
    const type = INTERACTION_TYPE_NAMES[code >> 1];
    if (type === undefined) throw new RangeError(`unknown interaction code ${code >> 1}`);
    at = placeEnd + 2;
    let value = Number.NaN;
    if (code & 1) {
      bytes.copy(SCRATCH, 0, at, at + NUMBER);
      turn(SCRATCH, 0, SCRATCH[0]! >= SIGN);
      value = SCRATCH.readDoubleBE(0);
      at += NUMBER;
    }
    const time = bytes.readDoubleBE(at);
    at += NUMBER;
    // The ids were branded when they were written.
    const touch = { id: id as EventId, item: item as ItemId, type, value, time: time as EpochMs };
    // Without a surface there is no such key; with one, no second object: that would take ten times as long.
    if (placed) (touch as { surface?: string }).surface = readText(bytes, latin1, itemEnd + 1, placeEnd);
    touches.push(touch);
  }
  return touches;
}

/** Makes the bytes of a number ones whose order is that of numbers, and back: positive ones go above negative ones. */
function turn(bytes: Buffer, at: number, positive: boolean): void {
  if (positive) bytes[at] = bytes[at]! ^ SIGN;
  else for (let i = at; i < at + NUMBER; i++) bytes[i] = bytes[i]! ^ 0xff;
}

/** Writes `text` and a 0, and returns where they end. */
function writeText(bytes: Buffer, start: number, text: string): number {
  let at = start;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 2) {
      bytes[at++] = 1; // 0 ends a text
      bytes[at++] = unit + 1;
    } else if (unit < 0x80) {
      bytes[at++] = unit;
    } else if (unit < 0x800) {
      bytes[at++] = 0xc0 | (unit >> 6);
      bytes[at++] = 0x80 | (unit & 0x3f);
    } else {
      bytes[at++] = 0xe0 | (unit >> 12);
      bytes[at++] = 0x80 | ((unit >> 6) & 0x3f);
      bytes[at++] = 0x80 | (unit & 0x3f);
    }
  }
  bytes[at++] = 0;
  return at;
}

function readText(bytes: Buffer, latin1: string, start: number, end: number): string {
  let at = start;
  while (at < end && bytes[at]! < 0x80 && bytes[at]! > 1) at++;
  if (at === end) return latin1.slice(start, end);
  let text = latin1.slice(start, at);
  while (at < end) {
    const first = bytes[at++]!;
    let unit = first;
    if (first === 1) unit = bytes[at++]! - 1;
    else if (first >= 0xe0)
      unit = ((first & 0x0f) << 12) | ((bytes[at++]! & 0x3f) << 6) | (bytes[at++]! & 0x3f);
    else if (first >= 0x80) unit = ((first & 0x1f) << 6) | (bytes[at++]! & 0x3f);
    text += String.fromCharCode(unit);
  }
  return text;
}
