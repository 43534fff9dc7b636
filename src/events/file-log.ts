/**
 * The durable log: a directory of segments (segment.ts) of checksummed frames (frame.ts) of records (record.ts), one
 * writer (writer-lock.ts, log-writer.ts), any number of readers in any process (log-reader.ts).
 *
 * Opening for writing reads the last segment whole (checksums, ids, torn tail) and of the full ones only their
 * sidecars; damage in a full segment is found when it is read, or by `verify`.
 */
import { mkdir, open, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type Clock, type Offset, systemClock, UpnextError } from "../core/index.ts";
import type { LoggedEvent } from "./event-log.ts";
import type { FileLog, SegmentView } from "./file-log-contract.ts";
import { makeLogId, readLogId } from "./log-id.ts";
import { readSegments } from "./log-reader.ts";
import { LogWriter, openSegmentFile, type SegmentFile, type Waiting } from "./log-writer.ts";
import { assertFirst, assertNothingAfter, type Recovered, recover } from "./recovery.ts";
import {
  extendSegment,
  readHeader,
  type Segment,
  segmentAt,
  segmentBases,
  syncDirectory,
} from "./segment.ts";
import { lockWriter, type WriterLock } from "./writer-lock.ts";

export interface FileLogOptions {
  readonly clock?: Clock;
  /** A segment that has reached this size is closed and the next begun. */
  readonly segmentBytes?: number;
  /** How much may wait to become durable; beyond it `append` rejects with `log_busy`. */
  readonly waiting?: Waiting;
  /** Reads beside a writer in another process; takes no lock and changes no file. */
  readonly readOnly?: boolean;
  /** How often the writer shows that it lives; for tests. */
  readonly lockBeatMs?: number;
  /** How the last segment is written; a seam for tests of failing disks. */
  readonly openFile?: (path: string) => Promise<SegmentFile>;
}

const SEGMENT_BYTES = 64 * 1024 * 1024;
/**
 * The events are a few seconds of what one core makes durable (102 k a second at 256 writers): who is told to wait longer
 * than that is better told to come again. The bytes bound the memory where the events are large ones. Guesses.
 */
const WAITING: Waiting = { events: 250_000, bytes: 128 * 1024 * 1024 };

/**
 * Opens the log in `directory`, which is made where it is missing. Rejects with `log_locked`, `log_corrupt`,
 * `log_unavailable`, and read-only with `data_not_found` where there is no directory.
 */
export async function openFileLog(directory: string, options: FileLogOptions = {}): Promise<FileLog> {
  const path = resolve(directory);
  try {
    return await (options.readOnly ? openReader(path) : openWriter(path, options));
  } catch (cause) {
    if (cause instanceof UpnextError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `${path}: expected a log that can be opened, got: ${reason}. Mend the path or its permissions.`;
    throw new UpnextError("log_unavailable", message, { cause });
  }
}

async function openReader(directory: string): Promise<FileLog> {
  const found = await stat(directory).catch(() => undefined);
  if (!found?.isDirectory()) {
    const message = `${directory}: expected the directory of a log, found none. Check the path, or start the writer first.`;
    throw new UpnextError("data_not_found", message);
  }
  let id = await readLogId(directory);
  const segments: Segment[] = [];
  let refreshing = refreshSegments(directory, segments);
  await refreshing;
  const refuse = () => {
    const message = `${directory}: this log was opened read-only. Do this where it is open for writing.`;
    return Promise.reject(new UpnextError("read_only", message));
  };
  return makeLog(directory, segments, {
    get id() {
      return id;
    },
    readOnly: true,
    tail: null,
    warnings: [],
    problem: null,
    compactedThrough: 0 as Offset,
    append: refuse,
    rotate: refuse,
    compact: refuse,
    dropBefore: refuse,
    refresh() {
      // One after the other: two at once would count the same frames twice.
      refreshing = refreshing
        .catch(() => {})
        .then(async () => {
          if (id === "") id = await readLogId(directory);
          await refreshSegments(directory, segments);
        });
      return refreshing;
    },
    close: () => refreshing.catch(() => {}),
  });
}

/** Takes in new segments and the new frames of the last one. */
async function refreshSegments(directory: string, segments: Segment[]): Promise<void> {
  for (const base of await segmentBases(directory)) {
    const last = segments.at(-1);
    if (last !== undefined && base <= last.base) continue;
    if (last === undefined) assertFirst(directory, base);
    else last.count = base - last.base;
    segments.push(segmentAt(directory, base));
  }
  const last = segments.at(-1);
  if (last === undefined) return;
  const file = await open(last.path, "r");
  try {
    if (last.count === 0) await readHeader(file, last);
    const problem = await extendSegment(file, last);
    // A cut-off frame may be one that the writer is just writing.
    if (problem !== undefined) await assertNothingAfter(file, last, problem);
  } finally {
    await file.close();
  }
}

async function openWriter(directory: string, options: FileLogOptions): Promise<FileLog> {
  if ((await mkdir(directory, { recursive: true })) !== undefined) await syncDirectory(dirname(directory));
  let writer: LogWriter | undefined;
  const onLost = () => writer?.break(`another process has taken the lock of ${directory}`);
  const lock = await lockWriter(directory, options.clock ?? systemClock, onLost, options.lockBeatMs);
  try {
    const opened = await recover(directory);
    const id = await makeLogId(directory);
    const openFile = options.openFile ?? openSegmentFile;
    const { segmentBytes = SEGMENT_BYTES, waiting = WAITING } = options;
    const active = await openFile(opened.segments.at(-1)!.path);
    writer = new LogWriter({ ...opened, directory, openFile, segmentBytes, waiting }, active);
    return writableLog(directory, id, opened, writer, lock);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function writableLog(
  directory: string,
  id: string,
  opened: Recovered,
  writer: LogWriter,
  lock: WriterLock,
): FileLog {
  const soon = () => Promise.reject(new UpnextError("internal", "the log cannot do this yet"));
  return makeLog(directory, opened.segments, {
    id,
    readOnly: false,
    tail: opened.tail,
    warnings: [],
    get problem() {
      return writer.problem;
    },
    compactedThrough: 0 as Offset,
    append: (events) => writer.append(events),
    rotate: () => writer.rotate(),
    compact: soon,
    dropBefore: soon,
    refresh: async () => {},
    async close() {
      try {
        await writer.close();
      } finally {
        await lock.release();
      }
    },
  });
}

/** What differs between a writable and a read-only log. */
interface Parts
  extends Pick<
    FileLog,
    | "id"
    | "readOnly"
    | "tail"
    | "warnings"
    | "problem"
    | "compactedThrough"
    | "append"
    | "rotate"
    | "compact"
    | "dropBefore"
    | "close"
  > {
  refresh(): Promise<void>;
}

function makeLog(directory: string, segments: readonly Segment[], parts: Parts): FileLog {
  let closing: Promise<void> | undefined;
  const closedError = () =>
    new UpnextError("log_closed", `${directory}: this log was closed. Open it again.`);
  const assertOpen = () => {
    if (closing !== undefined) throw closedError();
  };
  const end = () => {
    const last = segments.at(-1);
    return (last === undefined ? 0 : last.base + last.count) as Offset;
  };
  async function* read(from: number, until: number): AsyncGenerator<readonly LoggedEvent[]> {
    assertOpen();
    yield* readSegments(segments.slice(), Math.max(0, from), until);
  }
  return {
    directory,
    readOnly: parts.readOnly,
    tail: parts.tail,
    warnings: parts.warnings,
    get id() {
      return parts.id;
    },
    get problem() {
      return parts.problem;
    },
    get compactedThrough() {
      return parts.compactedThrough;
    },
    get segments() {
      return segments.map((segment, index) => viewOf(segment, index < segments.length - 1));
    },
    get first() {
      return (segments[0]?.base ?? 0) as Offset;
    },
    get end() {
      return end();
    },
    append: (events) => (closing === undefined ? parts.append(events) : Promise.reject(closedError())),
    read: (from) => read(from, end()),
    async refresh() {
      assertOpen();
      await parts.refresh();
      return end();
    },
    async rotate() {
      assertOpen();
      await parts.rotate();
    },
    async compact(erasures, through) {
      assertOpen();
      return parts.compact(erasures, through);
    },
    async dropBefore(offset) {
      assertOpen();
      return parts.dropBefore(offset);
    },
    async newestTimes() {
      throw new UpnextError("internal", "the log cannot do this yet");
    },
    async verify() {
      throw new UpnextError("internal", "the log cannot do this yet");
    },
    close() {
      closing ??= parts.close();
      return closing;
    },
  };
}

function viewOf({ path, base, count, size }: Segment, sealed: boolean): SegmentView {
  return { path, base: base as Offset, end: (base + count) as Offset, bytes: size, sealed };
}
