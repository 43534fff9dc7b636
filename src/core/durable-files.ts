/**
 * Writing that survives a power cut: a file's bytes are safe after fsync of the file, its name after fsync of the
 * directory. Renames are atomic within a file system, so readers see the old thing or the new one whole.
 */
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Creates the file, with its directories, and fsyncs its bytes. */
export async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const handle = await open(path, "wx");
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes names in the directory durable. Windows cannot and need not. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Fsyncs `path` and every directory below it. */
export async function syncTree(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await syncTree(join(path, entry.name));
  }
  await syncDirectory(path);
}

/** Replaces `target` by `source`, both in the same directory, and makes the change durable. */
export async function renameDurably(source: string, target: string): Promise<void> {
  await rename(source, target);
  await syncDirectory(dirname(target));
}

/** The file has these bytes, or what it had before, whatever happens meanwhile. One writer at a time. */
export async function replaceDurably(path: string, bytes: Uint8Array): Promise<void> {
  const unfinished = `${path}.tmp`;
  await rm(unfinished, { force: true });
  await writeDurably(unfinished, bytes);
  await renameDurably(unfinished, path);
}

/** The code of a file system error ("ENOENT" …), or undefined. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
