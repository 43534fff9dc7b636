/**
 * What the writer does to segments that are full, one thing at a time: compaction and retention. Both stop between two
 * steps when the log is closed, or when it is no longer the writer's.
 */
import { join } from "node:path";
import { type Offset, UpnextError, type UserId } from "../core/index.ts";
import { compactSegments } from "./compaction.ts";
import type { Compaction, Dropped } from "./file-log-contract.ts";
import type { LogWriter } from "./log-writer.ts";
import { readOffsetNote, writeNote } from "./note-file.ts";
import type { Recovered } from "./recovery.ts";
import { dropBefore } from "./retention.ts";

export interface UpkeepOptions {
  readonly directory: string;
  readonly opened: Pick<Recovered, "segments" | "key">;
  readonly writer: LogWriter;
  readonly compactedThrough: Offset;
  readonly onStep: ((what: string) => Promise<void>) | undefined;
}

export class Upkeep {
  compactedThrough: Offset;
  private readonly options: UpkeepOptions;
  private running: Promise<unknown> = Promise.resolve();
  private closed = false;

  constructor(options: UpkeepOptions) {
    this.options = options;
    this.compactedThrough = options.compactedThrough;
  }

  compact(erasures: ReadonlyMap<UserId, number>, through: Offset): Promise<Compaction> {
    const { directory, opened, writer } = this.options;
    return this.change(async () => {
      const compaction = await compactSegments(
        {
          ...opened,
          rotate: () => writer.rotate(),
          sealed: () => writer.sealed,
          step: (what) => this.step(what),
        },
        erasures,
      );
      if (through > this.compactedThrough) {
        await writeNote(compactedPath(directory), String(through));
        this.compactedThrough = through;
        await this.step("the erasures are carried out");
      }
      return compaction;
    });
  }

  dropBefore(offset: Offset): Promise<Dropped> {
    const { directory, opened, writer } = this.options;
    return this.change(async () => {
      await writer.sealed;
      return dropBefore({ ...opened, directory, step: (what) => this.step(what) }, offset);
    });
  }

  /** Runs `task` after what was asked for before it. */
  alone<T>(task: () => Promise<T>): Promise<T> {
    const done = this.running.then(task);
    this.running = done.catch(() => {});
    return done;
  }

  /** The same where the task changes files, which it can only as long as this is the writer and the disk takes it. */
  private change<T>(task: () => Promise<T>): Promise<T> {
    return this.alone(async () => {
      this.assertMayGoOn();
      try {
        return await task();
      } catch (cause) {
        if (cause instanceof UpnextError) throw cause;
        const reason = cause instanceof Error ? cause.message : String(cause);
        const message = `${this.options.directory}: expected to write segments anew or to delete them, got: ${reason}. Free space or mend the disk, then do it again: what was done stays done.`;
        throw new UpnextError("log_unavailable", message, { cause });
      }
    });
  }

  /** What runs ends at its next step. */
  async close(): Promise<void> {
    this.closed = true;
    await this.running;
  }

  private async step(what: string): Promise<void> {
    await this.options.onStep?.(what);
    this.assertMayGoOn();
  }

  private assertMayGoOn(): void {
    this.options.writer.assertWhole();
    if (!this.closed) return;
    const { directory } = this.options;
    throw new UpnextError("log_closed", `${directory}: this log was closed. Open it again.`);
  }
}

/** 0 where it is not known: what was carried out already can be carried out again. */
export async function readCompactedThrough(directory: string): Promise<Offset> {
  try {
    const known = await readOffsetNote(compactedPath(directory), "");
    return (known ?? 0) as Offset;
  } catch (error) {
    if (error instanceof UpnextError) return 0 as Offset;
    throw error;
  }
}

function compactedPath(directory: string): string {
  return join(directory, "compacted");
}
