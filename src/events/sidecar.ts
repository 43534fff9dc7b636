/**
 * The sidecar of a full segment: the hashes of its event ids, so that opening a large log need not read it again.
 *
 * Bytes as the machine has them: magic and key 4 × u32, base and segment size 2 × f64, count and reserved 2 × u32,
 * count × 3 hash words, CRC-32 of all before. It holds nothing that the segment does not: where it is missing or
 * wrong in any way it is made again, so it needs no fsync.
 */
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { HashColumn } from "./hash-column.ts";
import type { HashKey } from "./id-hash.ts";
import type { Segment } from "./segment.ts";

const MAGIC = 0x55504944;
const VERSION = 1;
const HEADER_WORDS = 10;

export async function writeSidecar(segment: Segment, key: HashKey, column: HashColumn): Promise<void> {
  const hashes = column.words();
  const words = new Uint32Array(HEADER_WORDS + hashes.length + 1);
  words.set(header(segment, key));
  words.set(hashes, HEADER_WORDS);
  words[words.length - 1] = crc32(words.subarray(0, -1));
  const unfinished = `${sidecarPath(segment)}.tmp`;
  try {
    await writeFile(unfinished, words);
    await rename(unfinished, sidecarPath(segment));
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => {});
    throw error;
  }
}

/** The hashes, or undefined where there is no sidecar that fits the segment's size, count and key. */
export async function readSidecar(segment: Segment, key: HashKey): Promise<HashColumn | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(sidecarPath(segment));
  } catch {
    return undefined;
  }
  if (bytes.length !== (HEADER_WORDS + segment.count * 3 + 1) * 4) return undefined;
  const words = new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const expected = header(segment, key);
  if (!expected.every((word, index) => words[index] === word)) return undefined;
  if (crc32(words.subarray(0, -1)) !== words.at(-1)) return undefined;
  return new HashColumn(words.subarray(HEADER_WORDS, -1));
}

function header(segment: Segment, key: HashKey): Uint32Array {
  const words = new Uint32Array(HEADER_WORDS);
  words.set([MAGIC, VERSION, key[0], key[1]]);
  new Float64Array(words.buffer, 16, 2).set([segment.base, segment.size]);
  words[8] = segment.count;
  return words;
}

function sidecarPath(segment: Segment): string {
  return segment.path.replace(/\.log$/, ".ids");
}
