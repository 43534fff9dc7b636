/**
 * The durable log: a directory of segments (segment.ts) of checksummed frames (frame.ts) of records (record.ts), one
 * writer (writer-lock.ts, log-writer.ts), any number of readers in any process (log-reader.ts).
 *
 * Opening for writing reads the last segment whole (checksums, ids, torn tail) and of the full ones only their
 * sidecars; damage in a full segment is found when it is read, or by `verify`.
 */
import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import {
  type Clock,
  type EpochMs,
  type Offset,
  silent,
  syncDirectory,
  systemClock,
  UpnextError,
} from "../core/index.ts";
import { assertEnd, EndMark, readEndMark } from "./end-mark.ts";
import type { LoggedEvent } from "./event-log.ts";
import type { FileLog, LogVerification, SegmentView } from "./file-log-contract.ts";
import { makeLogId, readLogId } from "./log-id.ts";
import { readSegments } from "./log-reader.ts";
import { LogWriter, openSegmentFile, type SegmentFile, type Waiting } from "./log-writer.ts";
import type { NewestFrames } from "./newest-frames.ts";
import { type Recovered, recover } from "./recovery.ts";
import { refreshSegments } from "./refresh.ts";
import type { Segment } from "./segment.ts";
import { newestIn } from "./sidecar.ts";
import { readCompactedThrough, Upkeep } from "./upkeep.ts";
import { verifyLog } from "./verification.ts";
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
  /** Called after each step that compaction and retention do on the file system; a seam for tests of crashes. */
  readonly onStep?: (what: string) => Promise<void>;
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
  let compactedThrough = await readCompactedThrough(directory);
  // Read before the segments: the log only grows.
  const mark = await readEndMark(directory);
  const segments: Segment[] = [];
  let refreshing = refreshSegments(directory, segments);
  await refreshing;
  const last = segments.at(-1);
  if (last !== undefined) assertEnd(last, mark, undefined);
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
    get compactedThrough() {
      return compactedThrough;
    },
    append: refuse,
    rotate: refuse,
    compact: refuse,
    dropBefore: refuse,
    verifying: (verification) => verification(),
    refresh() {
      // One after the other: two at once would count the same frames twice.
      refreshing = refreshing
        .catch(() => {})
        .then(async () => {
          if (id === "") id = await readLogId(directory);
          compactedThrough = await readCompactedThrough(directory);
          await refreshSegments(directory, segments);
        });
      return refreshing;
    },
    close: () => refreshing.catch(() => {}),
  });
}

async function openWriter(directory: string, options: FileLogOptions): Promise<FileLog> {
  if ((await mkdir(directory, { recursive: true })) !== undefined) await syncDirectory(dirname(directory));
  let writer: LogWriter | undefined;
  const onLost = () => writer?.break(`another process has taken the lock of ${directory}`);
  const lock = await lockWriter(directory, options.clock ?? systemClock, onLost, options.lockBeatMs);
  try {
    const opened = await recover(directory);
    const id = await makeLogId(directory);
    const compactedThrough = await readCompactedThrough(directory);
    const openFile = options.openFile ?? openSegmentFile;
    const { segmentBytes = SEGMENT_BYTES, waiting = WAITING } = options;
    const last = opened.segments.at(-1)!;
    const mark = await EndMark.open(directory, last.base + last.count);
    const active = await openFile(last.path);
    writer = new LogWriter({ ...opened, directory, openFile, segmentBytes, waiting, mark }, active);
    const upkeep = new Upkeep({ directory, opened, writer, compactedThrough, onStep: options.onStep });
    return writableLog({ directory, id, opened, writer, upkeep, mark, lock });
  } catch (error) {
    await lock.release();
    throw error;
  }
}

interface Writable {
  readonly directory: string;
  readonly id: string;
  readonly opened: Recovered;
  readonly writer: LogWriter;
  readonly upkeep: Upkeep;
  readonly mark: EndMark;
  readonly lock: WriterLock;
}

function writableLog({ directory, id, opened, writer, upkeep, mark, lock }: Writable): FileLog {
  return makeLog(directory, opened.segments, {
    id,
    readOnly: false,
    tail: opened.tail,
    warnings: opened.warnings,
    get problem() {
      return writer.problem;
    },
    get compactedThrough() {
      return upkeep.compactedThrough;
    },
    newest: writer.newest,
    append: (events) => writer.append(events),
    rotate: () => writer.rotate(),
    compact: (erasures, through) => upkeep.compact(erasures, through),
    dropBefore: (offset) => upkeep.dropBefore(offset),
    verifying: (verification) => upkeep.alone(verification),
    refresh: async () => {},
    async close() {
      try {
        await upkeep.close();
        await writer.close();
        await mark.close(!writer.isBroken);
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
  /** What is in memory of what this process appended. */
  readonly newest?: NewestFrames;
  refresh(): Promise<void>;
  /** Runs a verification while no file is written anew or deleted by this process. */
  verifying(verification: () => Promise<LogVerification>): Promise<LogVerification>;
}

function makeLog(directory: string, segments: readonly Segment[], parts: Parts): FileLog {
  let closing: Promise<void> | undefined;
  const times = new Map<Offset, EpochMs>();
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
    yield* parts.newest?.read(from, until) ?? readSegments(segments.slice(), Math.max(0, from), until);
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
      assertOpen();
      await takeTimes(segments.slice(0, -1), times);
      return new Map([...times].filter(([base]) => base >= (segments[0]?.base ?? 0)));
    },
    async verify(progress = silent) {
      assertOpen();
      return parts.verifying(() => verifyLog(directory, segments.slice(), progress, assertOpen));
    },
    close() {
      closing ??= parts.close();
      return closing;
    },
  };
}

/** Adds the newest times of sealed segments of which they are not known yet. */
async function takeTimes(sealed: readonly Segment[], times: Map<Offset, EpochMs>): Promise<void> {
  for (const segment of sealed) {
    if (times.has(segment.base as Offset)) continue;
    const newest = segment.newest > 0 ? segment.newest : await newestIn(segment);
    times.set(segment.base as Offset, newest as EpochMs);
  }
}

function viewOf({ path, base, count, size }: Segment, sealed: boolean): SegmentView {
  return { path, base: base as Offset, end: (base + count) as Offset, bytes: size, sealed };
}
