/**
 * A segment: a file with a header and frames, named by the offset of its first event (20 digits, so that names sort).
 *
 * Header, 36 bytes: magic 8, version u32, generation u32, base f64, key of the id hash 2 × u32, CRC-32 of the 32 before.
 * It is written under another name and renamed when it is durable: a segment never has half a header. Compaction puts a
 * whole new file in the place of an old one, with the next generation: who has noted where frames begin notes it anew.
 */
import { type FileHandle, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { syncDirectory, UpnextError } from "../core/index.ts";
import { FrameScanner } from "./frame.ts";
import type { HashKey } from "./id-hash.ts";

export const SEGMENT_HEADER = 36;
const MAGIC = Buffer.from("UPNXTLOG");
/** Of the form of header, frames and records. A log has one: a form of another version is refused, never guessed at. */
const VERSION = 3;
/** One entry of the index for so many bytes: a seek reads at most this much, and one frame, for nothing. */
const INDEX_BYTES = 64 * 1024;

export interface Segment {
  readonly path: string;
  /** Offset of its first event. */
  readonly base: number;
  /** Events known to be in it. */
  count: number;
  /** Bytes known to be whole frames. */
  size: number;
  /** The newest time of the events known to be in it; 0 where there are none. */
  newest: number;
  /** Of the file for which `size` and the index below hold. */
  generation: number;
  /** Where frames begin that were passed so far: offsets and file positions, both rising. */
  readonly indexOffsets: number[];
  readonly indexPositions: number[];
}

/** Of which segment something is said. */
type Place = Pick<Segment, "path" | "base">;

export function segmentAt(directory: string, base: number): Segment {
  return {
    path: join(directory, `${String(base).padStart(20, "0")}.log`),
    base,
    count: 0,
    size: SEGMENT_HEADER,
    newest: 0,
    generation: 0,
    indexOffsets: [base],
    indexPositions: [SEGMENT_HEADER],
  };
}

/** Remembers that the frame at `position` begins with event `offset`. */
export function noteFrame(segment: Segment, offset: number, position: number): void {
  const last = segment.indexPositions.length - 1;
  if (position - segment.indexPositions[last]! < INDEX_BYTES) return;
  segment.indexOffsets.push(offset);
  segment.indexPositions.push(position);
}

/** The last known frame that begins at or before event `offset`: where to read from. */
export function seek(
  segment: Segment,
  offset: number,
): { readonly offset: number; readonly position: number } {
  let low = 0;
  let high = segment.indexOffsets.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (segment.indexOffsets[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return { offset: segment.indexOffsets[low]!, position: segment.indexPositions[low]! };
}

/** Bases of the segments of a directory, rising. */
export async function segmentBases(directory: string): Promise<number[]> {
  const names = await readdir(directory);
  const bases = names.filter((name) => /^\d{20}\.log$/.test(name)).map((name) => Number(name.slice(0, 20)));
  return bases.sort((a, b) => a - b);
}

/** Another file has taken the place of the one that was known. */
export function adoptGeneration(segment: Segment, generation: number, size: number): void {
  if (generation <= segment.generation) return;
  segment.generation = generation;
  segment.size = size;
  segment.indexOffsets.length = 1;
  segment.indexPositions.length = 1;
}

export function headerOf(base: number, key: HashKey, generation: number): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER);
  MAGIC.copy(header);
  header.writeUInt32LE(VERSION, 8);
  header.writeUInt32LE(generation, 12);
  header.writeDoubleLE(base, 16);
  header.writeUInt32LE(key[0], 24);
  header.writeUInt32LE(key[1], 28);
  header.writeUInt32LE(crc32(header.subarray(0, 32)), 32);
  return header;
}

/** Makes an empty, durable segment. */
export async function createSegment(directory: string, base: number, key: HashKey): Promise<Segment> {
  const segment = segmentAt(directory, base);
  const unfinished = `${segment.path}.tmp`;
  try {
    const file = await open(unfinished, "w");
    try {
      await file.write(headerOf(base, key, 0));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, segment.path);
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => {});
    throw error;
  }
  await syncDirectory(directory);
  return segment;
}

export interface SegmentHeader {
  /** Of the id hash; one for all segments of a log. */
  readonly key: HashKey;
  readonly generation: number;
}

/** Reads the header and checks it. */
export async function readHeader(file: FileHandle, segment: Place): Promise<SegmentHeader> {
  const header = Buffer.alloc(SEGMENT_HEADER);
  const { bytesRead } = await file.read(header, 0, SEGMENT_HEADER, 0);
  if (bytesRead < SEGMENT_HEADER || !header.subarray(0, 8).equals(MAGIC)) {
    throw corrupt(segment, 0, "this is not the header of a segment");
  }
  if (crc32(header.subarray(0, 32)) !== header.readUInt32LE(32)) {
    throw corrupt(segment, 0, "the header does not match its checksum");
  }
  if (header.readUInt32LE(8) !== VERSION) {
    throw otherVersion(segment, header.readUInt32LE(8));
  }
  if (header.readDoubleLE(16) !== segment.base) {
    throw corrupt(segment, 16, `the file's name says ${segment.base}, its header ${header.readDoubleLE(16)}`);
  }
  return {
    key: [header.readUInt32LE(24), header.readUInt32LE(28)],
    generation: header.readUInt32LE(12),
  };
}

/**
 * Walks the frames behind what is known of the segment and counts them in. `onFrame` sees each frame. Returns the
 * problem at `segment.size`, or undefined where the file ends with a whole frame.
 */
export async function extendSegment(
  file: FileHandle,
  segment: Segment,
  onFrame?: (frame: FrameScanner) => void,
): Promise<string | undefined> {
  const { size } = await file.stat();
  const scanner = new FrameScanner(file, segment.size, size);
  do {
    let position = scanner.position;
    while (scanner.next()) {
      noteFrame(segment, segment.base + segment.count, position);
      onFrame?.(scanner);
      segment.count += scanner.count;
      position = scanner.position;
      segment.size = position;
    }
  } while (await scanner.fill());
  return scanner.problem;
}

/** The file is whole: what helps is another log or another upnext, not a backup. */
function otherVersion(segment: Place, version: number): UpnextError {
  const wrote = version < VERSION ? "an older" : "a newer";
  const cure = `Open it with the version of upnext that wrote it, or start with an empty directory and import the events again.`;
  const message = `${segment.path}: expected a log of format version ${VERSION}, got version ${version}, which ${wrote} upnext wrote. ${cure}`;
  return new UpnextError("log_corrupt", message);
}

/** The log must not be read past damage: what follows would be folded onto a wrong past. */
export function corrupt(segment: Place, position: number, what: string, cause?: unknown): UpnextError {
  const cure =
    "Restore the file from a backup, or move it, all later segments and the file `end` away to go on without them.";
  const message = `${segment.path}, byte ${position}: ${what}. ${cure}`;
  return new UpnextError("log_corrupt", message, cause === undefined ? undefined : { cause });
}
