/**
 * Columns over few rows of a large catalogue: a row gets a place the first time it is asked for, and values are added up
 * at places that lie side by side. What is cleared between two queries are the places that were given, not the catalogue.
 */

import { bestOf, type Selected } from "../tensor/index.ts";
import type { Query } from "./retriever.ts";
import { RowPlaces } from "./row-places.ts";

export class SparseColumns {
  /** A row that is given a place has 0 in all columns. */
  readonly places = new RowPlaces();
  /** [column] (items) by place; the first `places.count` are in use, the others 0. */
  readonly columns: readonly Float32Array[];
  private readonly allowedRows: Int32Array;
  private readonly allowedScores: Float32Array;

  constructor(items: number, columns: number) {
    this.columns = Array.from({ length: columns }, () => new Float32Array(items));
    this.allowedRows = new Int32Array(items);
    this.allowedScores = new Float32Array(items);
  }

  /** No row has a place any more. */
  clear(): void {
    for (const column of this.columns) column.fill(0, 0, this.places.count);
    this.places.clear();
  }

  /** The k allowed rows with the highest values in the first column. */
  best({ allowed }: Query, k: number): Selected {
    const { places, columns, allowedRows, allowedScores } = this;
    const { rows, count } = places;
    const scores = columns[0]!;
    let n = 0;
    for (let place = 0; place < count; place++) {
      const row = rows[place]!;
      if (allowed[row] === 0) continue;
      allowedRows[n] = row;
      allowedScores[n++] = scores[place]!;
    }
    return bestOf(allowedRows, allowedScores, n, k);
  }

  /** out[j][i] = column j at wanted[i]; 0 for rows without a place. */
  read(wanted: Int32Array, out: readonly Float32Array[]): void {
    const { places, columns } = this;
    for (let i = 0; i < wanted.length; i++) {
      const place = places.find(wanted[i]!);
      for (let j = 0; j < columns.length; j++) out[j]![i] = place < 0 ? 0 : columns[j]![place]!;
    }
  }
}
