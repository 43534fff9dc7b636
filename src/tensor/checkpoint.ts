/**
 * Checkpoints: named float32 arrays and JSON in one file that describes itself.
 *
 * Little-endian. Bytes 0-7 are the magic word, 8-11 the version, 12-15 the CRC-32 of everything behind them, 16-23 the
 * length of the file, 24-27 that of the JSON, which begins at 32: {"facts", "arrays": [{"name", "shape", "offset"}]}.
 * The arrays follow at their offsets, multiples of 4, row-major.
 */
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { UpnextError } from "../core/index.ts";

export interface NamedArray {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface Checkpoint {
  /** JSON. */
  readonly facts: unknown;
  readonly arrays: Readonly<Record<string, NamedArray>>;
}

const MAGIC = "UPNEXTCK";
const VERSION = 1;
const HEADER = 32;
/** Where the bytes begin that the checksum is of. */
const CHECKED = 16;

interface Entry {
  readonly name: string;
  readonly shape: readonly number[];
  /** From the first array on. */
  readonly offset: number;
}

/** Equal checkpoints give equal bytes. */
export function encodeCheckpoint({ facts, arrays }: Checkpoint): Uint8Array {
  let size = 0;
  const entries = Object.entries(arrays).map(([name, { shape, data }]): Entry => {
    const entry = { name, shape, offset: size };
    size += data.byteLength;
    return entry;
  });
  const json = Buffer.from(JSON.stringify({ facts, arrays: entries }));
  const start = startOf(json.length);
  const bytes = Buffer.alloc(start + size);
  bytes.write(MAGIC, "latin1");
  bytes.writeUInt32LE(VERSION, 8);
  bytes.writeBigUInt64LE(BigInt(bytes.length), 16);
  bytes.writeUInt32LE(json.length, 24);
  bytes.set(json, HEADER);
  for (const { name, offset } of entries) {
    const { data } = arrays[name]!;
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start + offset);
  }
  bytes.writeUInt32LE(crc32(bytes.subarray(CHECKED)), 12);
  return bytes;
}

/** Rejects with `checkpoint_corrupt` what is no whole checkpoint, and `checkpoint_incompatible` another version. */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = buffer.toString("latin1", 0, MAGIC.length);
  if (start !== MAGIC) {
    throw corrupt(
      `a file that begins with ${MAGIC}`,
      `${bytes.length} bytes that begin with ${quoted(start)}`,
    );
  }
  if (bytes.length < HEADER) throw corrupt(`${HEADER} bytes at least`, `${bytes.length}: it is cut off`);
  const version = buffer.readUInt32LE(8);
  if (version !== VERSION) {
    throw new UpnextError(
      "checkpoint_incompatible",
      `checkpoint: expected version ${VERSION}, came ${version}; start the training anew, or go on with the upnext that wrote it`,
    );
  }
  const length = Number(buffer.readBigUInt64LE(16));
  if (bytes.length !== length) {
    const how = bytes.length < length ? "it is cut off" : "something was appended";
    throw corrupt(`${length} bytes`, `${bytes.length}: ${how}`);
  }
  const checksum = crc32(buffer.subarray(CHECKED));
  if (checksum !== buffer.readUInt32LE(12)) {
    throw corrupt(`the checksum ${buffer.readUInt32LE(12)}`, `${checksum}: some bytes are others`);
  }
  // With the right checksum the rest is as it was written.
  const jsonLength = buffer.readUInt32LE(24);
  const json = buffer.toString("utf8", HEADER, HEADER + jsonLength);
  const { facts, arrays } = JSON.parse(json) as { facts: unknown; arrays: readonly Entry[] };
  const from = startOf(jsonLength);
  return {
    facts,
    arrays: Object.fromEntries(
      arrays.map(({ name, shape, offset }) => {
        const data = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
        const at = from + offset;
        new Uint8Array(data.buffer).set(bytes.subarray(at, at + data.byteLength));
        return [name, { shape, data }];
      }),
    ),
  };
}

/** Where the arrays begin. */
function startOf(jsonLength: number): number {
  return HEADER + Math.ceil(jsonLength / 4) * 4;
}

function quoted(text: string): string {
  return JSON.stringify(text.replace(/[^\x20-\x7e]/g, "?"));
}

function corrupt(expected: string, came: string): UpnextError {
  return new UpnextError(
    "checkpoint_corrupt",
    `checkpoint: expected ${expected}, came ${came}; remove the file to start the training anew`,
  );
}

/** The file is the old one or the new one whole, also after a power cut: written beside, fsynced, renamed. */
export async function writeCheckpoint(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  // Always the same name: what a killed process left half written is written over.
  const partial = `${path}.partial`;
  const file = await open(partial, "w");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(partial, path);
  const directory = await open(dirname(path), "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** The bytes that were written, unchecked; undefined where there is no file. */
export async function readCheckpoint(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
