/**
 * The frame: what one group commit writes, a header of 16 bytes and some records.
 *
 * magic u32, CRC-32 u32 (of all that follows), payload length u32, record count u32, payload
 *
 * A frame is written only after the frame before it is durable. So a bad frame with a whole one behind it was durable
 * once and is now damaged, and a bad frame with none behind it is a write that was cut off and never acknowledged.
 */
import type { FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";

export const FRAME_HEADER = 16;
/** No UTF-8 text holds these bytes. */
const MAGIC = Buffer.from([0xf5, 0x75, 0x70, 0xff]);
const MAGIC_WORD = MAGIC.readUInt32LE(0);
/** Bytes asked of the file at once; a larger frame makes the buffer larger. */
const CHUNK = 256 * 1024;

/** Fills in the header of a frame that begins at 0 and ends at `end`. */
export function sealFrame(bytes: Buffer, end: number, count: number): void {
  bytes.writeUInt32LE(MAGIC_WORD, 0);
  bytes.writeUInt32LE(end - FRAME_HEADER, 8);
  bytes.writeUInt32LE(count, 12);
  bytes.writeUInt32LE(crc32(bytes.subarray(8, end)), 4);
}

/**
 * Walks the frames of a file: `next` moves through what is in memory, `fill` reads more.
 *
 *     do { while (scanner.next()) use(scanner) } while (await scanner.fill())
 *
 * ends at `size`, or earlier with `problem` saying what is wrong at `position`.
 */
export class FrameScanner {
  /** File position of the next frame: all frames before it were whole. */
  position: number;
  /** What is wrong at `position`; undefined where the file ended with a whole frame. */
  problem: string | undefined;
  bytes: Buffer;
  /** The current frame's payload is `bytes[payloadStart, payloadEnd)`, until the next `fill`. */
  payloadStart = 0;
  payloadEnd = 0;
  /** Records of the current frame. */
  count = 0;
  private readonly file: FileHandle;
  private readonly size: number;
  /** The bytes of the file from `position` on that are in memory are `bytes[at, filled)`. */
  private at = 0;
  private filled = 0;
  private wanted = FRAME_HEADER;

  /** @param size where to stop: the size of the file when scanning began. */
  constructor(file: FileHandle, position: number, size: number) {
    this.file = file;
    this.position = position;
    this.size = size;
    this.bytes = Buffer.allocUnsafeSlow(Math.min(CHUNK, Math.max(FRAME_HEADER, size - position)));
  }

  /** Moves to the next frame; false where more bytes are needed or none is left. */
  next(): boolean {
    if (this.problem !== undefined) return false;
    const { bytes, at } = this;
    const available = this.filled - at;
    this.wanted = FRAME_HEADER;
    if (available < FRAME_HEADER) return false;
    if (bytes.readUInt32LE(at) !== MAGIC_WORD) return this.fail("no frame begins here");
    const length = FRAME_HEADER + bytes.readUInt32LE(at + 8);
    if (this.position + length > this.size) return this.fail("a frame is cut off");
    if (available < length) {
      this.wanted = length;
      return false;
    }
    if (crc32(bytes.subarray(at + 8, at + length)) !== bytes.readUInt32LE(at + 4)) {
      return this.fail("a frame does not match its checksum");
    }
    this.count = bytes.readUInt32LE(at + 12);
    this.payloadStart = at + FRAME_HEADER;
    this.payloadEnd = at + length;
    this.at += length;
    this.position += length;
    return true;
  }

  /** Reads on; false at the end or at a problem. */
  async fill(): Promise<boolean> {
    if (this.problem !== undefined) return false;
    const rest = this.filled - this.at;
    const fileAt = this.position + rest;
    if (fileAt >= this.size) {
      if (rest > 0) this.fail("a frame is cut off");
      return false;
    }
    if (this.wanted > this.bytes.length) {
      const wider = Buffer.allocUnsafeSlow(this.wanted);
      this.bytes.copy(wider, 0, this.at, this.filled);
      this.bytes = wider;
    } else {
      this.bytes.copyWithin(0, this.at, this.filled);
    }
    this.at = 0;
    this.filled = rest;
    const room = Math.min(this.bytes.length - rest, this.size - fileAt);
    const { bytesRead } = await this.file.read(this.bytes, rest, room, fileAt);
    if (bytesRead === 0) {
      this.fail("the file became shorter");
      return false;
    }
    this.filled += bytesRead;
    return true;
  }

  private fail(problem: string): false {
    this.problem = problem;
    return false;
  }
}

/** Position of the first whole frame after `position`, or undefined. */
export async function findFrameAfter(
  file: FileHandle,
  position: number,
  size: number,
): Promise<number | undefined> {
  const start = position + 1;
  if (size - start < FRAME_HEADER) return undefined;
  const bytes = Buffer.allocUnsafeSlow(size - start);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
  for (let at = bytes.indexOf(MAGIC); at >= 0; at = bytes.indexOf(MAGIC, at + 1)) {
    if (at + FRAME_HEADER > bytesRead) return undefined;
    const end = at + FRAME_HEADER + bytes.readUInt32LE(at + 8);
    if (end > bytesRead) continue;
    if (crc32(bytes.subarray(at + 8, end)) === bytes.readUInt32LE(at + 4)) return start + at;
  }
  return undefined;
}
