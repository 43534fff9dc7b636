/** A file with rows and named columns, whatever it is stored as. */
import type { TimeUnit } from "../rows/timestamps.ts";

export interface RowSink {
  /** `cells[i]` belongs to `wanted[i]`: a string (CSV), any JSON value, or undefined. The array is used again for the next row. */
  row(cells: readonly unknown[], line: number): void;
  /** A row that could not be read at all. */
  bad(line: number, reason: string): void;
}

export interface Table {
  readonly path: string;
  /** In words: kind and shape. */
  readonly about: string;
  readonly columns: readonly string[];
  /** The unit of a column whose type says that it holds times. */
  timeUnit(column: string): TimeUnit | undefined;
  /**
   * Pushes the rows' cells of the `wanted` columns (all in `columns`) into `sink` piece by piece and yields, after
   * each piece, the number of bytes of the file that have been read.
   */
  read(wanted: readonly string[], sink: RowSink): AsyncIterable<number>;
}

/** Opens `path` as a table of one kind; null where it is of another kind. `columns` are the names that a mapping uses. */
export type OpenTable = (path: string, columns?: readonly string[]) => Promise<Table | null>;

/** The cells of the first rows: (rows)(wanted). */
export async function sampleRows(
  table: Table,
  wanted: readonly string[],
  limit = 1000,
): Promise<unknown[][]> {
  const rows: unknown[][] = [];
  const sink: RowSink = {
    row(cells) {
      if (rows.length < limit) rows.push(wanted.map((_, i) => cells[i]));
    },
    bad() {},
  };
  for await (const _ of table.read(wanted, sink)) if (rows.length >= limit) break;
  return rows;
}
