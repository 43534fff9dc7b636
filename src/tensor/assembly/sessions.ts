// Sequences that share items with a user, and what stands in them around a shared one.

import { recordOf } from "./row-sums";

/** The bit of an item that is the last one of its sequence. */
const LAST: u32 = 0x80000000;

/**
 * Adds up, into an empty table by session, the places of items. places: a place u32 and its session u32, 8 bytes. lists
 * (count): the first of an item's places u32 and the one behind the last u32, and what the item weighs f64. A session's
 * numbers are Σ weight / (1 + distance / near), f32; its anchor, the place that came first, u32, from which distances
 * are; 1 + the list that was counted last: of one that stands in it more than once, the first place counts. Returns how
 * many records there are.
 */
export function addPlaces(
  places: usize,
  lists: usize,
  count: usize,
  near: f64,
  slots: usize,
  shift: u32,
  records: usize,
): u32 {
  let next: u32 = 1;
  for (let l: usize = 0; l < count; l++) {
    const list = lists + (l << 4);
    const end = places + ((<usize>load<u32>(list, 4)) << 3);
    const weight = load<f64>(list, 8);
    for (let at = places + ((<usize>load<u32>(list)) << 3); at < end; at += 8) {
      const place = load<u32>(at);
      const record = recordOf(load<u32>(at, 4), slots, shift, records, next);
      if (record == records + ((<usize>next) << 4)) {
        next++;
        store<f32>(record, <f32>weight, 4);
        store<u32>(record, place, 8);
        store<u32>(record, <u32>l + 1, 12);
      } else if (load<u32>(record, 12) != <u32>l + 1) {
        const distance = <f64>abs<i32>(<i32>(place - load<u32>(record, 8)));
        store<f32>(record, <f32>(<f64>load<f32>(record, 4) + weight / (1 + distance / near)), 4);
        store<u32>(record, <u32>l + 1, 12);
      }
    }
  }
  return next - 1;
}

/**
 * spans (n): the first place u32 and the one behind the last u32 around each of anchors (n) u32, at most `reach` away and
 * within its sequence. items u32: a row, and LAST. Returns the sum of their lengths.
 */
export function spansAround(items: usize, anchors: usize, n: usize, reach: u32, spans: usize): u32 {
  let total: u32 = 0;
  for (let s: usize = 0; s < n; s++) {
    const anchor = load<u32>(anchors + (s << 2));
    const least = anchor > reach ? anchor - reach : 0;
    let first = anchor;
    while (first > least && !(load<u32>(items + ((<usize>first - 1) << 2)) & LAST)) first--;
    let last = anchor;
    while (last < anchor + reach && !(load<u32>(items + ((<usize>last) << 2)) & LAST)) last++;
    store<u32>(spans + (s << 3), first);
    store<u32>(spans + (s << 3), last + 1, 4);
    total += last + 1 - first;
  }
  return total;
}

/**
 * Adds up, into an empty table by row, what stands in the spans of anchors (n) beside them, for votes (n) f32. before and
 * after (reach + 1) f32 weigh a place by its distance, factors f32 a row. A row's numbers are its factor times
 * Σ vote * weight; how often it stands there, f32; the vote of the first. Returns how many records there are.
 */
export function addAround(
  items: usize,
  anchors: usize,
  votes: usize,
  n: usize,
  spans: usize,
  before: usize,
  after: usize,
  factors: usize,
  slots: usize,
  shift: u32,
  records: usize,
): u32 {
  let next: u32 = 1;
  for (let s: usize = 0; s < n; s++) {
    const anchor = load<u32>(anchors + (s << 2));
    const vote = load<f32>(votes + (s << 2));
    const last = load<u32>(spans + (s << 3), 4);
    for (let p = load<u32>(spans + (s << 3)); p < last; p++) {
      if (p == anchor) continue;
      const weight = load<f32>(p > anchor ? after + ((<usize>p - anchor) << 2) : before + ((<usize>anchor - p) << 2));
      const row = load<u32>(items + ((<usize>p) << 2)) & ~LAST;
      const record = recordOf(row, slots, shift, records, next);
      next += u32(record == records + ((<usize>next) << 4));
      store<f32>(record, <f32>(<f64>load<f32>(record, 4) + <f64>vote * <f64>weight), 4);
      store<f32>(record, load<f32>(record, 8) + 1, 8);
      const nearest = load<f32>(record, 12);
      store<f32>(record, nearest == 0 ? vote : nearest, 12);
    }
  }
  const end = records + ((<usize>next) << 4);
  for (let record = records + 16; record < end; record += 16) {
    const factor = load<f32>(factors + ((<usize>load<u32>(record)) << 2));
    store<f32>(record, load<f32>(record, 4) * factor, 4);
  }
  return next - 1;
}
