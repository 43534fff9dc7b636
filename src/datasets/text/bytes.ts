/** Bytes of a file as a stream with back-pressure; a gzip file is known by its first two bytes and unpacked. */
import { createReadStream } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { UpnextError } from "../../core/index.ts";

/** Read at once; some 10,000 short rows. */
const CHUNK = 256 * 1024;

export interface Chunk {
  readonly data: Buffer;
  /** Bytes of the file on the disk that have been read, this chunk included. */
  readonly done: number;
}

/** Rejects with `data_not_found` where the file cannot be read or unpacked. */
export async function* readBytes(path: string): AsyncGenerator<Chunk> {
  const packed = await isGzip(path);
  const file = createReadStream(path, { highWaterMark: CHUNK });
  let stream: Readable = file;
  if (packed) {
    const gunzip = createGunzip({ chunkSize: CHUNK });
    // The callback keeps an error from being thrown twice; the iteration below rejects with it.
    stream = pipeline(file, gunzip, () => {});
  }
  try {
    for await (const data of stream) if (Buffer.isBuffer(data)) yield { data, done: file.bytesRead };
  } catch (error) {
    throw unreadable(path, error, packed ? "unpacked" : "read");
  } finally {
    file.destroy();
  }
}

async function isGzip(path: string): Promise<boolean> {
  try {
    const file = await open(path, "r");
    try {
      const magic = Buffer.alloc(2);
      const { bytesRead } = await file.read(magic, 0, 2, 0);
      return bytesRead === 2 && magic[0] === 0x1f && magic[1] === 0x8b;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw unreadable(path, error, "read");
  }
}

function unreadable(path: string, error: unknown, verb: string): UpnextError {
  if (error instanceof UpnextError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new UpnextError(
    "data_not_found",
    `${path}: cannot be ${verb}: ${why}. Check the path and the file.`,
    {
      cause: error,
    },
  );
}

export type Sniff =
  | { readonly kind: "directory"; readonly path: string; readonly names: readonly string[] }
  | {
      readonly kind: "file";
      readonly path: string;
      /** Bytes on the disk. */
      readonly size: number;
      /** The first (unpacked) bytes, at most 64 KiB or one chunk. */
      readonly head: Buffer;
    };

/** What lies at `path`. Rejects with `data_not_found`. */
export async function sniff(path: string): Promise<Sniff> {
  let size: number;
  try {
    const found = await stat(path);
    if (found.isDirectory()) return { kind: "directory", path, names: (await readdir(path)).sort() };
    size = found.size;
  } catch (error) {
    throw unreadable(path, error, "read");
  }
  for await (const { data } of readBytes(path)) {
    return { kind: "file", path, size, head: data.subarray(0, 64 * 1024) };
  }
  return { kind: "file", path, size, head: Buffer.alloc(0) };
}
