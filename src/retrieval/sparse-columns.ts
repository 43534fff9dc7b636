/**
 * Columns over few rows of a large catalogue: a row gets a place the first time it is asked for, and values are added up
 * at places that lie side by side. What is cleared between two queries are the places that were given, not the catalogue.
 */

import { bestOf, type Selected } from "../tensor/index.ts";
import type { Query } from "./retriever.ts";

export class SparseColumns {
  /** (items) 1 + place of a row, 0 where it has none. */
  readonly slots: Int32Array;
  /** (items) the first `count`: the row of each place. */
  readonly rows: Int32Array;
  /** [column] (items) the first `count` are in use, the others 0. */
  readonly columns: readonly Float32Array[];
  count = 0;
  private readonly allowedRows: Int32Array;
  private readonly allowedScores: Float32Array;

  constructor(items: number, columns: number) {
    this.slots = new Int32Array(items);
    this.rows = new Int32Array(items);
    this.columns = Array.from({ length: columns }, () => new Float32Array(items));
    this.allowedRows = new Int32Array(items);
    this.allowedScores = new Float32Array(items);
  }

  /** No row has a place any more. */
  clear(): void {
    const { slots, rows, count } = this;
    for (let i = 0; i < count; i++) slots[rows[i]!] = 0;
    for (const column of this.columns) column.fill(0, 0, count);
    this.count = 0;
  }

  /** A place for a row that has none, with 0 in all columns. */
  place(row: number): number {
    const place = this.count++;
    this.slots[row] = place + 1;
    this.rows[place] = row;
    return place;
  }

  /** The k allowed rows with the highest values in the first column. */
  best({ allowed }: Query, k: number): Selected {
    const { rows, columns, count, allowedRows, allowedScores } = this;
    const scores = columns[0]!;
    let n = 0;
    for (let i = 0; i < count; i++) {
      const row = rows[i]!;
      if (allowed[row] === 0) continue;
      allowedRows[n] = row;
      allowedScores[n++] = scores[i]!;
    }
    return bestOf(allowedRows, allowedScores, n, k);
  }

  /** out[j][i] = column j at wanted[i]; 0 for rows without a place. */
  read(wanted: Int32Array, out: readonly Float32Array[]): void {
    const { slots, columns } = this;
    for (let j = 0; j < columns.length; j++) {
      const column = columns[j]!;
      const to = out[j]!;
      for (let i = 0; i < wanted.length; i++) {
        const row = wanted[i]!;
        const slot = row < slots.length ? slots[row]! : 0;
        to[i] = slot === 0 ? 0 : column[slot - 1]!;
      }
    }
  }
}
