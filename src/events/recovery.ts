/**
 * Opening a log for writing: every acknowledged event is there and its id known, and what was being written when the
 * last writer ended is cut off. The last segment is read whole; of the full ones only the sidecar, where it fits.
 *
 * A frame that was durable and is damaged cannot be told from one that was being written if nothing whole follows it.
 * The file `end` narrows that: a log that is closed writes down its end, and one that has not even that is refused. What
 * remains is damage to the very last frames of a log whose writer was killed: they are cut off, and `tail` says so.
 */
import { randomBytes } from "node:crypto";
import { type FileHandle, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { UpnextError } from "../core/index.ts";
import { findFrameAfter } from "./frame.ts";
import { HashColumn } from "./hash-column.ts";
import type { HashKey } from "./id-hash.ts";
import { IdTable } from "./id-table.ts";
import { readOffsetNote, writeNote } from "./note-file.ts";
import { readDroppedIds, retained } from "./retention.ts";
import {
  corrupt,
  createSegment,
  extendSegment,
  readHeader,
  type Segment,
  segmentAt,
  segmentBases,
} from "./segment.ts";
import { computeSidecar, hasher, readSidecar, type Sidecar, writeSidecar } from "./sidecar.ts";

export interface Recovered {
  readonly segments: Segment[];
  readonly key: HashKey;
  readonly ids: IdTable;
  /** Of the last segment. */
  readonly hashes: HashColumn;
  readonly tail: string | null;
  readonly warnings: readonly string[];
}

/** Brings the directory of a writer into order: what was acknowledged stays, what was cut off goes. */
export async function recover(directory: string): Promise<Recovered> {
  for (const name of await readdir(directory)) {
    if (name.endsWith(".tmp")) await rm(join(directory, name), { force: true });
  }
  const least = await readLeastEnd(directory);
  const found = await segmentBases(directory);
  let bases = await retained(directory, found);
  for (const base of found) if (base < bases[0]!) await rm(segmentAt(directory, base).path, { force: true });
  if (bases.length === 0) {
    await createSegment(directory, 0, newKey());
    bases = [0];
  }
  const segments = bases.map((base) => segmentAt(directory, base));
  const ids = new IdTable(bases.at(-1)!);
  let key: HashKey | undefined;
  let warnings: readonly string[] = [];
  let hashes = new HashColumn();
  let tail: string | null = null;
  for (const [index, segment] of segments.entries()) {
    const file = await open(segment.path, index === segments.length - 1 ? "r+" : "r");
    try {
      const own = await readHeader(file, segment);
      segment.generation = own.generation;
      if (key === undefined) {
        key = own.key;
        warnings = await readDroppedIds(directory, segment.base, key, ids);
      }
      if (own.key[0] !== key[0] || own.key[1] !== key[1])
        throw corrupt(segment, 24, "this segment is of another log");
      const next = bases[index + 1];
      if (next !== undefined) {
        segment.count = next - segment.base;
        segment.size = (await file.stat()).size;
        const sidecar = await recoverSidecar(segment, key);
        segment.newest = sidecar.newest;
        sidecar.hashes.addTo(ids);
      } else {
        hashes = new HashColumn();
        tail = await recoverLast(file, segment, key, hashes, least);
        hashes.addTo(ids);
      }
    } finally {
      await file.close();
    }
  }
  return { segments, key: key!, ids, hashes, tail, warnings };
}

/** The sidecar of a full segment; made again from the segment where it does not fit. */
async function recoverSidecar(segment: Segment, key: HashKey): Promise<Sidecar> {
  const known = await readSidecar(segment, key);
  if (known !== undefined) return known;
  const sidecar = await computeSidecar(segment, key);
  // A disk that is full does not keep a log from being opened.
  await writeSidecar(segment, key, sidecar).catch(() => {});
  return sidecar;
}

/** Reads the last segment whole and cuts what was being written when the last writer ended; says so. */
async function recoverLast(
  file: FileHandle,
  segment: Segment,
  key: HashKey,
  hashes: HashColumn,
  least: number,
): Promise<string | null> {
  const problem = await extendSegment(file, segment, hasher(segment, key, hashes));
  let tail: string | null = null;
  if (problem !== undefined) await assertNothingAfter(file, segment, problem);
  assertEnd(segment, least, problem);
  if (problem !== undefined) {
    const { size } = await file.stat();
    await file.truncate(segment.size);
    const bytes = size - segment.size;
    tail = `${segment.path}: cut ${bytes} bytes at byte ${segment.size} that were never acknowledged (${problem})`;
  }
  // The last writer may have been killed between write and sync: what is now taken as durable must be.
  await file.sync();
  return tail;
}

export async function assertNothingAfter(file: FileHandle, segment: Segment, problem: string): Promise<void> {
  const { size } = await file.stat();
  const whole = await findFrameAfter(file, segment.size, size);
  if (whole === undefined) return;
  throw corrupt(segment, segment.size, `${problem}, and durable events follow at byte ${whole}`);
}

/** A tail that is cut off may be one that was never acknowledged, but not from before the log was last closed. */
export function assertEnd(segment: Segment, least: number, problem: string | undefined): void {
  const end = segment.base + segment.count;
  if (end >= least) return;
  const what = `${problem ?? "the log ends here"}, at event ${end}, but ${least} events were durable when it was closed`;
  throw corrupt(segment, segment.size, what);
}

/** How far the log went when it was last closed; 0 where that is not known. */
export async function readLeastEnd(directory: string): Promise<number> {
  try {
    return (await readOffsetNote(join(directory, "end"), "")) ?? 0;
  } catch (error) {
    // It only guards what else is read; verify says that it is damaged.
    if (error instanceof UpnextError) return 0;
    throw error;
  }
}

/** Writes down how far a log that is being closed goes. Without it the next opening takes more on trust, no less. */
export async function writeEnd(directory: string, { base, count }: Segment): Promise<void> {
  const end = base + count;
  if ((await readLeastEnd(directory)) === end) return;
  await writeNote(join(directory, "end"), String(end)).catch(() => {});
}

/** Chosen by nobody: not from a seed, or senders could make ids that collide. */
function newKey(): HashKey {
  const bytes = randomBytes(8);
  return [bytes.readUInt32LE(0), bytes.readUInt32LE(4)];
}
