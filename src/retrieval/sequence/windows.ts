/**
 * How sequences are cut into what a training step reads: windows of one user's entries, and batches of windows of
 * nearly the same length, so that padding costs little.
 */
import type { Random } from "../../core/index.ts";

/** Entries start .. end of one user's sequence: all but the last are read, all but the first predicted. */
export interface Window {
  readonly user: number;
  readonly start: number;
  readonly end: number;
}

/** How much a window's length may look longer when windows are sorted: batches differ from epoch to epoch. */
const JITTER = 0.1;

/**
 * Every entry but a user's first is predicted exactly once. Windows read up to `length` entries; where the newest one
 * begins is drawn anew each time, so that no entry stands always at the beginning of a window, without a past.
 *
 * @param offsets (users + 1) as in Sequences
 * @param ends (users) user u's entries offsets[u] .. ends[u] may be learned from
 */
export function cutWindows(offsets: Int32Array, ends: Int32Array, length: number, random: Random): Window[] {
  const windows: Window[] = [];
  for (let user = 0; user < ends.length; user++) {
    const first = offsets[user]!;
    let end = ends[user]!;
    if (end - first < 2) continue;
    const longest = Math.min(length, end - first - 1);
    for (let read = 1 + random.int(longest); end - first > 1; read = length) {
      const start = Math.max(first, end - 1 - read);
      windows.push({ user, start, end });
      end = start + 1;
    }
  }
  return windows;
}

/** Windows in batches of at most `positions` places, padding included; batches in random order. */
export function batchesOf(windows: readonly Window[], positions: number, random: Random): Window[][] {
  const sorted = windows
    .map((window) => ({ window, key: (window.end - window.start) * (1 + JITTER * random.next()) }))
    .sort((a, b) => a.key - b.key);
  const batches: Window[][] = [];
  let batch: Window[] = [];
  let longest = 0;
  for (const { window } of sorted) {
    const read = window.end - window.start - 1;
    if (batch.length > 0 && (batch.length + 1) * Math.max(longest, read) > positions) {
      batches.push(batch);
      batch = [];
      longest = 0;
    }
    batch.push(window);
    longest = Math.max(longest, read);
  }
  if (batch.length > 0) batches.push(batch);
  return random.shuffle(batches);
}
