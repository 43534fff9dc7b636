/**
 * A user state as bytes: small, quick to read, and with its newest touch at the end.
 *
 * Rows lie oldest first, vetoes before engagement, so that the everyday change (one newer touch) is an append, and
 * `appendTouches` makes it without decoding anything. Decoding turns all bytes into one string and cuts ids out of
 * it, which is several times cheaper than decoding each id. All numbers are little-endian:
 *
 *     header  version u8 | erasedAt f64 | newest touch's time f64 | bytes of vetoes u32 | vetoes u32 | touches u32
 *     row     time f64 | type and flags u8 | id length u16 | item length u16 | value f64 where there is one | id | item
 *
 * An id is Latin-1 (one byte a character) where that holds it, else UTF-16; lengths are in bytes. Where the touch has a
 * surface, it stands with the item, after a 0, which no surface has.
 */
import type { EpochMs, EventId, ItemId, UserId } from "../core/index.ts";
import { INTERACTION_TYPE_NAMES, type InteractionType, interactionCode, isVeto } from "../events/index.ts";
import { newestFirst } from "./merge-touches.ts";
import type { StateLimits, Touch, UserState } from "./user-state.ts";

const VERSION = 1;
const HEADER = { version: 0, erasedAt: 1, newest: 9, vetoBytes: 17, vetoes: 21, touches: 25, size: 29 };
const ROW = { time: 0, type: 8, idLength: 9, itemLength: 11, size: 13 };
/** Of the byte `type`: four bits of code, then four flags. */
const CODE = 0x0f;
const HAS_SURFACE = 0x10;
const HAS_VALUE = 0x20;
const WIDE_ID = 0x40;
const WIDE_ITEM = 0x80;
const VALUE_BYTES = 8;
/** Between an item and a surface. */
const NOTHING = "\0";
/** What a length of u16 holds; ids are at most 256 characters at the border. */
const MAX_ID_BYTES = 0xffff;

/** A fresh buffer with the whole state. Throws RangeError for ids that no border lets through. */
export function encodeState(state: UserState): Buffer {
  const size = HEADER.size + roomFor(state.vetoes) + roomFor(state.touches);
  const bytes = Buffer.allocUnsafe(size);
  const afterVetoes = writeRows(bytes, HEADER.size, state.vetoes);
  const end = writeRows(bytes, afterVetoes, state.touches);
  bytes[HEADER.version] = VERSION;
  bytes.writeDoubleLE(state.erasedAt, HEADER.erasedAt);
  bytes.writeDoubleLE(state.touches[0]?.time ?? -Infinity, HEADER.newest);
  bytes.writeUInt32LE(afterVetoes - HEADER.size, HEADER.vetoBytes);
  bytes.writeUInt32LE(state.vetoes.length, HEADER.vetoes);
  bytes.writeUInt32LE(state.touches.length, HEADER.touches);
  return bytes.subarray(0, end);
}

/**
 * The state; nothing of it refers to `bytes`. Throws RangeError where they are not what `encodeState` writes.
 *
 * `bytes` may be a larger buffer whose `length` was set to that of the state, as LMDB hands them out.
 */
export function decodeState(user: UserId, bytes: Buffer): UserState {
  const length = bytes.length;
  if (length < HEADER.size) throw new RangeError(`a state has at least ${HEADER.size} bytes, came ${length}`);
  if (bytes[HEADER.version] !== VERSION) {
    throw new RangeError(`expected version ${VERSION} of a state, came ${bytes[HEADER.version]}`);
  }
  const vetoes = new Array<Touch>(rowCount(bytes, HEADER.vetoes));
  const touches = new Array<Touch>(rowCount(bytes, HEADER.touches));
  const text = bytes.toString("latin1");
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const afterVetoes = readRows(bytes, view, text, HEADER.size, vetoes);
  const end = readRows(bytes, view, text, afterVetoes, touches);
  if (end !== length || afterVetoes !== HEADER.size + view.getUint32(HEADER.vetoBytes, true)) {
    throw new RangeError(`the rows of a state end at byte ${end} of ${length}`);
  }
  return { user, touches, vetoes, erasedAt: view.getFloat64(HEADER.erasedAt, true) as EpochMs };
}

/**
 * What `encodeState(mergeTouches(...))` would give, without decoding: for touches that are all engagement, all newer
 * than the newest engagement, so that none of them can be in the state. Undefined for others: the caller then takes
 * the long way.
 */
export function appendTouches(
  bytes: Buffer,
  given: readonly Touch[],
  limits: StateLimits,
): Buffer | undefined {
  const length = bytes.length;
  if (length < HEADER.size || bytes[HEADER.version] !== VERSION) return undefined;
  const floor = Math.max(bytes.readDoubleLE(HEADER.newest), bytes.readDoubleLE(HEADER.erasedAt));
  for (const touch of given) {
    if (!(touch.time > floor) || isVeto(touch.type)) return undefined;
  }
  const touches = newestFirst(given);
  if (touches.length === 0) return undefined;
  const count = bytes.readUInt32LE(HEADER.touches);
  const dropped = Math.max(0, count + touches.length - limits.touches);
  if (dropped > count || bytes.readUInt32LE(HEADER.vetoes) > limits.vetoes) return undefined;
  const firstRow = HEADER.size + bytes.readUInt32LE(HEADER.vetoBytes);
  const kept = skipRows(bytes, firstRow, dropped);
  const longer = Buffer.allocUnsafe(firstRow + (length - kept) + roomFor(touches));
  bytes.copy(longer, 0, 0, firstRow);
  bytes.copy(longer, firstRow, kept, length);
  const end = writeRows(longer, firstRow + (length - kept), touches);
  longer.writeDoubleLE(touches[0]!.time, HEADER.newest);
  longer.writeUInt32LE(count - dropped + touches.length, HEADER.touches);
  return longer.subarray(0, end);
}

/** Bytes that rows of `touches` take at most. */
function roomFor(touches: readonly Touch[]): number {
  let room = 0;
  for (const { id, item, surface } of touches) {
    const place = surface === undefined ? 0 : 1 + surface.length;
    room += ROW.size + VALUE_BYTES + 2 * (id.length + item.length + place);
  }
  return room;
}

/** Writes `touches` (newest first) as rows, oldest first; returns where they end. */
function writeRows(bytes: Buffer, start: number, touches: readonly Touch[]): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let row = start;
  for (let i = touches.length - 1; i >= 0; i--) {
    const touch = touches[i]!;
    let type = interactionCode(touch.type);
    let at = row + ROW.size;
    if (!Number.isNaN(touch.value)) {
      type |= HAS_VALUE;
      view.setFloat64(at, touch.value, true);
      at += VALUE_BYTES;
    }
    let idEnd = writeLatin1(bytes, at, touch.id);
    if (idEnd < 0) {
      type |= WIDE_ID;
      idEnd = at + bytes.write(touch.id, at, "utf16le");
    }
    let { item }: { readonly item: string } = touch;
    if (touch.surface !== undefined) {
      type |= HAS_SURFACE;
      item += NOTHING + touch.surface;
    }
    let itemEnd = writeLatin1(bytes, idEnd, item);
    if (itemEnd < 0) {
      type |= WIDE_ITEM;
      itemEnd = idEnd + bytes.write(item, idEnd, "utf16le");
    }
    if (idEnd - at > MAX_ID_BYTES || itemEnd - idEnd > MAX_ID_BYTES) {
      throw new RangeError(`an id of a touch is longer than ${MAX_ID_BYTES} bytes`);
    }
    view.setFloat64(row + ROW.time, touch.time, true);
    view.setUint8(row + ROW.type, type);
    view.setUint16(row + ROW.idLength, idEnd - at, true);
    view.setUint16(row + ROW.itemLength, itemEnd - idEnd, true);
    row = itemEnd;
  }
  return row;
}

/** Reads rows (oldest first) into all of `touches` (newest first); returns where they end. */
function readRows(bytes: Buffer, view: DataView, text: string, start: number, touches: Touch[]): number {
  let row = start;
  for (let i = touches.length - 1; i >= 0; i--) {
    const type = view.getUint8(row + ROW.type);
    const name = INTERACTION_TYPE_NAMES[type & CODE];
    if (name === undefined) throw new RangeError(`unknown interaction code ${type & CODE}`);
    const time = view.getFloat64(row + ROW.time, true);
    const idLength = view.getUint16(row + ROW.idLength, true);
    const itemLength = view.getUint16(row + ROW.itemLength, true);
    let at = row + ROW.size;
    let value = Number.NaN;
    if (type & HAS_VALUE) {
      value = view.getFloat64(at, true);
      at += VALUE_BYTES;
    }
    const idEnd = at + idLength;
    row = idEnd + itemLength;
    const id = type & WIDE_ID ? bytes.toString("utf16le", at, idEnd) : text.slice(at, idEnd);
    const item = type & WIDE_ITEM ? bytes.toString("utf16le", idEnd, row) : text.slice(idEnd, row);
    // The ids were branded when they were written.
    touches[i] =
      type & HAS_SURFACE
        ? placed(id as EventId, item, name, value, time as EpochMs)
        : { id: id as EventId, item: item as ItemId, type: name, value, time: time as EpochMs };
  }
  return row;
}

/** @param text the item and the surface. Spreading one object into another would take ten times as long. */
function placed(id: EventId, text: string, type: InteractionType, value: number, time: EpochMs): Touch {
  const end = text.lastIndexOf(NOTHING);
  if (end < 0) throw new RangeError("the surface of a touch is missing");
  return { id, item: text.slice(0, end) as ItemId, type, value, time, surface: text.slice(end + 1) };
}

/** Where the `count` rows from `start` on end. */
function skipRows(bytes: Buffer, start: number, count: number): number {
  let row = start;
  for (let i = 0; i < count; i++) {
    const value = bytes[row + ROW.type]! & HAS_VALUE ? VALUE_BYTES : 0;
    row +=
      ROW.size + value + bytes.readUInt16LE(row + ROW.idLength) + bytes.readUInt16LE(row + ROW.itemLength);
  }
  return row;
}

/** The number of rows at `at`, checked against what the bytes can hold. */
function rowCount(bytes: Buffer, at: number): number {
  const count = bytes.readUInt32LE(at);
  if (count > bytes.length / ROW.size) {
    throw new RangeError(`${count} rows do not fit into ${bytes.length} bytes`);
  }
  return count;
}

/** Writes one byte a character and returns the end, or -1 where a character needs more. A loop beats a native call here. */
function writeLatin1(bytes: Buffer, start: number, text: string): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff) return -1;
    bytes[start + i] = code;
  }
  return start + text.length;
}
