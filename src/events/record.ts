/**
 * Events as bytes. Nearly all events are interactions and impressions, so these are packed; the other kinds are JSON.
 *
 * interaction: kind u8, flags u8, type u8, time f64, [value f64], texts: id, user, item, [request], [surface]
 * impression:  impression-record.ts
 * anonymous:   anonymous-record.ts
 * the others:  kind u8, id (a text), JSON (a text; the whole event)
 *
 * Texts as byte-writer.ts has them. A record tells its own length; it carries no checksum (the frame around it does).
 */
import type { EpochMs, EventId, ItemId, RequestId, UserId } from "../core/index.ts";
import {
  ANONYMOUS,
  type AnonymousParts,
  readAnonymous,
  skipAnonymous,
  writeAnonymous,
} from "./anonymous-record.ts";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { Event, EventKind, Interaction, StoredEvent } from "./event.ts";
import { type HashKey, hashId } from "./id-hash.ts";
import { IMPRESSION, ImpressionReader, ImpressionWriter, skipImpression } from "./impression-record.ts";
import { INTERACTION_TYPE_NAMES, interactionCode } from "./interaction-type.ts";

/** Kinds in the order of their byte, which never changes; the next one is ANONYMOUS. */
const KINDS = [
  "interaction",
  "impression",
  "item",
  "item-removal",
  "user",
  "erasure",
] as const satisfies EventKind[];
const INTERACTION = 0;
const USER = 4;

const HAS_VALUE = 1;
const HAS_REQUEST = 2;
const ASCII = 4;
const HAS_SURFACE = 8;

/** Kind, flags, type, time, value: what comes before the texts of an interaction. */
const FIXED_BYTES = 3 + 8 + 8;

/** Appends records to a buffer that grows. */
export class RecordWriter {
  private readonly out: ByteWriter;
  private readonly impressions = new ImpressionWriter();
  /** The id of the record written last is `bytes[idStart, idEnd)`. */
  idStart = 0;
  idEnd = 0;

  constructor(capacity = 65_536) {
    this.out = new ByteWriter(capacity);
  }

  get bytes(): Buffer {
    return this.out.bytes;
  }

  /** Where the next byte goes. Setting it back takes records out again. */
  get at(): number {
    return this.out.at;
  }

  set at(position: number) {
    this.out.at = position;
  }

  /** Throws `invalid_event` where the text of an event is not well-formed; `at` is then as before. */
  write(event: Event): void {
    const start = this.out.at;
    try {
      if (event.kind === "interaction") this.interaction(event);
      else if (event.kind === "impression") {
        const [idStart, idEnd] = this.impressions.write(this.out, event);
        this.idStart = idStart;
        this.idEnd = idEnd;
      } else this.json(event);
    } catch (error) {
      this.out.at = start;
      throw error;
    }
  }

  /** Writes what is left of an event whose id's hash is in `hashed`. */
  writeAnonymous(parts: AnonymousParts): void {
    writeAnonymous(this.out, parts);
  }

  /** Takes over a record, or several, as the bytes are. */
  copy(bytes: Buffer, start: number, end: number): void {
    const { out } = this;
    out.ensure(end - start);
    bytes.copy(out.bytes, out.at, start, end);
    out.at += end - start;
  }

  private interaction(event: Interaction): void {
    const { out } = this;
    const { id, user, item, request, value, surface } = event;
    out.ensure(FIXED_BYTES);
    let flags = (value === undefined ? 0 : HAS_VALUE) | (request === undefined ? 0 : HAS_REQUEST);
    const texts: string[] = request === undefined ? [id, user, item] : [id, user, item, request];
    if (surface !== undefined) {
      flags |= HAS_SURFACE;
      texts.push(surface);
    }
    const flagsAt = out.at + 1;
    out.byte(INTERACTION);
    out.byte(flags);
    out.byte(interactionCode(event.type));
    out.float64(event.time);
    if (value !== undefined) out.float64(value);
    if (out.texts(texts)) out.bytes[flagsAt] = flags | ASCII;
    this.idStart = out.textStart;
    this.idEnd = out.firstEnd;
  }

  private json(event: Event): void {
    const { out } = this;
    out.ensure(1);
    out.byte(KINDS.indexOf(event.kind));
    out.text(event.id);
    this.idEnd = out.at;
    this.idStart = out.at - Buffer.byteLength(event.id);
    out.text(JSON.stringify(event));
  }
}

/** Reads records one after the other. The bytes must have passed their checksum: a record that is nonsense throws. */
export class RecordReader {
  private readonly from = new ByteReader();
  private readonly impressions = new ImpressionReader();
  /** Of the record last skipped: its kind, and where its id and its user lie. Only packed kinds show their user. */
  private kind = INTERACTION;
  idStart = 0;
  idEnd = 0;
  userStart = 0;
  userEnd = 0;
  /** Where its time lies; of a record of JSON, where the JSON begins. */
  private timeAt = 0;

  /** Reads from `bytes` on, from `at`. */
  open(bytes: Buffer, at: number): void {
    this.from.open(bytes, at);
  }

  /** Start of the next record. */
  get at(): number {
    return this.from.at;
  }

  next(): StoredEvent {
    const { from } = this;
    const kind = from.bytes[from.at]!;
    if (kind === INTERACTION) return this.interaction();
    if (kind === IMPRESSION) return this.impressions.read(from);
    if (kind === ANONYMOUS) return readAnonymous(from);
    if (!(kind < KINDS.length)) throw new RangeError(`unknown kind of record ${kind}`);
    this.skipId();
    return JSON.parse(from.text(from.bytes.length)) as Event;
  }

  /** Moves past a record; then `hash`, `time`, `userStart` and `isUserFacts` are of it. */
  skip(): void {
    const { from } = this;
    this.kind = from.bytes[from.at]!;
    this.userStart = 0;
    this.userEnd = 0;
    if (this.kind === INTERACTION) this.skipInteraction();
    else if (this.kind === IMPRESSION) {
      this.timeAt = from.at + 6;
      const [idStart, idEnd, userEnd] = skipImpression(from);
      this.idStart = idStart;
      this.idEnd = idEnd;
      this.userStart = idEnd;
      this.userEnd = userEnd;
    } else if (this.kind === ANONYMOUS) this.timeAt = skipAnonymous(from);
    else {
      this.skipId();
      this.timeAt = from.at;
      const length = from.varint();
      from.at += length;
    }
  }

  /** Puts the hash of the id of the record last skipped into `hashed`, at once after `skip`. */
  hash(key: HashKey): void {
    // An anonymous record has no id but the hash, and skipping has put it there.
    if (this.kind !== ANONYMOUS) hashId(this.from.bytes, this.idStart, this.idEnd, key);
  }

  /** EpochMs of the record last skipped. Leaves the reader as it is. */
  get time(): number {
    const { from } = this;
    const { at, bytes } = from;
    from.at = this.timeAt;
    const packed = this.kind === INTERACTION || this.kind === IMPRESSION || this.kind === ANONYMOUS;
    const time = packed ? from.float64() : (JSON.parse(from.text(bytes.length)) as Event).time;
    from.at = at;
    return time;
  }

  /** Whether the record last skipped is a user's facts. */
  get isUserFacts(): boolean {
    return this.kind === USER;
  }

  private skipInteraction(): void {
    const { from } = this;
    const flags = from.bytes[from.at + 1]!;
    this.timeAt = from.at + 3;
    from.at += flags & HAS_VALUE ? 19 : 11;
    const idLength = from.varint();
    const userLength = from.varint();
    let rest = from.varint();
    if (flags & HAS_REQUEST) rest += from.varint();
    if (flags & HAS_SURFACE) rest += from.varint();
    this.idStart = from.at;
    this.idEnd = this.userStart = from.at + idLength;
    this.userEnd = this.userStart + userLength;
    from.at = this.userEnd + rest;
  }

  /** Moves past kind and id of a record of JSON. */
  private skipId(): void {
    const { from } = this;
    from.at++;
    const length = from.varint();
    this.idStart = from.at;
    this.idEnd = from.at + length;
    from.at = this.idEnd;
  }

  private interaction(): Interaction {
    const { from } = this;
    from.at++;
    const flags = from.byte();
    const type = INTERACTION_TYPE_NAMES[from.byte()];
    if (type === undefined) throw new RangeError("unknown type of an interaction");
    const time = from.float64() as EpochMs;
    const value = flags & HAS_VALUE ? from.float64() : undefined;
    const count = 3 + (flags & HAS_REQUEST ? 1 : 0) + (flags & HAS_SURFACE ? 1 : 0);
    const texts = from.texts(count, (flags & ASCII) !== 0, from.bytes.length);
    const event: { -readonly [K in keyof Interaction]: Interaction[K] } = {
      kind: "interaction",
      id: texts[0] as EventId,
      time,
      user: texts[1] as UserId,
      item: texts[2] as ItemId,
      type,
    };
    if (value !== undefined) event.value = value;
    if (flags & HAS_REQUEST) event.request = texts[3] as RequestId;
    if (flags & HAS_SURFACE) event.surface = texts[count - 1]!;
    return event;
  }
}
