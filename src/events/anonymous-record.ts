/**
 * What compaction leaves of an event, as bytes. The event's id is gone; its hash stays, as the log's id table has it.
 *
 * kind u8, flags u8, size u32 (of all that follows), hash 3 × u32, time f64, [type u8], [value f32], count of items,
 * texts: items
 *
 * The count is a varint, texts are as byte-writer.ts has them. What is in brackets is there where its flag is set.
 */
import type { EpochMs, EventId, ItemId } from "../core/index.ts";
import type { ByteReader } from "./byte-reader.ts";
import { type ByteWriter, VARINT_BYTES } from "./byte-writer.ts";
import type { Anonymous, Event } from "./event.ts";
import { hashed } from "./id-hash.ts";
import { INTERACTION_TYPE_NAMES, INTERACTION_TYPES, interactionCode } from "./interaction-type.ts";

export const ANONYMOUS = 6;

const HAS_TYPE = 1;
const ASCII = 2;
const HAS_VALUE = 4;
const ANSWERED = 8;

/** Kind, flags and size: what comes before the hash. */
const HEAD_BYTES = 1 + 1 + 4;
const HASH_BYTES = 12;
const FIXED_BYTES = HEAD_BYTES + HASH_BYTES + 8 + 1 + 4 + VARINT_BYTES;

export type AnonymousParts = Omit<Anonymous, "kind" | "id">;

/** What compaction leaves of an event beside the hash of its id. */
export function anonymousParts(event: Event): AnonymousParts {
  if (event.kind === "impression") return { items: event.slots.map((slot) => slot.item), time: event.time };
  if (event.kind !== "interaction") return { items: [], time: 0 as EpochMs };
  const { item, time, type, value, request } = event;
  // What was paid is no one's business any more, and no statistic asks for it.
  const counts = value !== undefined && INTERACTION_TYPES[type].value !== "amount";
  return {
    items: [item],
    time,
    type,
    ...(counts && { value: Math.fround(value) }),
    ...(request !== undefined && { answered: true }),
  };
}

/** Writes what is left of an event whose id's hash is in `hashed`. */
export function writeAnonymous(
  out: ByteWriter,
  { items, time, type, value, answered }: AnonymousParts,
): void {
  out.ensure(FIXED_BYTES);
  const start = out.at;
  let flags = (type === undefined ? 0 : HAS_TYPE) | (value === undefined ? 0 : HAS_VALUE);
  if (answered) flags |= ANSWERED;
  out.byte(ANONYMOUS);
  out.at = start + HEAD_BYTES;
  for (let word = 0; word < 3; word++, out.at += 4) out.uint32At(out.at, hashed[word]!);
  out.float64(time);
  if (type !== undefined) out.byte(interactionCode(type));
  if (value !== undefined) out.float32(value);
  out.varint(items.length);
  if (out.texts(items)) flags |= ASCII;
  out.bytes[start + 1] = flags;
  out.uint32At(start + 2, out.at - (start + HEAD_BYTES));
}

/** Reads the record at `from.at`. Throws where it is nonsense. */
export function readAnonymous(from: ByteReader): Anonymous {
  const flags = from.bytes[from.at + 1]!;
  from.at += 2;
  const size = from.uint32();
  const end = from.at + size;
  if (end > from.bytes.length) throw new RangeError("an anonymous event goes past the end of its bytes");
  const id = from.bytes.toString("hex", from.at, from.at + HASH_BYTES) as EventId;
  from.at += HASH_BYTES;
  const time = from.float64() as EpochMs;
  const type = flags & HAS_TYPE ? INTERACTION_TYPE_NAMES[from.byte()] : undefined;
  if (flags & HAS_TYPE && type === undefined) throw new RangeError("unknown type of an anonymous event");
  const value = flags & HAS_VALUE ? from.float32() : undefined;
  const count = from.count(end);
  const items = from.texts(count, (flags & ASCII) !== 0, end) as ItemId[];
  if (from.at !== end) throw new RangeError("an anonymous event does not fill its record");
  return {
    kind: "anonymous",
    id,
    time,
    items,
    ...(type !== undefined && { type }),
    ...(value !== undefined && { value }),
    ...(flags & ANSWERED && { answered: true }),
  };
}

/** Moves past the record at `from.at`, puts its hash into `hashed`, and returns where its time lies. */
export function skipAnonymous(from: ByteReader): number {
  from.at += 2;
  const size = from.uint32();
  const end = from.at + size;
  for (let word = 0; word < 3; word++) hashed[word] = from.uint32();
  const timeAt = from.at;
  from.at = end;
  return timeAt;
}
