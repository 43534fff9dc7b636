/**
 * Which items may be shown to anybody at a moment: live and published. The same for all requests until an item changes
 * or is published, so it is kept, and mended row by row.
 */
import type { ItemColumns } from "../catalog/index.ts";

export class Showable {
  private readonly items: ItemColumns;
  /** (capacity) 1 where the row may be shown at any moment of [from, until). */
  private bits = new Uint8Array(0);
  private count = 0;
  private from = Infinity;
  private until = -Infinity;
  private version = -1;

  constructor(items: ItemColumns) {
    this.items = items;
  }

  /** As of `now`: writes to `allowed` (size), and returns how many ones there are in it. */
  fill(allowed: Uint8Array, now: number): number {
    const size = allowed.length;
    const changed = this.from <= now && now < this.until ? this.items.changes.since(this.version) : undefined;
    if (changed === undefined) this.make(size, now);
    else for (const row of changed) this.mend(row, now);
    this.version = this.items.changes.version;
    allowed.set(this.bits.subarray(0, size));
    return this.count;
  }

  private make(size: number, now: number): void {
    const { live, publishedAt } = this.items;
    const bits = size > this.bits.length ? new Uint8Array(live.length) : this.bits;
    let count = 0;
    let from = -Infinity;
    let until = Infinity;
    for (let row = 0; row < size; row++) {
      const time = publishedAt[row]!;
      // NaN (unknown) is not greater than anything: it passes.
      const bit = time > now ? 0 : live[row]!;
      bits[row] = bit;
      count += bit;
      if (time > now) until = Math.min(until, time);
      else if (time > from) from = time;
    }
    this.bits = bits;
    this.count = count;
    this.from = from;
    this.until = until;
  }

  private mend(row: number, now: number): void {
    const { live, publishedAt } = this.items;
    if (row >= this.bits.length) {
      const wider = new Uint8Array(live.length);
      wider.set(this.bits);
      this.bits = wider;
    }
    const time = publishedAt[row]!;
    const bit = time > now ? 0 : live[row]!;
    this.count += bit - this.bits[row]!;
    this.bits[row] = bit;
    if (time > now) this.until = Math.min(this.until, time);
    else if (time > this.from) this.from = time;
  }
}

const known = new WeakMap<ItemColumns, Showable>();

/** The one of these items. */
export function showableOf(items: ItemColumns): Showable {
  let showable = known.get(items);
  if (showable === undefined) {
    showable = new Showable(items);
    known.set(items, showable);
  }
  return showable;
}
