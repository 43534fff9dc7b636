/**
 * User states as a stream of chunks, to be written out and to start from again.
 *
 * A chunk is a list of states; each is small enough to be read at once. Chunks carry no checksum: the file around them
 * does. Numbers are little-endian:
 *
 *     bytes a character of the user's id u8 | bytes of the id u16 | bytes of the state u32 | id | state (state-codec.ts)
 *
 * An id is Latin-1 where that holds it, else UTF-16.
 */
import type { EpochMs, UserId } from "../core/index.ts";
import { eraseBefore } from "./merge-touches.ts";
import { decodeState, encodeState } from "./state-codec.ts";
import type { UserState } from "./user-state.ts";

/** A chunk is closed once it has so many bytes: some hundred users, a millisecond's work. */
const CHUNK_BYTES = 256 * 1024;
const ENTRY_HEADER = 7;

/** States that say nothing are left out. */
export async function* encodeStates(states: AsyncIterable<UserState>): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let size = 0;
  for await (const state of states) {
    if (isEmpty(state)) continue;
    const entry = encodeEntry(state);
    parts.push(entry);
    size += entry.length;
    if (size < CHUNK_BYTES) continue;
    yield Buffer.concat(parts, size);
    parts = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(parts, size);
}

/** The states of a chunk. Throws RangeError where the bytes are not what `encodeStates` makes. */
export function* decodeStates(chunk: Buffer): Generator<UserState> {
  for (const { user, start, end } of entriesOf(chunk)) yield decodeState(user, chunk.subarray(start, end));
}

/**
 * The chunk without what erasures took of its users. Undefined where it holds nothing of theirs at or before their
 * erasures.
 */
export function forgetInStates(chunk: Buffer, erasures: ReadonlyMap<UserId, number>): Buffer | undefined {
  const parts: Buffer[] = [];
  let kept = 0;
  for (const { user, start, end, from } of entriesOf(chunk)) {
    const time = erasures.get(user);
    if (time === undefined) continue;
    const before = decodeState(user, chunk.subarray(start, end));
    const after = eraseBefore(before, time as EpochMs);
    if (after.touches.length === before.touches.length && after.vetoes.length === before.vetoes.length)
      continue;
    parts.push(chunk.subarray(kept, from), encodeEntry(after));
    kept = end;
  }
  return kept === 0 ? undefined : Buffer.concat([...parts, chunk.subarray(kept)]);
}

function isEmpty({ touches, vetoes, erasedAt }: UserState): boolean {
  return touches.length === 0 && vetoes.length === 0 && erasedAt === -Infinity;
}

function encodeEntry(state: UserState): Buffer {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: every character of one byte is meant
  const width = /^[\x00-\xff]*$/.test(state.user) ? 1 : 2;
  const id = Buffer.from(state.user, width === 1 ? "latin1" : "utf16le");
  const bytes = encodeState(state);
  const header = Buffer.allocUnsafe(ENTRY_HEADER);
  header.writeUInt8(width, 0);
  header.writeUInt16LE(id.length, 1);
  header.writeUInt32LE(bytes.length, 3);
  return Buffer.concat([header, id, bytes]);
}

/** One state of a chunk: its entry begins at `from`, its bytes are `chunk[start, end)`. */
interface Entry {
  readonly user: UserId;
  readonly from: number;
  readonly start: number;
  readonly end: number;
}

function* entriesOf(chunk: Buffer): Generator<Entry> {
  for (let from = 0; from < chunk.length; ) {
    if (from + ENTRY_HEADER > chunk.length) throw new RangeError(`a state is cut off at byte ${from}`);
    const width = chunk.readUInt8(from);
    if (width !== 1 && width !== 2)
      throw new RangeError(`expected one or two bytes a character, got ${width}`);
    const id = from + ENTRY_HEADER;
    const start = id + chunk.readUInt16LE(from + 1);
    const end = start + chunk.readUInt32LE(from + 3);
    if (end > chunk.length) throw new RangeError(`a state is cut off at byte ${from}`);
    // The id was branded when it was written.
    const user = chunk.toString(width === 1 ? "latin1" : "utf16le", id, start) as UserId;
    yield { user, from, start, end };
    from = end;
  }
}
