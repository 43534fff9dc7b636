/**
 * A place for each of a few codes: a table over all codes, of which those that were given a place are cleared. For
 * codes that are looked up thousands of times a request; one table serves all requests, since nothing in a group waits.
 */
const FIRST_CODES = 1024;

export class CodeSlots {
  /** Codes that have a place: 0 .. count - 1. */
  count = 0;
  /** (codes so far) 1 + place, 0 where there is none. */
  private slots = new Int32Array(FIRST_CODES);
  private codes = new Int32Array(FIRST_CODES);

  clear(): void {
    for (let i = 0; i < this.count; i++) this.slots[this.codes[i]!] = 0;
    this.count = 0;
  }

  /** -1 where the code has none. */
  placeOf(code: number): number {
    return code < this.slots.length ? this.slots[code]! - 1 : -1;
  }

  /** The code's place, the next one where it has none. */
  add(code: number): number {
    if (code >= this.slots.length) this.slots = longer(this.slots, 2 * (code + 1));
    const slot = this.slots[code]!;
    if (slot > 0) return slot - 1;
    if (this.count === this.codes.length) this.codes = longer(this.codes, 2 * this.count);
    this.codes[this.count++] = code;
    this.slots[code] = this.count;
    return this.count - 1;
  }
}

function longer(column: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const wider = new Int32Array(length);
  wider.set(column);
  return wider;
}
