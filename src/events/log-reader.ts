/** Reading segments from an offset, frame by frame: memory stays at one chunk and one batch, however long the log. */
import { type FileHandle, open } from "node:fs/promises";
import { errorCode, type Offset, UpnextError } from "../core/index.ts";
import type { LoggedEvent } from "./event-log.ts";
import { FrameScanner } from "./frame.ts";
import { RecordReader } from "./record.ts";
import { missingSegment } from "./retention.ts";
import { adoptGeneration, corrupt, noteFrame, readHeader, type Segment, seek } from "./segment.ts";

/** A batch ends at so many events, or at so many bytes where events are large. Guesses: large enough that the await
 * between batches costs nothing, small enough that a fold gives way to requests. */
export const BATCH_EVENTS = 2048;
const BATCH_BYTES = 4 * 1024 * 1024;

/** The events `from <= offset < end` of the segments, in order. `end` lies between two frames. */
export async function* readSegments(
  segments: readonly Segment[],
  from: number,
  end: number,
): AsyncGenerator<readonly LoggedEvent[]> {
  const records = new RecordReader();
  let batch: LoggedEvent[] = [];
  let batchBytes = 0;
  for (const segment of segments) {
    const stop = Math.min(end, segment.base + segment.count);
    if (stop <= from || stop <= segment.base) continue;
    const file = await openSegment(segment);
    try {
      const [{ size }, { generation }] = await Promise.all([file.stat(), readHeader(file, segment)]);
      if (segment !== segments.at(-1)) adoptGeneration(segment, generation, size);
      // Where compaction has put a new file in the place of this one, the index is not of the file that is open here.
      const known = generation === segment.generation;
      const start = seek(segment, known ? from : segment.base);
      let { offset } = start;
      const scanner = new FrameScanner(file, start.position, size);
      do {
        let position = scanner.position;
        while (offset < stop && scanner.next()) {
          if (generation === segment.generation) noteFrame(segment, offset, position);
          const frameEnd = offset + scanner.count;
          records.open(scanner.bytes, scanner.payloadStart);
          if (frameEnd <= from) offset = frameEnd;
          for (; offset < frameEnd; offset++) {
            if (offset < from) {
              records.skip();
              continue;
            }
            const before = records.at;
            batch.push(nextEvent(records, offset, segment, position));
            batchBytes += records.at - before;
            if (batch.length === BATCH_EVENTS || batchBytes >= BATCH_BYTES) {
              yield batch;
              batch = [];
              batchBytes = 0;
            }
          }
          position = scanner.position;
        }
      } while (offset < stop && (await scanner.fill()));
      if (offset < stop) {
        const lacking = `the file ends at event ${offset}, expected ${stop}`;
        throw corrupt(segment, scanner.position, scanner.problem ?? lacking);
      }
    } finally {
      await file.close();
    }
  }
  if (batch.length > 0) yield batch;
}

async function openSegment(segment: Segment): Promise<FileHandle> {
  try {
    return await open(segment.path, "r");
  } catch (error) {
    if (errorCode(error) === "ENOENT") throw await missingSegment(segment, error);
    throw error;
  }
}

function nextEvent(records: RecordReader, offset: number, segment: Segment, position: number): LoggedEvent {
  try {
    return { offset: offset as Offset, event: records.next() };
  } catch (cause) {
    if (cause instanceof UpnextError) throw cause;
    throw corrupt(segment, position, `event ${offset} in the frame here is not readable`, cause);
  }
}
