/** Finding the files of a known layout: a directory, or one file of it with the others beside it. */

import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Sniff, sniff } from "./text/bytes.ts";

export interface Layout {
  readonly found: Sniff;
  readonly directory: string;
  /** Names in the directory, sorted. */
  readonly names: readonly string[];
}

/** Rejects with `data_not_found`. */
export async function layoutAt(path: string): Promise<Layout> {
  const found = await sniff(path);
  if (found.kind === "directory") return { found, directory: path, names: found.names };
  const directory = dirname(path);
  return { found, directory, names: (await readdir(directory)).sort() };
}

/** Path of the file `name`, or of `name.gz`, in the layout. */
export function fileOf(layout: Layout, name: string): string | undefined {
  const there = [name, `${name}.gz`].find((candidate) => layout.names.includes(candidate));
  return there === undefined ? undefined : join(layout.directory, there);
}

/** Whether the path that was given is the directory, or is one of these files. */
export function isGiven(layout: Layout, files: readonly (string | undefined)[]): boolean {
  if (layout.found.kind === "directory") return true;
  const name = basename(layout.found.path);
  return files.some((file) => file !== undefined && basename(file) === name);
}
