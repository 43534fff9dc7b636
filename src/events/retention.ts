/**
 * Retention: whole oldest segments go, their sidecars stay, so that ids which were once taken are not taken again.
 *
 * What makes it safe to be killed: first the sidecars are durable, then the file `first` says where the log is to
 * begin, and only then the segments go. Who opens the log believes `first`: segments before it are deleted, or, by
 * readers, not looked at, whether they are all there or not; segments missing behind it are a damaged log.
 */
import { open, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Offset, syncDirectory, UpnextError } from "../core/index.ts";
import type { Dropped } from "./file-log-contract.ts";
import type { HashKey } from "./id-hash.ts";
import type { IdTable } from "./id-table.ts";
import { readOffsetNote, writeNote } from "./note-file.ts";
import { corrupt, type Segment, segmentAt, segmentBases } from "./segment.ts";
import { computeSidecar, readLoneSidecar, readSidecar, sidecarPath, writeSidecar } from "./sidecar.ts";

const CURE = "Restore the file from a backup: without it nobody knows which segments may be missing.";

export interface Retention {
  readonly directory: string;
  readonly key: HashKey;
  /** All segments; those that were deleted are taken out. */
  readonly segments: Segment[];
  /** Called after each step on the file system; rejects where there is to be no further one. */
  step(what: string): Promise<void>;
}

/** Deletes the sealed segments that end at or before `offset`. */
export async function dropBefore(retention: Retention, offset: Offset): Promise<Dropped> {
  const { directory, key, segments, step } = retention;
  const gone = segments.slice(0, -1).filter(({ base, count }) => base + count <= offset);
  const last = gone.at(-1);
  if (last === undefined) return { segments: 0, bytes: 0 };
  for (const segment of gone) {
    const known = await readSidecar(segment, key);
    if (known === undefined) await writeSidecar(segment, key, await computeSidecar(segment, key));
    await syncFile(sidecarPath(segment.path));
  }
  await syncDirectory(directory);
  await step("the ids are durable");
  await writeNote(firstPath(directory), String(last.base + last.count));
  await step("the log is to begin later");
  let bytes = 0;
  for (const segment of gone) {
    segments.shift();
    bytes += segment.size;
    await rm(segment.path, { force: true });
    await step(`deleted ${segment.path}`);
  }
  await syncDirectory(directory);
  return { segments: gone.length, bytes };
}

/**
 * Bases of the segments that belong to the log, rising: where retention was killed there may be others. Rejects with
 * `log_corrupt` where the first of them is missing.
 */
export async function retainedBases(directory: string): Promise<number[]> {
  for (;;) {
    const first = await tryFirst(directory);
    const bases = await segmentBases(directory);
    const again = await tryFirst(directory);
    // A writer in another process has dropped segments while they were listed.
    if (typeof first === "number" && first !== again) continue;
    const found = bases[0] ?? 0;
    if (typeof first !== "number") {
      // Nothing is missing, so nothing was dropped yet.
      if (found === 0) return bases;
      throw first;
    }
    if (bases.includes(first) || (bases.length === 0 && first === 0))
      return bases.filter((base) => base >= first);
    const next = bases.length === 0 ? "and no other is there" : `the next one begins at event ${found}`;
    const what = `the first segment is missing, ${next}`;
    throw corrupt(segmentAt(directory, first), 0, what);
  }
}

/** Where the log begins by what retention has written down, 0 where it has not; or what is wrong with that. */
async function tryFirst(directory: string): Promise<number | UpnextError> {
  try {
    return await readFirst(directory);
  } catch (error) {
    if (error instanceof UpnextError) return error;
    throw error;
  }
}

async function readFirst(directory: string): Promise<number> {
  return (await readOffsetNote(firstPath(directory), CURE)) ?? 0;
}

/**
 * Takes the ids of dropped segments from their sidecars. Returns, in words, which cannot be known any more: nothing
 * else holds them, so a repetition of such an event would be taken for a new one.
 */
export async function readDroppedIds(
  directory: string,
  first: number,
  key: HashKey,
  ids: IdTable,
): Promise<string[]> {
  const lost: string[] = [];
  let next = 0;
  const lack = (until: number) => {
    if (until <= next) return;
    lost.push(
      `${directory}: the ids of events ${next} to ${until - 1}, which retention has dropped, are not known any more, since their sidecar is missing or damaged. Restore ${sidecarPath(segmentAt(directory, next).path)} from a backup; until then a repetition of these events is taken for a new event.`,
    );
  };
  for (const base of await droppedBases(directory, first)) {
    const sidecar = await readLoneSidecar(sidecarPath(segmentAt(directory, base).path), base, key);
    if (sidecar === undefined || base < next) continue;
    lack(base);
    sidecar.hashes.addTo(ids);
    next = base + sidecar.count;
  }
  lack(first);
  return lost;
}

async function droppedBases(directory: string, first: number): Promise<number[]> {
  const names = await readdir(directory);
  const bases = names.filter((name) => /^\d{20}\.ids$/.test(name)).map((name) => Number(name.slice(0, 20)));
  return bases.filter((base) => base < first).sort((a, b) => a - b);
}

/** An open that found no file: the segment was dropped since the reader learned of it, or it is lost. */
export async function missingSegment(segment: Segment, cause: unknown): Promise<UpnextError> {
  const first = await readFirst(dirname(segment.path));
  if (segment.base >= first) return corrupt(segment, 0, "the file is missing", cause);
  const message = `${segment.path}: expected events from ${segment.base} on, but retention has dropped them while they were being read. Begin again from a snapshot, at event ${first} or later.`;
  return new UpnextError("log_unavailable", message, { cause });
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function firstPath(directory: string): string {
  return join(directory, "first");
}
