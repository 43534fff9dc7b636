/** The file of --json FILE: its place is tried before the work, and it is there whole or not at all. */
import { access, constants, mkdir, rename, stat, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { UsageError } from "./failure.ts";

/** Makes the folder, and throws a UsageError where the file could not be written after an hour of work. */
export async function prepareJsonFile(path: string | undefined): Promise<void> {
  if (path === undefined) return;
  const folder = dirname(resolve(path));
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (cause) {
    throw new UsageError(`option '--json <file>': ${folder} cannot be written to.`, { cause });
  }
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory()) throw new UsageError(`option '--json <file>': ${path} is a directory.`);
}

export async function writeJsonFile(path: string | undefined, value: unknown): Promise<void> {
  if (path === undefined) return;
  const partial = `${path}.${process.pid}.partial`;
  await writeFile(partial, `${JSON.stringify(value, null, 2)}\n`);
  await rename(partial, path);
}
