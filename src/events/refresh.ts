/** How a read-only log follows the files of a writer in another process, who also writes them anew and deletes them. */
import { type FileHandle, open, stat } from "node:fs/promises";
import { errorCode } from "../core/index.ts";
import { assertNothingAfter } from "./recovery.ts";
import { retainedBases } from "./retention.ts";
import {
  adoptGeneration,
  extendSegment,
  readHeader,
  type Segment,
  segmentAt,
  segmentBases,
} from "./segment.ts";

/** Takes in new segments and the new frames of the last one, and lets go of those that retention has dropped. */
export async function refreshSegments(directory: string, segments: Segment[]): Promise<void> {
  // A last segment that was written anew, or is gone, is not the last any more: then the next listing shows another.
  for (let attempt = 0; attempt < 3; attempt++) {
    await takeBases(directory, segments);
    const last = segments.at(-1);
    if (last === undefined || (await extendLast(last, attempt > 0))) return;
  }
}

async function takeBases(directory: string, segments: Segment[]): Promise<void> {
  let bases = await segmentBases(directory);
  if (bases[0] !== segments[0]?.base || bases.at(-1) !== segments.at(-1)?.base) {
    // A name that is renamed over while a directory is listed may be left out of the listing: not of two.
    const again = await retainedBases(directory);
    const first = again[0] ?? 0;
    bases = [...new Set([...bases.filter((base) => base >= first), ...again])].sort((a, b) => a - b);
  }
  for (const base of bases) {
    const last = segments.at(-1);
    if (last !== undefined && base <= last.base) continue;
    if (last !== undefined) await seal(last, base);
    segments.push(segmentAt(directory, base));
  }
  while (segments.length > 1 && segments[0]!.base < bases[0]!) segments.shift();
}

/** The writer has gone on with another segment. */
async function seal(segment: Segment, nextBase: number): Promise<void> {
  segment.count = nextBase - segment.base;
  const found = await stat(segment.path).catch(() => undefined);
  if (found !== undefined) segment.size = found.size;
}

/** False where the file is not the one that was known, or is gone, and was not looked for again. */
async function extendLast(last: Segment, again: boolean): Promise<boolean> {
  const file = await open(last.path, "r").catch((error: unknown) => {
    if (errorCode(error) === "ENOENT" && !again) return undefined;
    throw error;
  });
  if (file === undefined) return false;
  try {
    const { generation } = await readHeader(file, last);
    if (generation !== last.generation) {
      if (!again) return false;
      const fresh = segmentAt("", last.base);
      adoptGeneration(last, generation, fresh.size);
      last.count = 0;
    }
    await takeFrames(file, last);
    return true;
  } finally {
    await file.close();
  }
}

/** Counts in the frames behind what is known. A frame that is cut off may be one that the writer is just writing. */
async function takeFrames(file: FileHandle, last: Segment): Promise<void> {
  for (;;) {
    const problem = await extendSegment(file, last);
    if (problem === undefined) return;
    const { size } = last;
    try {
      await assertNothingAfter(file, last, problem);
      return;
    } catch (error) {
      // The writer may have ended that frame, and the next, since it was looked at: then it is whole by now.
      await extendSegment(file, last);
      if (last.size === size) throw error;
    }
  }
}
