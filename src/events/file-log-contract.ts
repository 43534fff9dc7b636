/** What the log in files can beside appending and reading: forgetting users, dropping the past, proving itself. */
import type { EpochMs, Offset, Progress, UserId } from "../core/index.ts";
import type { EventLog } from "./event-log.ts";

export interface FileLog extends EventLog {
  readonly directory: string;
  readonly readOnly: boolean;
  /** What was cut off the end at opening because it was never acknowledged, in words; null where nothing was. */
  readonly tail: string | null;
  /** What was found at opening that the log can live with, in words: ids of dropped events that are not known any more. */
  readonly warnings: readonly string[];
  /**
   * Made with the log, never changed; a restored log gets a new one (file `id` in the directory). Empty where a
   * read-only log looks at a directory that no writer has opened yet.
   */
  readonly id: string;
  /** Why appends fail at this moment (disk full, sync failed, lock lost), null where they do not. */
  readonly problem: string | null;
  /** Every segment that is there, oldest first. */
  readonly segments: readonly SegmentView[];
  /** Every erasure before this offset was carried out by compaction (durable). */
  readonly compactedThrough: Offset;
  /** Looks for what the writer has done since; for read-only logs. Resolves with the end. */
  refresh(): Promise<Offset>;
  /** Closes the active segment if it holds events, and begins the next. */
  rotate(): Promise<void>;
  /**
   * Makes every event of these users at or before their time anonymous, of all that were in the log when it was called;
   * the erasures themselves stay. `through` is where the log ended when the erasures were taken from it. Appends and
   * reads go on meanwhile. Doing it again changes nothing, so where it was killed or rejected, it may be called again.
   */
  compact(erasures: ReadonlyMap<UserId, number>, through: Offset): Promise<Compaction>;
  /**
   * Deletes the oldest sealed segments that lie wholly before `offset`. The caller has made a durable snapshot at or
   * after it. Ids stay known. A read that is under way in them rejects with `log_unavailable`.
   */
  dropBefore(offset: Offset): Promise<Dropped>;
  /** The newest event time in each sealed segment, by its base, for retention by age. */
  newestTimes(): Promise<ReadonlyMap<Offset, EpochMs>>;
  /** Reads everything there is and compares: checksums, records, offsets, ids, small files. Changes nothing. */
  verify(progress?: Progress): Promise<LogVerification>;
}

export interface SegmentView {
  readonly path: string;
  readonly base: Offset;
  readonly end: Offset;
  readonly bytes: number;
  /** Nothing is appended to it any more. */
  readonly sealed: boolean;
}

export interface Compaction {
  /** Segments that were written anew. */
  readonly segments: number;
  /** Events that were made anonymous. */
  readonly events: number;
  /** By which the files became smaller; negative where they grew. */
  readonly bytes: number;
  /** Those of the users of whom there was something. */
  readonly users: ReadonlyMap<UserId, { readonly events: number; readonly firstOffset: Offset }>;
}

export interface Dropped {
  readonly segments: number;
  readonly bytes: number;
}

export interface LogVerification {
  readonly segments: number;
  readonly events: number;
  readonly bytes: number;
  /** Empty where all is well. */
  readonly problems: readonly { readonly path: string; readonly message: string }[];
}
