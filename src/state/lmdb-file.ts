/**
 * A look at LMDB's file before LMDB maps it into memory: it trusts what it maps, and a file that is not its own, or
 * shorter than its header says, ends the whole process instead of failing the call.
 *
 * The header (lmdb-js 3, 64-bit): two pages that begin with the page's number, flags at byte 18, and from byte 24 on
 * magic u32, version u32, ..., page size u32 at 48, last page u64 at 144.
 */
import { open, stat } from "node:fs/promises";
import { join } from "node:path";

const META = { bytes: 152, flags: 18, magic: 24, version: 28, pageSize: 48, lastPage: 144 };
const META_FLAG = 0x08;
const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;

/**
 * What is wrong with the folder as a place for LMDB's file, or undefined where it can be opened: the folder or the
 * file do not exist yet, or the header is sound.
 *
 * A file may be a little shorter than its header says (pages that were freed before they were written), so a short
 * one is extended with empty pages: harmless there, and in a file that really was cut off an error on reading.
 */
export async function problemOf(folder: string): Promise<string | undefined> {
  const found = await statOf(folder);
  if (found === undefined) return undefined;
  if (!found.isDirectory()) return "expected a folder and found a file";
  const file = join(folder, "data.mdb");
  if (((await statOf(file))?.size ?? 0) === 0) return undefined;

  const handle = await open(file, "r+");
  try {
    const first = Buffer.alloc(META.bytes);
    const second = Buffer.alloc(META.bytes);
    await handle.read(first, 0, META.bytes, 0);
    await handle.read(second, 0, META.bytes, first.readUInt32LE(META.pageSize));
    if (!isMeta(first) || !isMeta(second)) return "data.mdb is not an LMDB file of this version";
    const needed = Math.max(bytesOf(first), bytesOf(second));
    if ((await handle.stat()).size < needed) await handle.truncate(needed);
    return undefined;
  } finally {
    await handle.close();
  }
}

/** What the file has to hold, by one of its two headers. */
function bytesOf(meta: Buffer): number {
  return (meta.readUIntLE(META.lastPage, 6) + 1) * meta.readUInt32LE(META.pageSize);
}

function isMeta(page: Buffer): boolean {
  return (
    (page.readUInt16LE(META.flags) & META_FLAG) !== 0 &&
    page.readUInt32LE(META.magic) === MAGIC &&
    (page.readUInt32LE(META.version) & 0xffff) === DATA_VERSION
  );
}

async function statOf(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
