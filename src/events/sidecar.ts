/**
 * The sidecar of a full segment: the hashes of its event ids and the newest of its times, so that opening a large log
 * need not read it again.
 *
 * Bytes as the machine has them: magic, version and key 4 × u32; base, segment size and newest time 3 × f64; count and
 * reserved 2 × u32; count × 3 hash words; CRC-32 of all before. As long as its segment is there it holds nothing that
 * the segment does not: where it is missing or wrong in any way it is made again, so it needs no fsync. When retention
 * deletes the segment, the sidecar stays and is the one place that knows these ids: retention.ts syncs it before.
 */
import { open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import type { FrameScanner } from "./frame.ts";
import { HashColumn } from "./hash-column.ts";
import type { HashKey } from "./id-hash.ts";
import { RecordReader } from "./record.ts";
import { corrupt, extendSegment, readHeader, type Segment, segmentAt } from "./segment.ts";

const MAGIC = 0x55504944;
const VERSION = 2;
const HEADER_WORDS = 12;

export interface Sidecar {
  readonly hashes: HashColumn;
  /** EpochMs of the newest event. */
  readonly newest: number;
}

/** What a segment and its sidecar agree on. */
type Sealed = Pick<Segment, "path" | "base" | "count" | "size">;

export async function writeSidecar(
  segment: Segment,
  key: HashKey,
  { hashes, newest }: Sidecar,
): Promise<void> {
  const held = hashes.words();
  const words = new Uint32Array(HEADER_WORDS + held.length + 1);
  words.set([MAGIC, VERSION, key[0], key[1]]);
  new Float64Array(words.buffer, 16, 3).set([segment.base, segment.size, newest]);
  words[10] = segment.count;
  words.set(held, HEADER_WORDS);
  words[words.length - 1] = crc32(words.subarray(0, -1));
  const path = sidecarPath(segment.path);
  const unfinished = `${path}.tmp`;
  try {
    await writeFile(unfinished, words);
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => {});
    throw error;
  }
}

/** Undefined where there is no sidecar that fits the segment's size, count and key. */
export async function readSidecar(segment: Sealed, key: HashKey): Promise<Sidecar | undefined> {
  const found = await readWords(sidecarPath(segment.path), segment.base, key);
  return found?.count === segment.count && found.size === segment.size ? found : undefined;
}

/** The sidecar of a segment that is gone, which begins at `base`; undefined where it is missing or wrong in any way. */
export async function readLoneSidecar(
  path: string,
  base: number,
  key: HashKey,
): Promise<(Sidecar & { readonly count: number }) | undefined> {
  return readWords(path, base, key);
}

/** What a full segment's sidecar holds, from the segment. Rejects with `log_corrupt`. */
export async function computeSidecar(segment: Segment, key: HashKey): Promise<Sidecar> {
  const hashes = new HashColumn();
  const read = segmentAt(dirname(segment.path), segment.base);
  const file = await open(segment.path, "r");
  try {
    await readHeader(file, read);
    const problem = await extendSegment(file, read, hasher(read, key, hashes));
    if (problem !== undefined) throw corrupt(segment, read.size, problem);
  } finally {
    await file.close();
  }
  if (read.count !== segment.count) {
    const what = `expected ${segment.count} events before the next segment, got ${read.count}`;
    throw corrupt(segment, read.size, what);
  }
  return { hashes, newest: read.newest };
}

/** Hashes the ids of each frame into `hashes` and notes the newest time. */
export function hasher(segment: Segment, key: HashKey, hashes: HashColumn): (frame: FrameScanner) => void {
  const records = new RecordReader();
  return (frame) => {
    try {
      records.open(frame.bytes, frame.payloadStart);
      for (let i = 0; i < frame.count; i++) {
        records.skip();
        records.hash(key);
        hashes.push();
        const { time } = records;
        if (time > segment.newest) segment.newest = time;
      }
    } catch (cause) {
      throw corrupt(segment, segment.size, "a record in the frame here is not readable", cause);
    }
    if (records.at !== frame.payloadEnd)
      throw corrupt(segment, segment.size, "the frame's records do not fill it");
  };
}

/** EpochMs of the newest event of a full segment, from its sidecar or, where that does not fit, from itself. */
export async function newestIn(segment: Segment): Promise<number> {
  const file = await open(segment.path, "r");
  try {
    const { key } = await readHeader(file, segment);
    const { size } = await file.stat();
    const sidecar = await readSidecar({ ...segment, size }, key);
    return (sidecar ?? (await computeSidecar(segment, key))).newest;
  } finally {
    await file.close();
  }
}

async function readWords(path: string, base: number, key: HashKey) {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch {
    return undefined;
  }
  if (bytes.length % 4 !== 0 || bytes.length < (HEADER_WORDS + 1) * 4) return undefined;
  const words = new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const floats = new Float64Array(words.buffer, 16, 3);
  const [ownBase, size, newest] = [floats[0]!, floats[1]!, floats[2]!];
  const count = words[10]!;
  const expected = [MAGIC, VERSION, key[0], key[1]];
  if (!expected.every((word, index) => words[index] === word)) return undefined;
  if (ownBase !== base || words.length !== HEADER_WORDS + count * 3 + 1) return undefined;
  if (crc32(words.subarray(0, -1)) !== words.at(-1)) return undefined;
  return { count, size, newest, hashes: new HashColumn(words.subarray(HEADER_WORDS, -1)) };
}

export function sidecarPath(segmentPath: string): string {
  return segmentPath.replace(/\.log$/, ".ids");
}
