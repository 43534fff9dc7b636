/**
 * The writing half of the file log: group commit.
 *
 * Calls queue up while a write is under way; the next write takes what has gathered as one frame, and one fdatasync
 * makes it durable for all of them. So a lone append costs one sync, and a thousand at once cost one sync too.
 *
 * A write that fails (disk full) is taken back and later appends try again. After a sync that fails, nobody knows what
 * the disk holds: the log then refuses to append until it is opened again, which reads what is there.
 */
import { type FileHandle, open } from "node:fs/promises";
import { type Offset, UpnextError } from "../core/index.ts";
import type { Event } from "./event.ts";
import type { AppendResult } from "./event-log.ts";
import { FRAME_HEADER, sealFrame } from "./frame.ts";
import { HashColumn } from "./hash-column.ts";
import { type HashKey, hashed, hashId } from "./id-hash.ts";
import type { IdTable } from "./id-table.ts";
import { RecordWriter } from "./record.ts";
import { createSegment, noteFrame, type Segment } from "./segment.ts";
import { writeSidecar } from "./sidecar.ts";

/** A frame takes no further call once it is this large. */
const GATHER_BYTES = 1024 * 1024;
/** A single call larger than this is written as several frames; below it, a call is in the log whole or not at all. */
const SPLIT_BYTES = 4 * 1024 * 1024;

/** What the writer does to the last segment's file; tests hand in one that fails. */
export interface SegmentFile {
  write(bytes: Buffer, position: number): Promise<void>;
  sync(): Promise<void>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}

export async function openSegmentFile(path: string): Promise<SegmentFile> {
  const file: FileHandle = await open(path, "r+");
  return {
    async write(bytes, position) {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
        done += bytesWritten;
      }
    },
    sync: () => file.datasync(),
    truncate: (size) => file.truncate(size),
    close: () => file.close(),
  };
}

interface Call {
  readonly events: readonly Event[];
  /** Events before this one are durable, duplicates, or in the frame being written. */
  next: number;
  accepted: number;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: unknown) => void;
}

export interface WriterOptions {
  readonly directory: string;
  readonly segmentBytes: number;
  readonly openFile: (path: string) => Promise<SegmentFile>;
  readonly key: HashKey;
  /** All segments; the writer appends to the last and adds new ones. */
  readonly segments: Segment[];
  /** Ids of all events. */
  readonly ids: IdTable;
  /** Hashes of the last segment. */
  readonly hashes: HashColumn;
}

export class LogWriter {
  private readonly options: WriterOptions;
  private file: SegmentFile;
  private hashes: HashColumn;
  private readonly records = new RecordWriter();
  /** Events in the frame being made. */
  private pending = 0;
  private queue: Call[] = [];
  private running: Promise<void> | undefined;
  private broken: UpnextError | undefined;
  private sidecars: Promise<void> = Promise.resolve();

  constructor(options: WriterOptions, file: SegmentFile) {
    this.options = options;
    this.file = file;
    this.hashes = options.hashes;
  }

  append(events: readonly Event[]): Promise<AppendResult> {
    if (this.broken !== undefined) return Promise.reject(this.broken);
    return new Promise((resolve, reject) => {
      this.queue.push({ events, next: 0, accepted: 0, resolve, reject });
      this.running ??= this.drain();
    });
  }

  /** No append succeeds from here on. */
  break(why: string, cause?: unknown): void {
    this.broken ??= this.unavailable(why, "Mend the cause, then open the log again.", cause);
  }

  /** Waits for what was appended, then lets go of the file. */
  async close(): Promise<void> {
    await this.running;
    await this.sidecars;
    await this.file.close();
  }

  private get active(): Segment {
    return this.options.segments.at(-1)!;
  }

  private async drain(): Promise<void> {
    // Calls of the same turn of the event loop share the first frame.
    await undefined;
    while (this.queue.length > 0) {
      if (this.broken !== undefined) this.rejectAll(this.queue.splice(0), this.broken);
      else if (await this.rotateIfFull()) await this.flush();
    }
    this.running = undefined;
  }

  private async flush(): Promise<void> {
    const calls = this.gather();
    if (this.pending > 0 && !(await this.commit(calls))) return;
    const segment = this.active;
    const offset = (segment.base + segment.count) as Offset;
    for (const call of calls) {
      if (call.next < call.events.length) continue;
      call.resolve({ offset, accepted: call.accepted, duplicates: call.events.length - call.accepted });
    }
  }

  /** Takes calls off the queue and writes their records into the frame. A call too large stays, in part, in front. */
  private gather(): Call[] {
    this.records.at = FRAME_HEADER;
    this.pending = 0;
    const calls: Call[] = [];
    let taken = 0;
    for (const call of this.queue) {
      if (this.records.at >= GATHER_BYTES) break;
      if (this.encode(call)) calls.push(call);
      if (call.next < call.events.length) break;
      taken++;
    }
    this.queue.splice(0, taken);
    return calls;
  }

  /** False where an event of the call cannot be stored: the call is rejected and leaves no trace in the frame. */
  private encode(call: Call): boolean {
    const { records, hashes } = this;
    const { ids, key } = this.options;
    const start = { at: records.at, pending: this.pending, hashes: hashes.length };
    try {
      for (; call.next < call.events.length && records.at - start.at < SPLIT_BYTES; call.next++) {
        const before = records.at;
        records.write(call.events[call.next]!);
        hashId(records.bytes, records.idStart, records.idEnd, key);
        if (ids.add(hashed[0]!, hashed[1]!, hashed[2]!)) {
          hashes.push();
          this.pending++;
          call.accepted++;
        } else {
          records.at = before;
        }
      }
      return true;
    } catch (error) {
      records.at = start.at;
      this.pending = start.pending;
      hashes.takeBack(ids, start.hashes);
      call.next = call.events.length;
      call.reject(error);
      return false;
    }
  }

  /** Makes the frame durable; false, and everything as before, where that failed. */
  private async commit(calls: readonly Call[]): Promise<boolean> {
    const { records, active } = this;
    const frame = records.bytes.subarray(0, records.at);
    sealFrame(records.bytes, records.at, this.pending);
    let written = false;
    try {
      await this.file.write(frame, active.size);
      written = true;
      await this.file.sync();
    } catch (cause) {
      const what = `cannot ${written ? "sync" : "write"} ${active.path}`;
      if (written) this.break(what, cause);
      await this.takeBack();
      const cure = "Free space or mend the disk; later appends try again.";
      this.rejectAll(calls, this.broken ?? this.unavailable(what, cure, cause));
      if (this.queue[0] !== undefined && calls.includes(this.queue[0])) this.queue.shift();
      return false;
    }
    noteFrame(active, active.base + active.count, active.size);
    active.count += this.pending;
    active.size += frame.length;
    return true;
  }

  private async takeBack(): Promise<void> {
    this.hashes.takeBack(this.options.ids, this.active.count);
    try {
      await this.file.truncate(this.active.size);
    } catch (cause) {
      this.break(`cannot cut ${this.active.path} back to its last durable event`, cause);
    }
  }

  /** False, and every waiting call rejected, where a new segment is needed and cannot be made. */
  private async rotateIfFull(): Promise<boolean> {
    const full = this.active;
    if (full.size < this.options.segmentBytes || full.count === 0) return true;
    const { directory, key, segments, openFile } = this.options;
    try {
      const segment = await createSegment(directory, full.base + full.count, key);
      const file = await openFile(segment.path);
      // All of it is durable: nothing can be lost by closing.
      await this.file.close().catch(() => {});
      this.file = file;
      segments.push(segment);
    } catch (cause) {
      const cure = "Free space or mend the disk; later appends try again.";
      this.rejectAll(
        this.queue.splice(0),
        this.unavailable(`cannot make a segment in ${directory}`, cure, cause),
      );
      return false;
    }
    const sealed = this.hashes;
    this.hashes = new HashColumn();
    // Beside the commits, not before them; without a sidecar the next opening makes it again.
    this.sidecars = this.sidecars.then(() => writeSidecar(full, key, sealed)).catch(() => {});
    return true;
  }

  private rejectAll(calls: readonly Call[], error: UpnextError): void {
    for (const call of calls) call.reject(error);
  }

  private unavailable(what: string, cure: string, cause?: unknown): UpnextError {
    const reason = cause instanceof Error ? ` (${cause.message})` : "";
    return new UpnextError(
      "log_unavailable",
      `log: expected events to be durable, but ${what}${reason}. ${cure}`,
      {
        cause,
      },
    );
  }
}
