/** The hashes of the event ids of one segment, in the order of its events. */
import { hashed } from "./id-hash.ts";
import type { IdTable } from "./id-table.ts";

/** A Uint32Array of three words a hash, that grows. */
export class HashColumn {
  /** Hashes held. */
  length: number;
  private held: Uint32Array;

  /** @param words (n * 3) words to begin with; taken over. */
  constructor(words?: Uint32Array) {
    this.held = words ?? new Uint32Array(3 * 1024);
    this.length = words === undefined ? 0 : words.length / 3;
  }

  /** Appends the hash that hashId made last. */
  push(): void {
    const at = this.length * 3;
    if (at === this.held.length) {
      const wider = new Uint32Array(Math.max(this.held.length * 2, 3 * 1024));
      wider.set(this.held);
      this.held = wider;
    }
    this.held[at] = hashed[0]!;
    this.held[at + 1] = hashed[1]!;
    this.held[at + 2] = hashed[2]!;
    this.length++;
  }

  addTo(ids: IdTable): void {
    const { held } = this;
    for (let at = 0; at < this.length * 3; at += 3) ids.add(held[at]!, held[at + 1]!, held[at + 2]!);
  }

  /** Takes the hashes from the `length`th on out of the table and out of here. */
  takeBack(ids: IdTable, length: number): void {
    const { held } = this;
    for (let at = length * 3; at < this.length * 3; at += 3)
      ids.remove(held[at]!, held[at + 1]!, held[at + 2]!);
    this.length = length;
  }

  /** (length * 3) words. */
  words(): Uint32Array {
    return this.held.subarray(0, this.length * 3);
  }
}
