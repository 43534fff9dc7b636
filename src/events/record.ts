/**
 * Events as bytes. Nearly all events are interactions, so these are packed; the other kinds are JSON.
 *
 * interaction: kind u8, flags u8, type u8, time f64, [value f64], lengths of id, user, item, [request], their bytes
 * the others:  kind u8, length of id, id, length of JSON, JSON (the whole event)
 *
 * Lengths are LEB128 varints in bytes, numbers little-endian, text UTF-8. The flag ASCII says that bytes are characters:
 * then all texts of a record are made with one call. A record tells its own length; it carries no checksum (the frame
 * around it does).
 */
import {
  type EpochMs,
  type EventId,
  type ItemId,
  type RequestId,
  UpnextError,
  type UserId,
} from "../core/index.ts";
import type { Event, EventKind, Interaction } from "./event.ts";
import { INTERACTION_TYPE_NAMES, interactionCode } from "./interaction-type.ts";

/** Kinds in the order of their byte, which never changes. */
const KINDS = [
  "interaction",
  "impression",
  "item",
  "item-removal",
  "user",
  "erasure",
] as const satisfies EventKind[];
const INTERACTION = 0;

const HAS_VALUE = 1;
const HAS_REQUEST = 2;
const ASCII = 4;

/** Kind, flags, type, time, value, and four lengths of at most five bytes. */
const FIXED_BYTES = 3 + 8 + 8 + 4 * 5;

/** Appends records to a buffer that grows. */
export class RecordWriter {
  bytes: Buffer;
  private view: DataView;
  /** Where the next byte goes. Setting it back takes records out again. */
  at = 0;
  /** The id of the record written last is `bytes[idStart, idEnd)`. */
  idStart = 0;
  idEnd = 0;

  constructor(capacity = 65_536) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
    this.view = viewOf(this.bytes);
  }

  /** Throws `invalid_event` where the text of an event is not well-formed; `at` is then as before. */
  write(event: Event): void {
    const start = this.at;
    try {
      if (event.kind === "interaction") this.interaction(event);
      else this.json(event);
    } catch (error) {
      this.at = start;
      throw error;
    }
  }

  private interaction(event: Interaction): void {
    const { id, user, item, request, value } = event;
    const text = request === undefined ? id + user + item : id + user + item + request;
    this.ensure(FIXED_BYTES + text.length * 3);
    const flags = (value === undefined ? 0 : HAS_VALUE) | (request === undefined ? 0 : HAS_REQUEST);
    const bytes = this.bytes;
    const view = this.view;
    const flagsAt = this.at + 1;
    bytes[this.at] = INTERACTION;
    bytes[flagsAt] = flags | ASCII;
    bytes[this.at + 2] = interactionCode(event.type);
    view.setFloat64(this.at + 3, event.time, true);
    this.at += 11;
    if (value !== undefined) {
      view.setFloat64(this.at, value, true);
      this.at += 8;
    }
    const lengthsAt = this.at;
    this.varint(id.length);
    this.varint(user.length);
    this.varint(item.length);
    if (request !== undefined) this.varint(request.length);
    this.idStart = this.at;
    this.idEnd = this.at + id.length;
    const written = bytes.write(text, this.at, "utf8");
    this.at += written;
    if (written === text.length) return;
    bytes[flagsAt] = flags;
    this.at = lengthsAt;
    this.wideTexts(request === undefined ? [id, user, item] : [id, user, item, request]);
  }

  /** Lengths and bytes of texts that are not ASCII. */
  private wideTexts(texts: readonly string[]): void {
    for (const text of texts) {
      assertWellFormed(text);
      this.varint(Buffer.byteLength(text));
    }
    this.idStart = this.at;
    for (const [index, text] of texts.entries()) {
      this.at += this.bytes.write(text, this.at, "utf8");
      if (index === 0) this.idEnd = this.at;
    }
  }

  private json(event: Event): void {
    const text = JSON.stringify(event);
    assertWellFormed(event.id);
    this.ensure(FIXED_BYTES + (event.id.length + text.length) * 3);
    this.bytes[this.at++] = KINDS.indexOf(event.kind);
    this.varint(Buffer.byteLength(event.id));
    this.idStart = this.at;
    this.at += this.bytes.write(event.id, this.at, "utf8");
    this.idEnd = this.at;
    this.varint(Buffer.byteLength(text));
    this.at += this.bytes.write(text, this.at, "utf8");
  }

  private varint(value: number): void {
    let left = value;
    while (left >= 0x80) {
      this.bytes[this.at++] = (left & 0x7f) | 0x80;
      left >>>= 7;
    }
    this.bytes[this.at++] = left;
  }

  private ensure(more: number): void {
    if (this.at + more <= this.bytes.length) return;
    const wider = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.at + more));
    this.bytes.copy(wider, 0, 0, this.at);
    this.bytes = wider;
    this.view = viewOf(wider);
  }
}

/** Reads records one after the other. The bytes must have passed their checksum: a record that is nonsense throws. */
export class RecordReader {
  private bytes: Buffer = Buffer.alloc(0);
  private view: DataView = viewOf(this.bytes);
  /** Start of the next record. */
  at = 0;
  /** The id of the record last skipped is `bytes[idStart, idEnd)`. */
  idStart = 0;
  idEnd = 0;
  private jsonStart = 0;

  /** Reads from `bytes` on, from `at`. */
  open(bytes: Buffer, at: number): void {
    if (this.bytes !== bytes) {
      this.bytes = bytes;
      this.view = viewOf(bytes);
    }
    this.at = at;
  }

  next(): Event {
    const kind = this.bytes[this.at]!;
    if (kind === INTERACTION) return this.interaction();
    if (kind >= KINDS.length) throw new RangeError(`unknown kind of record ${kind}`);
    this.skip();
    return JSON.parse(this.bytes.toString("utf8", this.jsonStart, this.at)) as Event;
  }

  /** Moves past a record and notes where its id lies. */
  skip(): void {
    const kind = this.bytes[this.at]!;
    if (kind === INTERACTION) {
      const flags = this.bytes[this.at + 1]!;
      this.at += flags & HAS_VALUE ? 19 : 11;
      const idLength = this.varint();
      const rest = this.varint() + this.varint() + (flags & HAS_REQUEST ? this.varint() : 0);
      this.idStart = this.at;
      this.idEnd = this.at + idLength;
      this.at = this.idEnd + rest;
      return;
    }
    this.at++;
    const idLength = this.varint();
    this.idStart = this.at;
    this.idEnd = this.at + idLength;
    this.at = this.idEnd;
    const length = this.varint();
    this.jsonStart = this.at;
    this.at += length;
  }

  private interaction(): Interaction {
    const bytes = this.bytes;
    const view = this.view;
    const flags = bytes[this.at + 1]!;
    const type = INTERACTION_TYPE_NAMES[bytes[this.at + 2]!]!;
    const time = view.getFloat64(this.at + 3, true) as EpochMs;
    const hasValue = (flags & HAS_VALUE) !== 0;
    const value = hasValue ? view.getFloat64(this.at + 11, true) : 0;
    this.at += hasValue ? 19 : 11;
    const idLength = this.varint();
    const userLength = this.varint();
    const itemLength = this.varint();
    const requestLength = flags & HAS_REQUEST ? this.varint() : 0;
    const start = this.at;
    const userAt = idLength;
    const itemAt = userAt + userLength;
    const requestAt = itemAt + itemLength;
    const length = requestAt + requestLength;
    this.at = start + length;
    let id: string;
    let user: string;
    let item: string;
    let request: string | undefined;
    if (flags & ASCII) {
      const text = bytes.toString("latin1", start, start + length);
      id = text.slice(0, userAt);
      user = text.slice(userAt, itemAt);
      item = text.slice(itemAt, requestAt);
      if (flags & HAS_REQUEST) request = text.slice(requestAt);
    } else {
      id = bytes.toString("utf8", start, start + userAt);
      user = bytes.toString("utf8", start + userAt, start + itemAt);
      item = bytes.toString("utf8", start + itemAt, start + requestAt);
      if (flags & HAS_REQUEST) request = bytes.toString("utf8", start + requestAt, start + length);
    }
    const event: { -readonly [K in keyof Interaction]: Interaction[K] } = {
      kind: "interaction",
      id: id as EventId,
      time,
      user: user as UserId,
      item: item as ItemId,
      type,
    };
    if (hasValue) event.value = value;
    if (request !== undefined) event.request = request as RequestId;
    return event;
  }

  private varint(): number {
    let byte = this.bytes[this.at++]!;
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (shift > 28) throw new RangeError("length of more than five bytes");
      byte = this.bytes[this.at++]!;
      value += (byte & 0x7f) * 2 ** shift;
    }
    return value;
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Half a surrogate pair would come back as another character, and so as another id. */
function assertWellFormed(text: string): void {
  if (/\p{Cs}/u.test(text)) {
    const cure = "Send well-formed text.";
    throw new UpnextError(
      "invalid_event",
      `event: expected Unicode text, got half a surrogate pair. ${cure}`,
    );
  }
}
