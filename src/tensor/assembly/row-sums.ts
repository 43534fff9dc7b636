// Three numbers for each of a few rows of many. A row and its numbers lie side by side, 16 bytes, in the order in which
// rows were first met; a hash table with linear probing says where. What a request costs are the cache lines that it
// touches, and the branches that are guessed wrong: none depends on whether a row was met before.
//
// A table is slots (2^(32 - shift)) u32, the number of a record or 0 where it is free, and records (1 + count) of a row
// u32 and three numbers. Record 0 is no row's and has zeros.

/** 2^32 over the golden ratio (Knuth, The Art of Computer Programming, volume 3, 6.4). */
const GOLDEN: u32 = 0x9e3779b1;

/** The row's record; records + 16 * next, with zeros, where it had none. */
// @ts-ignore: a decorator of AssemblyScript on a function, which TypeScript does not know
@inline
export function recordOf(row: u32, slots: usize, shift: u32, records: usize, next: u32): usize {
  // Begun before it is known whether it has one: so the row stands wherever the search ends.
  const fresh = records + ((<usize>next) << 4);
  store<u64>(fresh, <u64>row);
  store<u64>(fresh, 0, 8);
  const end = slots + (<usize>4 << (32 - shift));
  let slot = slots + ((<usize>((row * GOLDEN) >>> shift)) << 2);
  let held = load<u32>(slot);
  let number = held ? held : next;
  let record = records + ((<usize>number) << 4);
  while (load<u32>(record) != row) {
    slot += 4;
    if (slot == end) slot = slots;
    held = load<u32>(slot);
    number = held ? held : next;
    record = records + ((<usize>number) << 4);
  }
  store<u32>(slot, number);
  return record;
}

/**
 * Adds up lists into an empty table. entries: a row u32 and its strength f32, 8 bytes. lists (count): the first entry u32
 * and the one behind the last u32 of each, and its weight f64. A row's numbers are Σ weight * strength; its strength in
 * the first list; its largest strength. Returns how many records there are.
 */
export function addLists(
  entries: usize,
  lists: usize,
  count: usize,
  slots: usize,
  shift: u32,
  records: usize,
): u32 {
  let next: u32 = 1;
  for (let l: usize = 0; l < count; l++) {
    const list = lists + (l << 4);
    const end = entries + ((<usize>load<u32>(list, 4)) << 3);
    const weight = load<f64>(list, 8);
    for (let at = entries + ((<usize>load<u32>(list)) << 3); at < end; at += 8) {
      const strength = load<f32>(at, 4);
      const record = recordOf(load<u32>(at), slots, shift, records, next);
      next += u32(record == records + ((<usize>next) << 4));
      store<f32>(record, <f32>(<f64>load<f32>(record, 4) + weight * <f64>strength), 4);
      if (l == 0) store<f32>(record, strength, 8);
      store<f32>(record, max<f32>(load<f32>(record, 12), strength), 12);
    }
  }
  return next - 1;
}

/** The row's record; record 0 where it has none. */
// @ts-ignore: a decorator of AssemblyScript on a function, which TypeScript does not know
@inline
export function recordWith(row: u32, slots: usize, shift: u32, records: usize): usize {
  const end = slots + (<usize>4 << (32 - shift));
  let slot = slots + ((<usize>((row * GOLDEN) >>> shift)) << 2);
  let held = load<u32>(slot);
  let record = records + ((<usize>held) << 4);
  // One branch for both ends: which of them it is cannot be guessed.
  while (!(u32(load<u32>(record) == row) | u32(held == 0))) {
    slot += 4;
    if (slot == end) slot = slots;
    held = load<u32>(slot);
    record = records + ((<usize>held) << 4);
  }
  return record;
}

/** out[j * n + i] = number j of rows[i], n rows; 0 for rows without a record. */
export function readSums(
  rows: usize,
  n: usize,
  slots: usize,
  shift: u32,
  records: usize,
  out: usize,
): void {
  for (let i: usize = 0; i < n; i++) {
    const record = recordWith(load<u32>(rows + (i << 2)), slots, shift, records);
    const at = out + (i << 2);
    store<u32>(at, load<u32>(record, 4));
    store<u32>(at + (n << 2), load<u32>(record, 8));
    store<u32>(at + (n << 3), load<u32>(record, 12));
  }
}
