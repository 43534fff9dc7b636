/**
 * An importer turns files of one format into events. It streams: what it holds is a batch and, at most, one user's
 * sequence, never the file. Adding a format is one file with an `Importer` and one line in `index.ts`.
 *
 * Every event of an import has a content id (content-id.ts), so that importing the same rows again, after an
 * interruption or from a file that has grown, changes nothing twice.
 */
import type { EpochMs } from "../core/index.ts";
import type { Event } from "../events/index.ts";
import type { ColumnMapping } from "./rows/column-mapping.ts";

/** Where the data is. */
export interface ImportSource {
  /** A file, or the directory of a known layout. A `.gz` file is read like the file in it. */
  readonly path: string;
  /** Which column holds what (`parseColumns`), for importers with `takesColumns`; guessed where absent. */
  readonly columns?: ColumnMapping;
}

export interface ReadOptions {
  /** Times more than a day after this moment make their row bad. */
  readonly now: EpochMs;
}

/** A row that could not become an event, and why. The reason never holds an id or a text of the row. */
export interface BadRow {
  /** Name of the file, without its directory. */
  readonly file: string;
  /** 1-based line in the (unpacked) file; 1-based row in Parquet. */
  readonly line: number;
  readonly reason: string;
}

/** Some rows of one file. */
export interface ImportBatch {
  /** Path of the file. */
  readonly file: string;
  /** In the order in which they belong into the log: facts of items and users before what users did. */
  readonly events: readonly Event[];
  /** Rows that were read for this batch, good and bad. */
  readonly rows: number;
  readonly bad: readonly BadRow[];
  /** Bytes of `file` (as it lies on the disk) that have been read so far. */
  readonly bytes: number;
}

export interface Importer {
  readonly name: string;
  /** One line on what it reads, for help texts and for the error that lists the formats. */
  readonly about: string;
  /** Whether `ImportSource.columns` means something to it. */
  readonly takesColumns: boolean;
  /**
   * Why `source` is in this format, in words that also say what was guessed; null where it is not. Rejects with
   * `invalid_columns` where it is this format but the columns cannot be found.
   */
  detect(source: ImportSource): Promise<string | null>;
  /** The files that `read` will read, in that order. */
  files(source: ImportSource): Promise<readonly string[]>;
  /** Reads the files one after the other. Nothing is read ahead of the consumer. */
  read(source: ImportSource, options: ReadOptions): AsyncIterable<ImportBatch>;
}
