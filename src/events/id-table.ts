/**
 * The set of event ids, as 96-bit hashes in open addressing: 12 bytes a slot, no object per id, so that 20 million
 * ids take about 400 MB where a Set of strings takes gigabytes. 256 shards grow one by one, so that growing never
 * needs twice the memory and never stops the process for long.
 */

const SHARDS = 256;
const FIRST_SLOTS = 64;
/** Linear probing stays under some six probes a miss up to here. */
const MAX_LOAD = 0.7;

interface Shard {
  /** (slots * 3) words a, b, c; c === 0 means empty. */
  slots: Uint32Array;
  count: number;
}

export class IdTable {
  private readonly shards: readonly Shard[];

  /** @param expected how many ids will be added soon; more may follow. */
  constructor(expected = 0) {
    let slots = FIRST_SLOTS;
    while (slots * MAX_LOAD * SHARDS < expected * 1.05) slots *= 2;
    this.shards = Array.from({ length: SHARDS }, () => ({ slots: new Uint32Array(slots * 3), count: 0 }));
  }

  get size(): number {
    return this.shards.reduce((sum, shard) => sum + shard.count, 0);
  }

  get bytes(): number {
    return this.shards.reduce((sum, shard) => sum + shard.slots.byteLength, 0);
  }

  /** Adds the hash; false where it was there. `c` must not be 0. */
  add(a: number, b: number, c: number): boolean {
    const shard = this.shards[a >>> 24]!;
    let at = find(shard.slots, a, b, c);
    if (shard.slots[at + 2] !== 0) return false;
    if (shard.count + 1 > (shard.slots.length / 3) * MAX_LOAD) {
      grow(shard);
      at = find(shard.slots, a, b, c);
    }
    shard.slots[at] = a;
    shard.slots[at + 1] = b;
    shard.slots[at + 2] = c;
    shard.count++;
    return true;
  }

  has(a: number, b: number, c: number): boolean {
    const { slots } = this.shards[a >>> 24]!;
    return slots[find(slots, a, b, c) + 2] !== 0;
  }

  /** Takes a hash out again: for events that could not be made durable. */
  remove(a: number, b: number, c: number): void {
    const shard = this.shards[a >>> 24]!;
    const { slots } = shard;
    let hole = find(slots, a, b, c);
    if (slots[hole + 2] === 0) return;
    shard.count--;
    // Close the hole (Knuth, 6.4 R): a later entry of the run moves into it unless its home lies after the hole.
    const mask = slots.length / 3 - 1;
    for (let at = next(slots, hole); slots[at + 2] !== 0; at = next(slots, at)) {
      const home = slots[at + 1]! & mask;
      if (((at / 3 - home) & mask) < ((at / 3 - hole / 3) & mask)) continue;
      slots.copyWithin(hole, at, at + 3);
      hole = at;
    }
    slots.fill(0, hole, hole + 3);
  }
}

/** Index of the slot that holds the hash, or of the empty one where it belongs. */
function find(slots: Uint32Array, a: number, b: number, c: number): number {
  const mask = slots.length / 3 - 1;
  let at = (b & mask) * 3;
  while (slots[at + 2] !== 0) {
    if (slots[at + 2] === c && slots[at] === a && slots[at + 1] === b) return at;
    at += 3;
    if (at === slots.length) at = 0;
  }
  return at;
}

function next(slots: Uint32Array, at: number): number {
  return at + 3 === slots.length ? 0 : at + 3;
}

function grow(shard: Shard): void {
  const old = shard.slots;
  const wider = new Uint32Array(old.length * 2);
  for (let from = 0; from < old.length; from += 3) {
    if (old[from + 2] === 0) continue;
    const at = find(wider, old[from]!, old[from + 1]!, old[from + 2]!);
    wider[at] = old[from]!;
    wider[at + 1] = old[from + 1]!;
    wider[at + 2] = old[from + 2]!;
  }
  shard.slots = wider;
}
