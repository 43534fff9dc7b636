/**
 * The writing half of the file log: group commit.
 *
 * Calls queue up while a write is under way; the next write takes what has gathered as one frame, and one fdatasync
 * makes it durable for all of them. So a lone append costs one sync, and a thousand at once cost one sync too. No call
 * waits for company: what a call waits for is the commit under way and those of the calls before it, a frame each
 * GATHER_BYTES, and since what may wait is bounded (Waiting), so is the wait, by the speed of the disk alone.
 *
 * A write that fails (disk full) is taken back; later appends try again, and where none comes, a write of nothing does,
 * so that `problem` ends with its cause. After a sync that fails, nobody knows what the disk holds: the log then
 * refuses to append until it is opened again, which reads what is there.
 */
import { type FileHandle, open } from "node:fs/promises";
import { type Offset, UpnextError } from "../core/index.ts";
import type { EndMark } from "./end-mark.ts";
import type { Event, ItemFacts } from "./event.ts";
import type { AppendResult } from "./event-log.ts";
import { FRAME_HEADER, sealFrame } from "./frame.ts";
import { HashColumn } from "./hash-column.ts";
import { type HashKey, hashed, hashId } from "./id-hash.ts";
import type { IdTable } from "./id-table.ts";
import { NewestFrames } from "./newest-frames.ts";
import { RecordWriter } from "./record.ts";
import { createSegment, noteFrame, type Segment } from "./segment.ts";
import { writeSidecar } from "./sidecar.ts";

/** A frame takes no further call once it is this large. */
const GATHER_BYTES = 1024 * 1024;
/** A single call larger than this is written as several frames; below it, a call is in the log whole or not at all. */
const SPLIT_BYTES = 4 * 1024 * 1024;
/** So long after a failed write it is tried again where nobody appends: as often as one asks whether all is well. */
const PROBE_MS = 1000;
/** What such a trial writes: so much room, and the log takes appends again. Guess: many times a small batch. */
const PROBE_BYTES = 64 * 1024;

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

/** How much may wait to become durable: a call beyond it is rejected, unless nothing waits. */
export interface Waiting {
  readonly events: number;
  /** Of memory, as eventBytes guesses it. */
  readonly bytes: number;
}

interface Rotation {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Call {
  readonly events: readonly Event[];
  readonly bytes: number;
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
  readonly waiting: Waiting;
  /** Is told how far the log is durable. */
  readonly mark: EndMark;
  readonly key: HashKey;
  /** All segments; the writer appends to the last and adds new ones. */
  readonly segments: Segment[];
  /** Ids of all events. */
  readonly ids: IdTable;
  /** Hashes of the last segment. */
  readonly hashes: HashColumn;
}

export class LogWriter {
  /** Of the segment that is written. */
  readonly newest = new NewestFrames();
  private readonly options: WriterOptions;
  private file: SegmentFile;
  private hashes: HashColumn;
  private readonly records = new RecordWriter();
  /** Events in the frame being made, and the newest of their times. */
  private pending = 0;
  private pendingNewest = 0;
  private queue: Call[] = [];
  private rotations: Rotation[] = [];
  /** Of the calls that are not settled. */
  private waitingEvents = 0;
  private waitingBytes = 0;
  private running: Promise<void> | undefined;
  private broken: UpnextError | undefined;
  /** The last thing that failed, where nothing has succeeded since. */
  private failure: UpnextError | undefined;
  private probe: NodeJS.Timeout | undefined;
  private sidecars: Promise<void> = Promise.resolve();

  constructor(options: WriterOptions, file: SegmentFile) {
    this.options = options;
    this.file = file;
    this.hashes = options.hashes;
  }

  append(events: readonly Event[]): Promise<AppendResult> {
    if (this.broken !== undefined) return Promise.reject(this.broken);
    let bytes = 0;
    for (const event of events) bytes += eventBytes(event);
    if (!this.hasRoom(events.length, bytes)) return Promise.reject(this.busy());
    this.waitingEvents += events.length;
    this.waitingBytes += bytes;
    return new Promise((resolve, reject) => {
      this.queue.push({ events, bytes, next: 0, accepted: 0, resolve, reject });
      this.running ??= this.drain();
    });
  }

  /** Closes the active segment, in its turn among the appends, where it holds events. */
  rotate(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.rotations.push({ resolve, reject });
      this.running ??= this.drain();
    });
  }

  /** Resolves when the sidecars of all closed segments are written, or could not be. */
  get sealed(): Promise<void> {
    return this.sidecars;
  }

  /** Why no append succeeds at the moment; null where nothing is known to be wrong. */
  get problem(): string | null {
    return (this.broken ?? this.failure)?.message ?? null;
  }

  get isBroken(): boolean {
    return this.broken !== undefined;
  }

  /** Throws where no append can succeed any more. */
  assertWhole(): void {
    if (this.broken !== undefined) throw this.broken;
  }

  /** No append succeeds from here on. */
  break(why: string, cause?: unknown): void {
    this.broken ??= this.unavailable(why, "Mend the cause, then open the log again.", cause);
  }

  /** Waits for what was appended, then lets go of the file. */
  async close(): Promise<void> {
    clearTimeout(this.probe);
    await this.running;
    clearTimeout(this.probe);
    await this.sidecars;
    await this.file.close();
  }

  private get active(): Segment {
    return this.options.segments.at(-1)!;
  }

  private async drain(): Promise<void> {
    // Calls of the same turn of the event loop share the first frame.
    await undefined;
    while (this.queue.length > 0 || this.rotations.length > 0) {
      if (this.rotations.length > 0) await this.rotateFor(this.rotations.splice(0));
      else if (this.broken !== undefined) this.rejectAll(this.queue.splice(0), this.broken);
      else if (await this.rotateIfFull()) await this.flush();
    }
    this.running = undefined;
  }

  private async rotateFor(calls: readonly Rotation[]): Promise<void> {
    try {
      this.assertWhole();
      if (this.active.count > 0) await this.beginSegment();
    } catch (error) {
      for (const call of calls) call.reject(error);
      return;
    }
    for (const call of calls) call.resolve();
  }

  private async flush(): Promise<void> {
    const calls = this.gather();
    if (this.pending > 0 && !(await this.commit(calls))) return;
    const segment = this.active;
    const offset = (segment.base + segment.count) as Offset;
    for (const call of calls) {
      if (call.next < call.events.length) continue;
      this.settle(call);
      call.resolve({ offset, accepted: call.accepted, duplicates: call.events.length - call.accepted });
    }
  }

  /** Takes calls off the queue and writes their records into the frame. A call too large stays, in part, in front. */
  private gather(): Call[] {
    this.records.at = FRAME_HEADER;
    this.pending = 0;
    this.pendingNewest = 0;
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
        const event = call.events[call.next]!;
        records.write(event);
        hashId(records.bytes, records.idStart, records.idEnd, key);
        if (ids.add(hashed[0]!, hashed[1]!, hashed[2]!)) {
          hashes.push();
          this.pending++;
          if (event.time > this.pendingNewest) this.pendingNewest = event.time;
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
      this.settle(call);
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
      this.rejectAll(calls, this.broken ?? this.fail(what, cause));
      if (this.queue[0] !== undefined && calls.includes(this.queue[0])) this.queue.shift();
      return false;
    }
    noteFrame(active, active.base + active.count, active.size);
    this.newest.add(active.base + active.count, this.pending, frame.subarray(FRAME_HEADER));
    active.count += this.pending;
    active.size += frame.length;
    if (this.pendingNewest > active.newest) active.newest = this.pendingNewest;
    this.failure = undefined;
    this.options.mark.note(active.base + active.count);
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
    if (this.active.size < this.options.segmentBytes || this.active.count === 0) return true;
    try {
      await this.beginSegment();
      return true;
    } catch (error) {
      this.rejectAll(this.queue.splice(0), error);
      return false;
    }
  }

  private async beginSegment(): Promise<void> {
    const full = this.active;
    const { directory, key, segments, openFile } = this.options;
    try {
      const segment = await createSegment(directory, full.base + full.count, key);
      const file = await openFile(segment.path);
      // All of it is durable: nothing can be lost by closing.
      await this.file.close().catch(() => {});
      this.file = file;
      segments.push(segment);
      // A full segment may be written anew without those who are forgotten.
      this.newest.clear();
    } catch (cause) {
      throw this.fail(`cannot make a segment in ${directory}`, cause);
    }
    const sealed = { hashes: this.hashes, newest: full.newest };
    this.hashes = new HashColumn();
    // Beside the commits, not before them; without a sidecar the next opening makes it again.
    this.sidecars = this.sidecars.then(() => writeSidecar(full, key, sealed)).catch(() => {});
  }

  /** Notes what failed for now, and tries after a while whether it would still fail. */
  private fail(what: string, cause: unknown): UpnextError {
    this.failure = this.unavailable(what, "Free space or mend the disk; later appends try again.", cause);
    this.probeLater();
    return this.failure;
  }

  private probeLater(): void {
    clearTimeout(this.probe);
    this.probe = setTimeout(() => {
      if (this.running !== undefined) this.probeLater();
      else this.running = this.tryToWrite();
    }, PROBE_MS).unref();
  }

  /** Writes zeros behind the last frame and takes them back; `failure` is as that went. */
  private async tryToWrite(): Promise<void> {
    if (this.failure !== undefined && this.broken === undefined && (await this.rotateIfFull())) {
      const { active } = this;
      try {
        await this.file.write(Buffer.alloc(PROBE_BYTES), active.size);
        this.failure = undefined;
      } catch (cause) {
        this.fail(`cannot write ${active.path}`, cause);
      }
      await this.takeBack();
    }
    this.running = this.queue.length > 0 || this.rotations.length > 0 ? this.drain() : undefined;
  }

  private hasRoom(events: number, bytes: number): boolean {
    const { waiting } = this.options;
    if (this.waitingEvents === 0) return true;
    return this.waitingEvents + events <= waiting.events && this.waitingBytes + bytes <= waiting.bytes;
  }

  private settle(call: Call): void {
    this.waitingEvents -= call.events.length;
    this.waitingBytes -= call.bytes;
  }

  private rejectAll(calls: readonly Call[], error: unknown): void {
    for (const call of calls) {
      this.settle(call);
      call.reject(error);
    }
  }

  private busy(): UpnextError {
    const { waiting } = this.options;
    const waits = `${this.waitingEvents} events of about ${this.waitingBytes} bytes`;
    const message = `log: expected at most ${waiting.events} events and ${waiting.bytes} bytes to wait for the disk, got another call while ${waits} wait. Send it again later, or slower.`;
    return new UpnextError("log_busy", message);
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

/** What an event holds in memory, roughly: guesses, so that a bound on what waits is one on memory too. */
function eventBytes(event: Event): number {
  switch (event.kind) {
    case "interaction":
      return 400;
    case "impression":
      return 1000 + 150 * event.slots.length;
    case "item":
      return 500 + 2 * (event.facts.title?.length ?? 0) + 100 * sizeOf(event.facts);
    case "user":
      return 400 + 200 * Object.keys(event.facts).length;
    default:
      return 300;
  }
}

function sizeOf({ categories, attributes }: ItemFacts): number {
  return (categories?.length ?? 0) + 2 * Object.keys(attributes ?? {}).length;
}
