/**
 * The file of a snapshot, named by its offset (20 digits, so that names sort).
 *
 *     header    magic 8 | version u32 | 0 u32 | offset f64
 *     parts     one after the other, each a list of chunks: CRC-32 u32 | length u32 | number u32 | payload
 *     manifest  JSON: what the snapshot is of, and where each part lies, with the SHA-256 of its bytes
 *     footer    SHA-256 of header and manifest 32 | length of the manifest u32 | magic 8
 *
 * The CRC is of all that follows it in its chunk; chunks are numbered through the file, so one in another's place is
 * found. Parts, manifest and footer lie without a gap, so every byte of the file is under some checksum. Numbers are
 * little-endian, but for the columns in a catalog's image: the manifest says whose order they have.
 */
import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import { endianness } from "node:os";
import { crc32 } from "node:zlib";
import { renameDurably, UpnextError } from "../core/index.ts";

const MAGIC = Buffer.from("UPNXSNAP");
const END_MAGIC = Buffer.from("UPNXSEND");
/** A file of another version is refused, never guessed at. */
const VERSION = 1;
const HEADER = 24;
const FOOTER = 32 + 4 + 8;
const CHUNK_HEADER = 12;
/** Bytes after which what was written is made durable: one fsync of everything would stop the log's for seconds. */
const SYNC_BYTES = 32 * 1024 * 1024;
/** No chunk is larger; a length above it is damage, and not worth the memory. */
const MAX_CHUNK = 64 * 1024 * 1024;

export const PARTS = ["catalog", "states"] as const;
export type PartName = (typeof PARTS)[number];

interface Part {
  readonly name: PartName;
  /** Where it begins, its length with all chunk headers, and the number of its first chunk and how many there are. */
  readonly at: number;
  readonly bytes: number;
  readonly firstChunk: number;
  readonly chunks: number;
  readonly sha256: string;
}

/** What a snapshot is of. */
export interface Described {
  /** Id of the log. */
  readonly log: string;
  readonly offset: number;
  readonly statesThrough: number | null;
  readonly createdAt: number;
}

export interface Manifest extends Described {
  readonly byteOrder: string;
  readonly parts: readonly Part[];
}

/** Writes a snapshot under another name and gives it its own when it is durable. */
export class SnapshotWriter {
  private readonly path: string;
  private readonly offset: number;
  private readonly file: FileHandle;
  private readonly parts: Part[] = [];
  private at = HEADER;
  private synced = 0;
  private chunks = 0;

  static async begin(path: string, offset: number): Promise<SnapshotWriter> {
    await rm(unfinishedPath(path), { force: true });
    const file = await open(unfinishedPath(path), "wx");
    const writer = new SnapshotWriter(path, offset, file);
    await file.write(headerOf(offset), 0, HEADER, 0);
    return writer;
  }

  private constructor(path: string, offset: number, file: FileHandle) {
    this.path = path;
    this.offset = offset;
    this.file = file;
  }

  /** Takes the chunks one by one; between two of them others have their turn. */
  async part(name: PartName, chunks: Iterable<Buffer> | AsyncIterable<Buffer>): Promise<void> {
    const hash = createHash("sha256");
    const { at, chunks: firstChunk } = this;
    for await (const payload of chunks) {
      const header = chunkHeader(this.chunks++, payload);
      hash.update(header).update(payload);
      await this.file.writev([header, payload], this.at);
      this.at += header.length + payload.length;
      if (this.at - this.synced < SYNC_BYTES) continue;
      await this.file.datasync();
      this.synced = this.at;
    }
    this.parts.push({
      name,
      at,
      bytes: this.at - at,
      firstChunk,
      chunks: this.chunks - firstChunk,
      sha256: hash.digest("hex"),
    });
  }

  async commit(described: Omit<Described, "offset">): Promise<void> {
    const manifest: Manifest = {
      ...described,
      offset: this.offset,
      byteOrder: endianness(),
      parts: this.parts,
    };
    const text = Buffer.from(JSON.stringify(manifest));
    const footer = Buffer.alloc(FOOTER);
    createHash("sha256").update(headerOf(this.offset)).update(text).digest().copy(footer);
    footer.writeUInt32LE(text.length, 32);
    END_MAGIC.copy(footer, 36);
    await this.file.writev([text, footer], this.at);
    await this.file.sync();
    await this.file.close();
    await renameDurably(unfinishedPath(this.path), this.path);
  }

  /** Leaves nothing behind. */
  async discard(): Promise<void> {
    await this.file.close().catch(() => {});
    await rm(unfinishedPath(this.path), { force: true });
  }
}

/**
 * A snapshot's file, open for reading. Calls throw `snapshot_corrupt` where the content is at fault, and the file
 * system's own errors.
 */
export class SnapshotReader {
  readonly path: string;
  readonly manifest: Manifest;
  readonly bytes: number;
  /** Changes whenever another file takes this one's place. */
  readonly identity: string;
  private readonly file: FileHandle;

  /** Checks all but the parts. */
  static async open(path: string, offset: number): Promise<SnapshotReader> {
    const file = await open(path, "r");
    try {
      const { size, ino, mtimeMs } = await file.stat();
      const manifest = await readManifest(path, file, size, offset);
      return new SnapshotReader(path, manifest, size, `${ino}/${size}/${mtimeMs}`, file);
    } catch (cause) {
      await file.close();
      throw cause;
    }
  }

  private constructor(path: string, manifest: Manifest, bytes: number, identity: string, file: FileHandle) {
    this.path = path;
    this.manifest = manifest;
    this.bytes = bytes;
    this.identity = identity;
    this.file = file;
  }

  has(name: PartName): boolean {
    return this.manifest.parts.some((part) => part.name === name);
  }

  /** The payloads of a part, each checked before it is given out, and the whole once the last one was taken. */
  async *chunks(name: PartName): AsyncGenerator<Buffer> {
    const part = this.manifest.parts.find((one) => one.name === name);
    if (part === undefined) throw corrupt(this.path, `a part "${name}"`, "none");
    const hash = createHash("sha256");
    let { at } = part;
    for (let c = 0; c < part.chunks; c++) {
      const payload = await this.chunk(at, part.at + part.bytes, part.firstChunk + c, hash);
      at += CHUNK_HEADER + payload.length;
      yield payload;
    }
    if (at !== part.at + part.bytes) {
      throw corrupt(this.path, `${part.bytes} bytes of the ${name}`, `${at - part.at} bytes`);
    }
    const digest = hash.digest("hex");
    if (digest !== part.sha256) throw corrupt(this.path, `SHA-256 ${part.sha256} of the ${name}`, digest);
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  private async chunk(at: number, end: number, number: number, hash: Hash): Promise<Buffer> {
    const header = await this.bytesAt(at, CHUNK_HEADER, end);
    const length = header.readUInt32LE(4);
    if (length > MAX_CHUNK) throw corrupt(this.path, `a chunk at byte ${at}`, `a length of ${length}`);
    const payload = await this.bytesAt(at + CHUNK_HEADER, length, end);
    const crc = header.readUInt32LE(0);
    const found = crc32(payload, crc32(header.subarray(4)));
    if (found !== crc) throw corrupt(this.path, `CRC-32 ${hex(crc)} at byte ${at}`, hex(found));
    const came = header.readUInt32LE(8);
    if (came !== number) throw corrupt(this.path, `chunk ${number} at byte ${at}`, `chunk ${came}`);
    hash.update(header).update(payload);
    return payload;
  }

  private async bytesAt(at: number, length: number, end: number): Promise<Buffer> {
    if (at + length > end) {
      throw corrupt(
        this.path,
        `a chunk at byte ${at} that ends at ${end}`,
        `one that goes on to ${at + length}`,
      );
    }
    return readExactly(this.path, this.file, at, length);
  }
}

/** Opens the file, uses it and closes it. What cannot be read in it, a RangeError, becomes `snapshot_corrupt`. */
export async function withReader<T>(
  path: string,
  offset: number,
  use: (reader: SnapshotReader) => Promise<T>,
): Promise<T> {
  const reader = await SnapshotReader.open(path, offset);
  try {
    return await use(reader);
  } catch (cause) {
    throw cause instanceof RangeError ? asCorrupt(path, cause) : cause;
  } finally {
    await reader.close();
  }
}

/** `cause` as an error that may cross the door: that the file system failed is no help to who needs the snapshot. */
export function asCorrupt(path: string, cause: unknown): UpnextError {
  if (cause instanceof UpnextError) return cause;
  return corrupt(path, "a snapshot that can be read", reasonOf(cause), cause);
}

/** Whether the content of a file is at fault: it will be no better when it is read again. */
export function isCorrupt(cause: unknown): boolean {
  return cause instanceof UpnextError && cause.code === "snapshot_corrupt";
}

export function corrupt(path: string, expected: string, got: string, cause?: unknown): UpnextError {
  const cure =
    "Delete the file: the next snapshot takes its place, and start-up reads the log from an older one on. Where the log no longer begins at 0 and this is the only base, restore a backup.";
  const message = `${path}: expected ${expected}, got ${got}. ${cure}`;
  return new UpnextError("snapshot_corrupt", message, cause === undefined ? undefined : { cause });
}

const unfinishedPath = (path: string) => `${path}.tmp`;

async function readManifest(path: string, file: FileHandle, size: number, offset: number): Promise<Manifest> {
  if (size < HEADER + FOOTER) throw corrupt(path, `at least ${HEADER + FOOTER} bytes`, `${size}`);
  const header = await readExactly(path, file, 0, HEADER);
  if (!header.subarray(0, 8).equals(MAGIC)) throw corrupt(path, "the header of a snapshot", "another one");
  if (header.readUInt32LE(8) !== VERSION) {
    throw corrupt(path, `a snapshot of version ${VERSION}`, `version ${header.readUInt32LE(8)}`);
  }
  const footer = await readExactly(path, file, size - FOOTER, FOOTER);
  if (!footer.subarray(36).equals(END_MAGIC)) throw corrupt(path, "the end of a snapshot", "a file cut off");
  const length = footer.readUInt32LE(32);
  const at = size - FOOTER - length;
  if (at < HEADER) throw corrupt(path, `a manifest within ${size} bytes`, `one of ${length} bytes`);
  const text = await readExactly(path, file, at, length);
  const digest = createHash("sha256").update(header).update(text).digest();
  if (!footer.subarray(0, 32).equals(digest)) {
    throw corrupt(path, `SHA-256 ${footer.toString("hex", 0, 32)} of the manifest`, digest.toString("hex"));
  }
  // What has the hash was written by `commit`.
  const manifest = JSON.parse(text.toString()) as Manifest;
  if (manifest.offset !== offset) {
    throw corrupt(path, `a snapshot at offset ${offset}, as its name says`, `one at ${manifest.offset}`);
  }
  if (manifest.byteOrder !== endianness()) {
    throw corrupt(path, `numbers in the order ${endianness()}`, manifest.byteOrder);
  }
  const last = manifest.parts.at(-1);
  const end = last === undefined ? HEADER : last.at + last.bytes;
  if (end !== at) throw corrupt(path, `${end} bytes before the manifest`, `${at}`);
  return manifest;
}

async function readExactly(path: string, file: FileHandle, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let filled = 0; filled < length; ) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, at + filled);
    if (bytesRead === 0) throw corrupt(path, `${at + length} bytes`, `${at + filled}`);
    filled += bytesRead;
  }
  return bytes;
}

function headerOf(offset: number): Buffer {
  const header = Buffer.alloc(HEADER);
  MAGIC.copy(header);
  header.writeUInt32LE(VERSION, 8);
  header.writeDoubleLE(offset, 16);
  return header;
}

function chunkHeader(number: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(CHUNK_HEADER);
  header.writeUInt32LE(payload.length, 4);
  header.writeUInt32LE(number, 8);
  header.writeUInt32LE(crc32(payload, crc32(header.subarray(4))), 0);
  return header;
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, "0");
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
