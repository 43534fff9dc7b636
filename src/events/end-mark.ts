/**
 * How far a log goes at least: the file `end`, one line as note-file.ts has it, which is written over in place when the
 * log is opened and closed, and a second after an append.
 *
 * A frame that was durable and is damaged cannot be told from one that was being written, if nothing whole follows it;
 * and a file that has lost its end looks like one that never went further. The mark narrows that: a log that does not
 * even reach it is refused. What remains is damage to what was appended in the last second before a writer was killed.
 * Where the mark itself is missing or damaged, opening takes more on trust, and no less.
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory, UpnextError } from "../core/index.ts";
import { noteLine, readOffsetNote } from "./note-file.ts";
import { corrupt, type Segment } from "./segment.ts";

/** An fdatasync of a page a second is nothing beside those of the appends. */
const PERIOD_MS = 1000;

export class EndMark {
  private readonly path: string;
  private readonly file: FileHandle;
  private end: number;
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();

  private constructor(path: string, file: FileHandle, end: number) {
    this.path = path;
    this.file = file;
    this.end = end;
  }

  /** @param end where the log that is being opened ends, durably */
  static async open(directory: string, end: number): Promise<EndMark> {
    const path = pathOf(directory);
    const mark = new EndMark(path, await open(path, constants.O_RDWR | constants.O_CREAT), end);
    await mark.write();
    await syncDirectory(directory);
    return mark;
  }

  /** Everything before `end` is durable. */
  note(end: number): void {
    this.end = end;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.writing = this.writing.then(() => this.write());
    }, PERIOD_MS).unref();
  }

  /** Writes the mark a last time, unless `isKnown` is false: another process may write its own by now. */
  async close(isKnown: boolean): Promise<void> {
    clearTimeout(this.timer);
    await this.writing;
    if (isKnown) await this.write();
    await this.file.close();
  }

  private async write(): Promise<void> {
    try {
      // Always as many bytes, so that no half of an older line stays behind it.
      await this.file.write(noteLine(this.path, String(this.end).padStart(20, "0")), 0, "latin1");
      await this.file.datasync();
    } catch {
      // A disk that fails is the appends' to say.
    }
  }
}

/** The mark; 0 where there is none that can be read. */
export async function readEndMark(directory: string): Promise<number> {
  try {
    return (await readOffsetNote(pathOf(directory), "")) ?? 0;
  } catch (error) {
    if (error instanceof UpnextError) return 0;
    throw error;
  }
}

/** Throws `log_corrupt` where a log with this last segment, which ends with `problem` or well, does not reach the mark. */
export function assertEnd(segment: Segment, mark: number, problem: string | undefined): void {
  const end = segment.base + segment.count;
  if (end >= mark) return;
  const what = `${problem ?? "the log ends here"}, at event ${end}, but ${mark} events were durable`;
  throw corrupt(segment, segment.size, what);
}

function pathOf(directory: string): string {
  return join(directory, "end");
}
