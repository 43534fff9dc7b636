/**
 * Which bundle is current, which ones a rollback leads to, and who was current when: one small file, replaced
 * atomically.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import {
  type BundleId,
  type EpochMs,
  errorCode,
  renameDurably,
  UpnextError,
  writeDurably,
} from "../core/index.ts";
import { BUNDLE_ID } from "./manifest.ts";
import type { Change } from "./registry.ts";
import { scratchPath } from "./scratch.ts";

const POINTERS_FILE = "pointers.json";
/** Both are read every two seconds, and stay below 8 KB: two months of daily trainings, two weeks to go back (guesses). */
const MAX_CHANGES = 64;
const MAX_STANDING = 16;

export interface Pointers {
  /** The current bundle, the previous one, the one before: where rollbacks lead, one after the other. */
  readonly standing: readonly BundleId[];
  /** Oldest first. */
  readonly changes: readonly Change[];
}

export const NO_POINTERS: Pointers = { standing: [], changes: [] };

const id = z
  .string()
  .regex(BUNDLE_ID)
  .transform((text) => text as BundleId);
const change = z
  .object({
    bundle: id,
    time: z.number().transform((time) => time as EpochMs),
    kind: z.enum(["promote", "rollback"]),
    despite: z.string().optional(),
  })
  .transform(({ despite, ...moved }): Change => ({ ...moved, ...(despite !== undefined && { despite }) }));
const shape = z.object({ standing: z.array(id), changes: z.array(change) });

/** Nothing where nothing was promoted yet. Rejects with `bundle_corrupt` where the file is not what was written. */
export async function readPointers(directory: string): Promise<Pointers> {
  const path = join(directory, POINTERS_FILE);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return NO_POINTERS;
    throw error;
  }
  try {
    return shape.parse(JSON.parse(text));
  } catch (cause) {
    throw new UpnextError(
      "bundle_corrupt",
      `registry: ${path} expected {"standing": [id, …], "changes": […]}, got ${text.length} characters of something else; promote a bundle to write it anew: upnext release promote ID`,
      { cause },
    );
  }
}

export async function writePointers(directory: string, pointers: Pointers): Promise<void> {
  const scratch = scratchPath(directory);
  await writeDurably(scratch, new TextEncoder().encode(`${JSON.stringify(pointers)}\n`));
  await renameDurably(scratch, join(directory, POINTERS_FILE));
}

/**
 * The pointers after a move: a promotion puts its bundle in front, a rollback takes away what is in front of its own.
 * One that is rolled back to though it no longer stands is in front like a promoted one.
 */
export function moved({ standing, changes }: Pointers, change: Change): Pointers {
  const at = change.kind === "rollback" ? standing.indexOf(change.bundle) : -1;
  const after = at < 0 ? [change.bundle, ...standing] : standing.slice(at);
  return { standing: after.slice(0, MAX_STANDING), changes: [...changes, change].slice(-MAX_CHANGES) };
}
