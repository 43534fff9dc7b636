/**
 * The rows with the highest keys of a column that changes a little between two questions, kept in order: a question is
 * a walk from the best on, not a look at every row.
 *
 * The head is exactly the rows that are at or above a floor, ordered by falling key, equal keys by row. A row that
 * changes is taken out and put where it belongs now; the floor rises when the head has grown, and the whole column is
 * looked at again only when the head has shrunk, or when too much has changed to be told.
 */
import type { RowChanges } from "../catalog/index.ts";

/** Rows that a new head has: what a request wants, what its user has seen, and some more (guess). */
const HEAD = 4096;

/** A column, and the rows of it that change. */
export interface ChangingColumn {
  /** (capacity) no NaN below `size`. */
  readonly keys: Float64Array;
  readonly size: number;
  readonly changes: RowChanges;
}

export class BestByKey {
  /** (count) the head, best first, and its keys. */
  rows = new Int32Array(0);
  keys = new Float64Array(0);
  count = 0;
  /** Whether the head has every row that ever changed or was there when it was made. */
  whole = false;
  /** Room for the next order. */
  private spareRows = new Int32Array(0);
  private spareKeys = new Float64Array(0);
  private floorKey = Infinity;
  private floorRow = -1;
  /** (capacity) 1 where a row is in the head; 2 where it is to be taken out. */
  private place = new Uint8Array(0);
  private changes: RowChanges | undefined;
  private version = -1;
  private readonly usual: number;

  /** @param usual rows that a new head has; it may grow to twice as many */
  constructor(usual = HEAD) {
    this.usual = usual;
  }

  /** Brings the head up to date. */
  follow(column: ChangingColumn): void {
    const { changes } = column;
    const same = changes === this.changes;
    if (same && changes.version === this.version) return;
    const changed = same ? changes.since(this.version) : undefined;
    this.changes = changes;
    this.version = changes.version;
    if (changed === undefined) this.make(column);
    else this.mend(column, changed);
  }

  private make({ keys, size }: ChangingColumn): void {
    const all = keys.slice(0, size);
    const wanted = Math.min(this.usual, size);
    this.whole = wanted === size;
    this.floorKey = wanted === 0 ? Infinity : nthHighest(all, wanted);
    const place = new Uint8Array(keys.length);
    let above = 0;
    for (let row = 0; row < size; row++) if (keys[row]! > this.floorKey) above++;
    let level = wanted - above;
    const chosen: number[] = [];
    for (let row = 0; row < size; row++) {
      const key = keys[row]!;
      if (!(key > this.floorKey || (key === this.floorKey && level-- > 0))) continue;
      if (key === this.floorKey) this.floorRow = row;
      place[row] = 1;
      chosen.push(row);
    }
    chosen.sort((a, b) => keys[b]! - keys[a]! || a - b);
    this.place = place;
    this.rows = new Int32Array(2 * this.usual);
    this.keys = new Float64Array(2 * this.usual);
    this.count = chosen.length;
    for (let i = 0; i < chosen.length; i++) {
      this.rows[i] = chosen[i]!;
      this.keys[i] = keys[chosen[i]!]!;
    }
  }

  private mend(column: ChangingColumn, changed: Int32Array): void {
    const { keys, size } = column;
    if (keys.length > this.place.length) {
      const wider = new Uint8Array(keys.length);
      wider.set(this.place);
      this.place = wider;
    }
    const { place } = this;
    const entering: number[] = [];
    for (const row of changed) {
      // Twice in the list: it is decided already.
      if (place[row] === 2 || place[row] === 3) continue;
      const key = keys[row]!;
      const enters = this.whole || key > this.floorKey || (key === this.floorKey && row <= this.floorRow);
      if (!enters && place[row] === 0) continue;
      place[row] = place[row] === 1 ? 2 : 3;
      if (enters) entering.push(row);
    }
    if (entering.length === 0 && !changed.some((row) => place[row] === 2)) return;
    entering.sort((a, b) => keys[b]! - keys[a]! || a - b);
    this.merge(entering, keys);
    for (const row of changed) if (place[row]! > 1) place[row] = 0;
    for (const row of entering) place[row] = 1;
    if (this.count > 2 * this.usual) this.cut();
    else if (this.count < Math.min(size, this.usual) / 2) this.make(column);
  }

  /** Leaves out the rows that are to be taken out, and puts `entering`, in order, where they belong. */
  private merge(entering: readonly number[], column: Float64Array): void {
    const { place, rows, keys, count } = this;
    const room = count + entering.length;
    const mergedRows = room > this.spareRows.length ? new Int32Array(2 * room) : this.spareRows;
    const mergedKeys = room > this.spareKeys.length ? new Float64Array(2 * room) : this.spareKeys;
    let n = 0;
    let next = 0;
    for (let i = 0; i < count; i++) {
      const row = rows[i]!;
      if (place[row]! > 1) continue;
      const key = keys[i]!;
      for (; next < entering.length; next++) {
        const other = entering[next]!;
        if (!(column[other]! > key || (column[other] === key && other < row))) break;
        mergedRows[n] = other;
        mergedKeys[n++] = column[other]!;
      }
      mergedRows[n] = row;
      mergedKeys[n++] = key;
    }
    for (; next < entering.length; next++) {
      mergedRows[n] = entering[next]!;
      mergedKeys[n++] = column[entering[next]!]!;
    }
    this.spareRows = rows;
    this.spareKeys = keys;
    this.rows = mergedRows;
    this.keys = mergedKeys;
    this.count = n;
  }

  /** Raises the floor to the last of the first `usual`. */
  private cut(): void {
    for (let i = this.usual; i < this.count; i++) this.place[this.rows[i]!] = 0;
    this.count = this.usual;
    this.floorRow = this.rows[this.usual - 1]!;
    this.floorKey = this.keys[this.usual - 1]!;
    this.whole = false;
  }
}

/** The value of rank `n` >= 1 from the top (Hoare's selection); reorders `values`. */
function nthHighest(values: Float64Array, n: number): number {
  const wanted = n - 1;
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const pivot = values[(low + high) >> 1]!;
    let i = low;
    let j = high;
    while (i <= j) {
      while (values[i]! > pivot) i++;
      while (values[j]! < pivot) j--;
      if (i > j) break;
      const held = values[i]!;
      values[i++] = values[j]!;
      values[j--] = held;
    }
    if (wanted <= j) high = j;
    else if (wanted >= i) low = i;
    else break;
  }
  return values[wanted]!;
}
