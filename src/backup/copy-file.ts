/** Copying bytes, hashed on the way and on the disk before the call resolves. */
import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import type { BackupFile } from "./manifest.ts";

const CHUNK = 1024 * 1024;

/**
 * Copies the first `bytes` bytes of a file, all where absent, into a new one. What is open stays what it was: a file
 * that is replaced under its name meanwhile is copied as it was, whole. Returns what the copy is; it is shorter than
 * asked for where the file is.
 *
 * @param update is called with the bytes of each chunk
 */
export async function copyFile(
  from: string,
  to: string,
  update: (bytes: number) => void,
  bytes?: number,
): Promise<BackupFile> {
  const source = await open(from, "r");
  try {
    const wanted = bytes ?? (await source.stat()).size;
    await mkdir(dirname(to), { recursive: true });
    const target = await open(to, "wx");
    try {
      return await copyBytes(source, target, wanted, update);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function copyBytes(
  source: FileHandle,
  target: FileHandle,
  wanted: number,
  update: (bytes: number) => void,
): Promise<BackupFile> {
  const hash = createHash("sha256");
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK, wanted));
  let done = 0;
  while (done < wanted) {
    const { bytesRead } = await source.read(chunk, 0, Math.min(chunk.length, wanted - done), done);
    if (bytesRead === 0) break;
    const read = chunk.subarray(0, bytesRead);
    hash.update(read);
    for (let written = 0; written < bytesRead; ) {
      written += (await target.write(read, written, bytesRead - written, done + written)).bytesWritten;
    }
    done += bytesRead;
    update(bytesRead);
  }
  await target.sync();
  return { bytes: done, sha256: hash.digest("hex") };
}
