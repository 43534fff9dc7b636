/** Which bundle is current and which one was before it: one small file, replaced atomically. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type BundleId, errorCode, renameDurably, UpnextError, writeDurably } from "../core/index.ts";
import { BUNDLE_ID } from "./manifest.ts";
import { scratchPath } from "./scratch.ts";

const POINTERS_FILE = "pointers.json";

export interface Pointers {
  readonly current: BundleId | null;
  readonly previous: BundleId | null;
}

const id = z
  .string()
  .regex(BUNDLE_ID)
  .transform((text) => text as BundleId)
  .nullable();
const shape = z.object({ current: id, previous: id });

/** Both null where nothing was promoted yet. Rejects with `bundle_corrupt` where the file is not what was written. */
export async function readPointers(directory: string): Promise<Pointers> {
  const path = join(directory, POINTERS_FILE);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return { current: null, previous: null };
    throw error;
  }
  try {
    return shape.parse(JSON.parse(text));
  } catch (cause) {
    throw new UpnextError(
      "bundle_corrupt",
      `registry: ${path} expected {"current": id or null, "previous": id or null}, got ${text.length} characters of something else; promote a bundle to write it anew`,
      { cause },
    );
  }
}

export async function writePointers(directory: string, pointers: Pointers): Promise<void> {
  const scratch = scratchPath(directory);
  await writeDurably(scratch, new TextEncoder().encode(`${JSON.stringify(pointers)}\n`));
  await renameDurably(scratch, join(directory, POINTERS_FILE));
}
