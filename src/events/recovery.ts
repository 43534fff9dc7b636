/**
 * Opening a log for writing: every acknowledged event is there and its id known, and what was being written when the
 * last writer ended is cut off. The last segment is read whole; of the full ones only the sidecar, where it fits.
 * Damage there that nothing whole follows is taken for a write that was cut off, as far as the end mark allows.
 */
import { randomBytes } from "node:crypto";
import { type FileHandle, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { assertEnd, readEndMark } from "./end-mark.ts";
import { findFrameAfter } from "./frame.ts";
import { HashColumn } from "./hash-column.ts";
import type { HashKey } from "./id-hash.ts";
import { IdTable } from "./id-table.ts";
import { readDroppedIds, retainedBases } from "./retention.ts";
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
  const mark = await readEndMark(directory);
  let bases = await retainedBases(directory);
  for (const base of await segmentBases(directory))
    if (base < bases[0]!) await rm(segmentAt(directory, base).path, { force: true });
  if (bases.length === 0) {
    assertEnd(segmentAt(directory, 0), mark, "the file is missing");
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
        tail = await recoverLast(file, segment, key, hashes, mark);
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
  mark: number,
): Promise<string | null> {
  const problem = await extendSegment(file, segment, hasher(segment, key, hashes));
  let tail: string | null = null;
  if (problem !== undefined) await assertNothingAfter(file, segment, problem);
  assertEnd(segment, mark, problem);
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

/** Chosen by nobody: not from a seed, or senders could make ids that collide. */
function newKey(): HashKey {
  const bytes = randomBytes(8);
  return [bytes.readUInt32LE(0), bytes.readUInt32LE(4)];
}
