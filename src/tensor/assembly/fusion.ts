// Reciprocal rank fusion of lists, and where chosen rows stood in them.

import { recordOf, recordWith } from "./row-sums";

/**
 * Fuses lists into an empty table. entries: the rows u32 of one list after the other; each becomes the number of its
 * row's record. lists (count): the entry behind its last u32, four bytes that are not used, and its weight f64. A row's
 * first number is Σ weight / (flatness + rank) f32, summed up in f64; the others are 0. Returns how many records there are.
 */
export function fuseLists(
  entries: usize,
  lists: usize,
  count: usize,
  flatness: f64,
  slots: usize,
  shift: u32,
  records: usize,
): u32 {
  let next: u32 = 1;
  let e: u32 = 0;
  for (let l: usize = 0; l < count; l++) {
    const weight = load<f64>(lists + (l << 4), 8);
    const end = load<u32>(lists + (l << 4));
    for (let rank: f64 = flatness; e < end; e++) {
      const at = entries + ((<usize>e) << 2);
      const record = recordOf(load<u32>(at), slots, shift, records, next);
      next += u32(record == records + ((<usize>next) << 4));
      store<u32>(at, <u32>((record - records) >> 4));
      store<f64>(record, load<f64>(record, 8) + weight / rank, 8);
      rank += 1;
    }
  }
  const end = records + ((<usize>next) << 4);
  for (let record = records + 16; record < end; record += 16) {
    store<f32>(record, <f32>load<f64>(record, 8), 4);
    store<u64>(record, 0, 8);
  }
  return next - 1;
}

/**
 * Where rows (n) u32, without repeats, stood in the lists that were fused: ranks (count, 1 + n) i32, -1 where it was not
 * found, and found (count, 1 + n) f32, of scores beside the entries, 0 where it was not found. The first of each list
 * stands for all other rows.
 */
export function placesIn(
  rows: usize,
  n: usize,
  entries: usize,
  scores: usize,
  lists: usize,
  count: usize,
  slots: usize,
  shift: u32,
  records: usize,
  ranks: usize,
  found: usize,
): void {
  for (let i: usize = 0; i < n; i++) {
    const record = recordWith(load<u32>(rows + (i << 2)), slots, shift, records);
    store<u32>(record, <u32>i + 1, 8);
  }
  // Rows that were not found have written here.
  store<u32>(records, 0, 8);
  const width = (n + 1) << 2;
  memory.fill(ranks, 255, count * width);
  memory.fill(found, 0, count * width);
  let e: usize = 0;
  for (let l: usize = 0; l < count; l++) {
    const end = <usize>load<u32>(lists + (l << 4));
    for (let rank: u32 = 0; e < end; e++) {
      const record = records + ((<usize>load<u32>(entries + (e << 2))) << 4);
      const at = (<usize>load<u32>(record, 8)) << 2;
      store<u32>(ranks + l * width + at, rank++);
      store<f32>(found + l * width + at, load<f32>(scores + (e << 2)));
    }
  }
  for (let i: usize = 0; i < n; i++) {
    store<u32>(recordWith(load<u32>(rows + (i << 2)), slots, shift, records), 0, 8);
  }
}
