/**
 * Opening a log for writing: every acknowledged event is there and its id known, and what was being written when the
 * last writer ended is cut off. The last segment is read whole; of the full ones only the sidecar, where it fits.
 */
import { randomBytes } from "node:crypto";
import { type FileHandle, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type FrameScanner, findFrameAfter } from "./frame.ts";
import { HashColumn } from "./hash-column.ts";
import { type HashKey, hashId } from "./id-hash.ts";
import { IdTable } from "./id-table.ts";
import { RecordReader } from "./record.ts";
import {
  corrupt,
  createSegment,
  extendSegment,
  readHeader,
  type Segment,
  segmentAt,
  segmentBases,
} from "./segment.ts";
import { readSidecar, writeSidecar } from "./sidecar.ts";

export interface Recovered {
  readonly segments: Segment[];
  readonly key: HashKey;
  readonly ids: IdTable;
  readonly hashes: HashColumn;
  readonly tail: string | null;
}

/** Brings the directory of a writer into order: what was acknowledged stays, what was cut off goes. */
export async function recover(directory: string): Promise<Recovered> {
  for (const name of await readdir(directory)) {
    if (name.endsWith(".tmp")) await rm(join(directory, name), { force: true });
  }
  let bases = await segmentBases(directory);
  if (bases.length === 0) {
    await createSegment(directory, 0, newKey());
    bases = [0];
  }
  assertFirst(directory, bases[0]!);
  const segments = bases.map((base) => segmentAt(directory, base));
  const ids = new IdTable(bases.at(-1)!);
  let key: HashKey | undefined;
  let hashes = new HashColumn();
  let tail: string | null = null;
  for (const [index, segment] of segments.entries()) {
    const file = await open(segment.path, index === segments.length - 1 ? "r+" : "r");
    try {
      const own = await readHeader(file, segment);
      key ??= own;
      if (own[0] !== key[0] || own[1] !== key[1])
        throw corrupt(segment, 24, "this segment is of another log");
      const next = bases[index + 1];
      if (next !== undefined) {
        await recoverFull(file, segment, next, key, ids);
      } else {
        hashes = new HashColumn();
        tail = await recoverLast(file, segment, key, ids, hashes);
      }
    } finally {
      await file.close();
    }
  }
  return { segments, key: key!, ids, hashes, tail };
}

/** Takes the ids of a full segment from its sidecar, or reads the segment and writes the sidecar again. */
async function recoverFull(
  file: FileHandle,
  segment: Segment,
  nextBase: number,
  key: HashKey,
  ids: IdTable,
): Promise<void> {
  const { size } = await file.stat();
  const whole = { ...segment, size, count: nextBase - segment.base };
  let hashes = await readSidecar(whole, key);
  if (hashes === undefined) {
    hashes = new HashColumn();
    const problem = await extendSegment(file, segment, hasher(segment, key, hashes));
    if (problem !== undefined) throw corrupt(segment, segment.size, problem);
    if (segment.count !== whole.count) {
      throw corrupt(
        segment,
        segment.size,
        `expected ${whole.count} events before the next segment, got ${segment.count}`,
      );
    }
    await writeSidecar(segment, key, hashes).catch(() => {});
  }
  segment.count = whole.count;
  segment.size = size;
  hashes.addTo(ids);
}

/** Reads the last segment whole and cuts what was being written when the last writer ended; says so. */
async function recoverLast(
  file: FileHandle,
  segment: Segment,
  key: HashKey,
  ids: IdTable,
  hashes: HashColumn,
): Promise<string | null> {
  const problem = await extendSegment(file, segment, hasher(segment, key, hashes));
  hashes.addTo(ids);
  let tail: string | null = null;
  if (problem !== undefined) {
    await assertNothingAfter(file, segment, problem);
    const { size } = await file.stat();
    await file.truncate(segment.size);
    const bytes = size - segment.size;
    tail = `${segment.path}: cut ${bytes} bytes at byte ${segment.size} that were never acknowledged (${problem})`;
  }
  // The last writer may have been killed between write and sync: what is now taken as durable must be.
  await file.sync();
  return tail;
}

/** Hashes the ids of each frame into `hashes`. */
function hasher(segment: Segment, key: HashKey, hashes: HashColumn): (frame: FrameScanner) => void {
  const records = new RecordReader();
  return (frame) => {
    records.open(frame.bytes, frame.payloadStart);
    for (let i = 0; i < frame.count; i++) {
      records.skip();
      hashId(frame.bytes, records.idStart, records.idEnd, key);
      hashes.push();
    }
    if (records.at !== frame.payloadEnd)
      throw corrupt(segment, segment.size, "the frame's records do not fill it");
  };
}

export async function assertNothingAfter(file: FileHandle, segment: Segment, problem: string): Promise<void> {
  const { size } = await file.stat();
  const whole = await findFrameAfter(file, segment.size, size);
  if (whole === undefined) return;
  throw corrupt(segment, segment.size, `${problem}, and durable events follow at byte ${whole}`);
}

export function assertFirst(directory: string, base: number): void {
  if (base === 0) return;
  throw corrupt(segmentAt(directory, 0), 0, `the first segment is missing, the log begins at event ${base}`);
}

/** Chosen by nobody: not from a seed, or senders could make ids that collide. */
function newKey(): HashKey {
  const bytes = randomBytes(8);
  return [bytes.readUInt32LE(0), bytes.readUInt32LE(4)];
}
