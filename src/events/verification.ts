/**
 * The integrity check: reads every byte of a log and compares what is there twice. Opening a log trusts the sidecars of
 * full segments, and reading it stops at the first damage; this goes on and says all that is wrong.
 */
import { open, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Progress } from "../core/index.ts";
import type { LogVerification } from "./file-log-contract.ts";
import { FrameScanner } from "./frame.ts";
import { type HashKey, hashed } from "./id-hash.ts";
import { IdTable } from "./id-table.ts";
import { readLogId } from "./log-id.ts";
import { readOffsetNote } from "./note-file.ts";
import { RecordReader } from "./record.ts";
import { readDroppedIds } from "./retention.ts";
import { readHeader, SEGMENT_HEADER, type Segment } from "./segment.ts";
import { readSidecar, sidecarPath } from "./sidecar.ts";

/** A writer in another process that writes a segment anew is done with its sidecar by then. Guess. */
const SIDECAR_WAIT_MS = 250;

/** What helps where a small file with an offset is damaged. */
const CURES = {
  compacted: "Remove it: what compaction has done is then looked for again.",
  end: "Remove it: it is made again when the log is closed.",
  first: "Restore it from a backup.",
} as const;

interface Check {
  readonly ids: IdTable;
  readonly progress: Progress;
  /** Throws where the check is to end. */
  readonly goOn: () => void;
  readonly problems: { path: string; message: string }[];
  bytes: number;
  events: number;
}

/** What was known of a segment when the check began. */
type Known = Pick<Segment, "path" | "base" | "count">;

export async function verifyLog(
  directory: string,
  segments: readonly Segment[],
  progress: Progress,
  goOn: () => void,
): Promise<LogVerification> {
  const known = segments.map(({ path, base, count }): Known => ({ path, base, count }));
  const last = known.at(-1);
  const end = last === undefined ? 0 : last.base + last.count;
  const total = segments.reduce((sum, { size }) => sum + size, 0);
  progress.step("log", total, "bytes");
  const check: Check = { ids: new IdTable(end), progress, goOn, problems: [], bytes: 0, events: 0 };
  await verifyNotes(directory, end, check);
  let key: HashKey | undefined;
  for (const segment of known) {
    goOn();
    try {
      key = await verifySegment(segment, segment === last, key, check);
    } catch (error) {
      goOn();
      check.problems.push({ path: segment.path, message: reasonOf(error) });
    }
  }
  return {
    segments: known.length,
    events: check.events,
    bytes: check.bytes,
    problems: check.problems,
  };
}

async function verifyNotes(directory: string, end: number, { problems }: Check): Promise<void> {
  const report = (name: string, message: string) => problems.push({ path: join(directory, name), message });
  try {
    if ((await readLogId(directory)) === "") report("id", "the file is missing");
  } catch (error) {
    report("id", reasonOf(error));
  }
  for (const [name, cure] of Object.entries(CURES)) {
    try {
      const offset = (await readOffsetNote(join(directory, name), cure)) ?? 0;
      if (offset > end) report(name, `expected an offset of the log, at most ${end}, got ${offset}`);
    } catch (error) {
      report(name, reasonOf(error));
    }
  }
}

/** Reads the segment and returns the key of its ids' hashes; `key` is that of the segments before it. */
async function verifySegment(
  known: Known,
  isLast: boolean,
  key: HashKey | undefined,
  check: Check,
): Promise<HashKey> {
  const report = (message: string) => check.problems.push({ path: known.path, message });
  const file = await open(known.path, "r");
  try {
    const header = await readHeader(file, known);
    if (key === undefined) await verifyDropped(known, header.key, check);
    else if (header.key[0] !== key[0] || header.key[1] !== key[1]) report("this segment is of another log");
    const { size } = await file.stat();
    const read = await verifyFrames(new FrameScanner(file, SEGMENT_HEADER, size), known, header.key, check);
    check.bytes += read.position;
    check.events += read.events;
    check.progress.update(check.bytes);
    if (read.repeated > 0) report(`${read.repeated} events have the id of an earlier one`);
    if (read.problem !== undefined) report(read.problem);
    else if (!isLast && read.position < size)
      report(
        `byte ${read.position}: expected the end of the segment, got ${size - read.position} more bytes`,
      );
    else if (!isLast) await verifySidecar(known, header.key, read.hashes, check);
    return key ?? header.key;
  } finally {
    await file.close();
  }
}

interface Read {
  /** Where the last whole frame ended. */
  readonly position: number;
  readonly events: number;
  /** Events whose id was there already. */
  readonly repeated: number;
  /** (count * 3) words. */
  readonly hashes: Uint32Array;
  readonly problem: string | undefined;
}

async function verifyFrames(scanner: FrameScanner, known: Known, key: HashKey, check: Check): Promise<Read> {
  const records = new RecordReader();
  const hashes = new Uint32Array(known.count * 3);
  let events = 0;
  let repeated = 0;
  let problem: string | undefined;
  let position = scanner.position;
  reading: do {
    check.goOn();
    while (events < known.count && scanner.next()) {
      try {
        repeated += takeFrame(scanner, records, key, hashes.subarray(events * 3), check.ids);
      } catch (error) {
        problem = `byte ${position}: a record in the frame here is not readable: ${reasonOf(error)}`;
        break reading;
      }
      events += scanner.count;
      position = scanner.position;
    }
  } while (events < known.count && (await scanner.fill()));
  if (scanner.problem !== undefined) problem = `byte ${position}: ${scanner.problem}`;
  else if (problem === undefined && events !== known.count)
    problem = `byte ${position}: the file ends after ${events} events, expected ${known.count}`;
  return { position, events, repeated, hashes, problem };
}

/** Reads the records of a frame and returns how many have an id that was there already. */
function takeFrame(
  frame: FrameScanner,
  records: RecordReader,
  key: HashKey,
  hashes: Uint32Array,
  ids: IdTable,
): number {
  let repeated = 0;
  records.open(frame.bytes, frame.payloadStart);
  for (let i = 0; i < frame.count; i++) {
    const start = records.at;
    records.skip();
    records.hash(key);
    hashes.set(hashed, i * 3);
    if (!ids.add(hashed[0]!, hashed[1]!, hashed[2]!)) repeated++;
    const end = records.at;
    records.open(frame.bytes, start);
    records.next();
    if (records.at !== end)
      throw new RangeError(`a record of ${end - start} bytes is read as ${records.at - start}`);
  }
  if (records.at !== frame.payloadEnd) throw new RangeError("the frame's records do not fill it");
  return repeated;
}

async function verifyDropped(first: Known, key: HashKey, { ids, problems }: Check): Promise<void> {
  const directory = dirname(first.path);
  for (const message of await readDroppedIds(directory, first.base, key, ids))
    problems.push({ path: directory, message });
}

async function verifySidecar(
  known: Known,
  key: HashKey,
  hashes: Uint32Array,
  { problems }: Check,
): Promise<void> {
  const path = sidecarPath(known.path);
  for (let attempt = 0; ; attempt++) {
    // Where there is none, the next opening makes one.
    if ((await stat(path).catch(() => undefined)) === undefined) return;
    const { size } = await stat(known.path);
    const words = (await readSidecar({ ...known, size }, key))?.hashes.words();
    if (words !== undefined && Buffer.compare(bytesOf(words), bytesOf(hashes)) === 0) return;
    if (attempt === 0) await setTimeout(SIDECAR_WAIT_MS);
    else break;
  }
  const message =
    "it does not hold the ids of its segment. Remove it: it is made again when the log is opened.";
  problems.push({ path, message });
}

function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
