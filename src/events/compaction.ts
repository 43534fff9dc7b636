/**
 * Compaction: events of users who were forgotten become anonymous (anonymous-record.ts), all else stays to the bit.
 *
 * A segment that holds such events is written anew beside the old one and takes its name when it is durable. So
 * offsets, ids and their order stay; a reader in the middle of the old file goes on in it; and whoever is killed leaves
 * segments each of which is either as it was or done. Doing it again finds what is left to do.
 */
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { type Offset, syncDirectory, type UserId } from "../core/index.ts";
import { anonymousParts } from "./anonymous-record.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { Event } from "./event.ts";
import type { Compaction } from "./file-log-contract.ts";
import { FRAME_HEADER, FrameScanner, sealFrame } from "./frame.ts";
import type { HashKey } from "./id-hash.ts";
import { RecordReader, RecordWriter } from "./record.ts";
import { adoptGeneration, corrupt, headerOf, readHeader, SEGMENT_HEADER, type Segment } from "./segment.ts";
import { computeSidecar, readSidecar, writeSidecar } from "./sidecar.ts";
import { UserIndex } from "./user-index.ts";

/** What is written at once, so that the bytes of a segment that stay are not written frame by frame. */
const WRITE_BYTES = 1024 * 1024;

export interface CompactionOf {
  readonly key: HashKey;
  /** All segments; the last is still appended to. */
  readonly segments: readonly Segment[];
  /** Closes the last segment and begins the next. */
  rotate(): Promise<void>;
  /** Waits until the sidecars of all closed segments are written. */
  sealed(): Promise<void>;
  /** Called after each step on the file system; rejects where there is to be no further one. */
  step(what: string): Promise<void>;
}

/** Makes the events of the users at or before their times anonymous, in all segments that there are now. */
export async function compactSegments(
  log: CompactionOf,
  erasures: ReadonlyMap<UserId, number>,
): Promise<Compaction> {
  const anonymiser = new Anonymiser(new UserIndex(erasures), log.key);
  const active = log.segments.at(-1)!;
  const { count } = active;
  if (await holdsAny(active, anonymiser)) await log.rotate();
  await log.sealed();
  let segments = 0;
  let bytes = 0;
  for (const segment of log.segments.slice(0, -1)) {
    // What was appended since the call began is not looked at.
    if (segment === active && count === 0) break;
    const saved = await rewrite(segment, anonymiser, log);
    if (saved !== undefined) {
      segments++;
      bytes += saved;
    }
    if (segment === active) break;
  }
  return { segments, events: anonymiser.events, bytes, users: anonymiser.users };
}

/** Writes frames anew without some of their users. */
class Anonymiser {
  /** Events made anonymous so far. */
  events = 0;
  readonly users = new Map<UserId, { events: number; firstOffset: Offset }>();
  /** The frame written last: `bytes[0, at)`. */
  readonly out = new RecordWriter();
  private readonly sought: UserIndex;
  private readonly key: HashKey;
  private readonly records = new RecordReader();
  private readonly decoder = new RecordReader();

  constructor(sought: UserIndex, key: HashKey) {
    this.sought = sought;
    this.key = key;
  }

  /** Whether the frame holds events to be made anonymous. */
  holdsAny(frame: FrameScanner): boolean {
    const { records } = this;
    records.open(frame.bytes, frame.payloadStart);
    for (let i = 0; i < frame.count; i++) {
      const start = records.at;
      records.skip();
      if (this.ownerAt(frame.bytes, start) !== undefined) return true;
    }
    return false;
  }

  /** Writes the frame, whose first event has this offset, into `out`. */
  write(frame: FrameScanner, offset: number): void {
    const { records, out } = this;
    out.at = FRAME_HEADER;
    records.open(frame.bytes, frame.payloadStart);
    for (let i = 0; i < frame.count; i++) {
      const start = records.at;
      records.skip();
      const owner = this.ownerAt(frame.bytes, start);
      if (owner === undefined) {
        out.copy(frame.bytes, start, records.at);
        continue;
      }
      records.hash(this.key);
      out.writeAnonymous(anonymousParts(this.decode(frame.bytes, start)));
      this.count(owner, offset + i);
    }
    sealFrame(out.bytes, out.at, frame.count);
  }

  /** The user of the record last skipped, which begins at `start`, if it is to be made anonymous. */
  private ownerAt(bytes: Buffer, start: number): UserId | undefined {
    const { records } = this;
    if (records.isUserFacts) {
      const event = this.decode(bytes, start);
      if (event.kind !== "user") return undefined;
      const until = this.sought.until(event.user);
      return until !== undefined && event.time <= until ? event.user : undefined;
    }
    if (records.userEnd === 0) return undefined;
    const found = this.sought.at(bytes, records.userStart, records.userEnd);
    return found !== undefined && records.time <= found.until ? found.user : undefined;
  }

  private decode(bytes: Buffer, start: number): Event {
    this.decoder.open(bytes, start);
    return this.decoder.next() as Event;
  }

  private count(user: UserId, offset: number): void {
    this.events++;
    const known = this.users.get(user);
    if (known === undefined) this.users.set(user, { events: 1, firstOffset: offset as Offset });
    else known.events++;
  }
}

/** Whether the segment, as far as it is known, holds events to be made anonymous. */
async function holdsAny(segment: Segment, anonymiser: Anonymiser): Promise<boolean> {
  const file = await open(segment.path, "r");
  try {
    const scanner = new FrameScanner(file, SEGMENT_HEADER, segment.size);
    do {
      while (scanner.next()) if (anonymiser.holdsAny(scanner)) return true;
    } while (await scanner.fill());
    if (scanner.problem !== undefined) throw corrupt(segment, scanner.position, scanner.problem);
    return false;
  } finally {
    await file.close();
  }
}

/** Puts a new file in the place of a full segment that holds such events. Returns by how much it is smaller. */
async function rewrite(
  segment: Segment,
  anonymiser: Anonymiser,
  log: CompactionOf,
): Promise<number | undefined> {
  const { key, step } = log;
  const unfinished = `${segment.path}.tmp`;
  try {
    const written = await writeAnew(segment, unfinished, anonymiser, log);
    if (written === undefined) return undefined;
    const sidecar = await readSidecar(segment, key);
    await step(`wrote ${unfinished}`);
    await rename(unfinished, segment.path);
    const saved = segment.size - written.size;
    adoptGeneration(segment, written.generation, written.size);
    await step(`renamed ${unfinished}`);
    await syncDirectory(dirname(segment.path));
    await writeSidecar(segment, key, sidecar ?? (await computeSidecar(segment, key)));
    await step(`wrote the sidecar of ${segment.path}`);
    return saved;
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => {});
    throw error;
  }
}

/** Writes the segment without the users, durably; undefined, and no file, where there is nothing of theirs. */
async function writeAnew(
  segment: Segment,
  path: string,
  anonymiser: Anonymiser,
  { key, step }: Pick<CompactionOf, "key" | "step">,
): Promise<{ readonly size: number; readonly generation: number } | undefined> {
  const file = await open(segment.path, "r");
  const generation = (await readHeader(file, segment)).generation + 1;
  const anew = new Anew(path, file, headerOf(segment.base, key, generation));
  try {
    const { size } = await file.stat();
    const scanner = new FrameScanner(file, SEGMENT_HEADER, size);
    let offset = segment.base;
    do {
      await step(`read ${segment.path}`);
      while (scanner.next()) {
        const { bytes, payloadStart, payloadEnd } = scanner;
        const start = payloadStart - FRAME_HEADER;
        if (anonymiser.holdsAny(scanner)) {
          anew.begin(scanner.position - (payloadEnd - start));
          anonymiser.write(scanner, offset);
          anew.put(anonymiser.out.bytes, 0, anonymiser.out.at);
        } else {
          anew.put(bytes, start, payloadEnd);
        }
        offset += scanner.count;
      }
      if (anew.pending >= WRITE_BYTES) await anew.flush();
    } while (await scanner.fill());
    if (scanner.problem !== undefined) throw corrupt(segment, scanner.position, scanner.problem);
    const end = segment.base + segment.count;
    if (offset !== end)
      throw corrupt(segment, scanner.position, `the file ends at event ${offset}, expected ${end}`);
    return anew.hasBegun ? { size: await anew.finish(), generation } : undefined;
  } finally {
    await anew.close();
    await file.close();
  }
}

/** A file that begins as a copy of another one, from some place on goes its own way, and until then does not exist. */
class Anew {
  private readonly path: string;
  private readonly source: FileHandle;
  private readonly header: Buffer;
  private readonly gathered = new ByteWriter(WRITE_BYTES);
  /** How far it is a copy; -1 as long as all of it is. */
  private copied = -1;
  private size = 0;
  private file: FileHandle | undefined;

  constructor(path: string, source: FileHandle, header: Buffer) {
    this.path = path;
    this.source = source;
    this.header = header;
  }

  get hasBegun(): boolean {
    return this.copied >= 0;
  }

  /** Bytes that wait to be written. */
  get pending(): number {
    return this.gathered.at;
  }

  /** What is put from here on stands at `position` of the source; called again, changes nothing. */
  begin(position: number): void {
    if (!this.hasBegun) this.copied = position;
  }

  /** Takes bytes, where it has begun. */
  put(bytes: Buffer, start: number, end: number): void {
    if (!this.hasBegun) return;
    this.gathered.ensure(end - start);
    bytes.copy(this.gathered.bytes, this.gathered.at, start, end);
    this.gathered.at += end - start;
  }

  async flush(): Promise<void> {
    if (this.file === undefined) {
      this.file = await open(this.path, "w");
      await this.write(this.header);
      await this.copy();
    }
    await this.write(this.gathered.bytes.subarray(0, this.gathered.at));
    this.gathered.at = 0;
  }

  /** Makes it durable and returns its size. */
  async finish(): Promise<number> {
    await this.flush();
    await this.file!.sync();
    return this.size;
  }

  async close(): Promise<void> {
    await this.file?.close();
  }

  private async copy(): Promise<void> {
    const chunk = Buffer.allocUnsafeSlow(WRITE_BYTES);
    while (this.size < this.copied) {
      const { bytesRead } = await this.source.read(
        chunk,
        0,
        Math.min(chunk.length, this.copied - this.size),
        this.size,
      );
      if (bytesRead === 0) throw new Error(`${this.path}: what it is copied from became shorter`);
      await this.write(chunk.subarray(0, bytesRead));
    }
  }

  private async write(bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.file!.write(bytes, done, bytes.length - done, this.size + done);
      done += bytesWritten;
    }
    this.size += bytes.length;
  }
}
