/**
 * Which rows changed lately, in order: whoever keeps something computed by row mends the rows that changed since the
 * last look, instead of looking at all of them.
 */

/** Changes that are remembered: more of them between two looks, and looking at everything is no slower (guess). */
const REMEMBERED = 16_384;

export interface RowChanges {
  /** Grows by one with every change of a row: what was computed at this version is good while it stays. */
  readonly version: number;
  /** The rows that changed after `version`, with repeats; undefined where that is too long ago to say. */
  since(version: number): Int32Array | undefined;
}

export class RowJournal implements RowChanges {
  version: number;
  /** (REMEMBERED) change v stands at v modulo the length. */
  private readonly rows = new Int32Array(REMEMBERED);
  /** What changed before it was never here. */
  private readonly first: number;

  constructor(version = 0) {
    this.version = version;
    this.first = version;
  }

  add(row: number): void {
    this.rows[this.version++ % REMEMBERED] = row;
  }

  since(version: number): Int32Array | undefined {
    const count = this.version - version;
    if (version < this.first || count > REMEMBERED) return undefined;
    const changed = new Int32Array(count);
    for (let i = 0; i < count; i++) changed[i] = this.rows[(version + i) % REMEMBERED]!;
    return changed;
  }
}
