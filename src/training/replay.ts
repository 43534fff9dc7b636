/**
 * Replays a history in time, so that every example sees the statistics, the state and the catalogue as they were
 * before it: the same columns that serving folds live.
 */
import { setImmediate } from "node:timers/promises";
import { ItemCounters } from "../catalog/index.ts";
import type { EpochMs } from "../core/index.ts";
import { INTERACTION_TYPE_NAMES, isVeto, type Place } from "../events/index.ts";
import {
  contextOf,
  type Sequences,
  type TouchesRead,
  type Unencoded,
  withEvidence,
} from "../retrieval/index.ts";
import { DEFAULT_LIMITS, type StateLimits } from "../state/index.ts";
import type { History } from "./history.ts";

/**
 * What of a history may be used: user u's entries history.offsets[u] .. ends[u].
 *
 * A cut in time and a cut of every user's last items are both of this form.
 */
export type Cut = Int32Array;

export function everything(history: History): Cut {
  return history.offsets.slice(1);
}

/** Entries with `time < moment`, within `within`. */
export function cutAt(history: History, moment: number, within: Cut): Cut {
  return within.map((end, u) => {
    let e = end;
    while (e > history.offsets[u]! && history.times[e - 1]! >= moment) e--;
    return e;
  });
}

/** Every user without the last `count` entries that show interest. */
export function cutLast(history: History, count: number): Cut {
  return everything(history).map((end, u) => {
    let e = end;
    for (let left = count; left > 0 && e > history.offsets[u]!; ) if (history.weights[--e]! > 0) left--;
    return e;
  });
}

/** The moment before which the `share` oldest of a cut's entries lie. */
export function momentOf(history: History, cut: Cut, share: number): number {
  const times = entriesOf(history, cut).map((e) => history.times[e]!);
  if (times.length === 0) return Number.NEGATIVE_INFINITY;
  const sorted = Float64Array.from(times).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

function entriesOf(history: History, cut: Cut): number[] {
  const entries: number[] = [];
  for (let u = 0; u < cut.length; u++) for (let e = history.offsets[u]!; e < cut[u]!; e++) entries.push(e);
  return entries;
}

/** The part of a cut that shows interest, as the sequences that sources are fitted on. */
export function sequencesOf(history: History, cut: Cut): Sequences {
  const users = cut.length;
  const offsets = new Int32Array(users + 1);
  const kept: number[] = [];
  for (let u = 0; u < users; u++) {
    for (let e = history.offsets[u]!; e < cut[u]!; e++) if (history.weights[e]! > 0) kept.push(e);
    offsets[u + 1] = kept.length;
  }
  return {
    offsets,
    items: Int32Array.from(kept, (e) => history.items[e]!),
    times: Float64Array.from(kept, (e) => history.times[e]!),
    weights: Float32Array.from(kept, (e) => history.weights[e]!),
    itemCount: history.catalog.size,
  };
}

/** What of a user's touches the state in serving keeps. */
export type TouchLimits = Pick<StateLimits, "touches" | "maxAge">;

const VETO_CODES = Uint8Array.from(INTERACTION_TYPE_NAMES, (type) => (isVeto(type) ? 1 : 0));

/**
 * Item statistics and allowed items at a moment that only moves forward. An item that the log had not mentioned by then
 * is not allowed: nobody could have been shown it, and that it will be watched one day must not be known.
 */
export class Replay {
  readonly statistics = new ItemCounters();
  /** (items) 1 where an item may be shown: live, known, published, and not hidden for the example at hand. */
  readonly allowed: Uint8Array;
  private readonly history: History;
  private readonly order: Int32Array;
  /** Live items in the order of the moment from which on they may be shown, and that moment by row. */
  private readonly coming: Int32Array;
  private readonly showableFrom: Float64Array;
  private readonly limits: TouchLimits;
  private nextEntry = 0;
  private nextSlate = 0;
  private queries = 0;
  private nextComing = 0;

  constructor(history: History, cut: Cut, limits: TouchLimits = DEFAULT_LIMITS) {
    this.history = history;
    this.limits = limits;
    this.order = Int32Array.from(entriesOf(history, cut)).sort(
      (a, b) => history.times[a]! - history.times[b]! || a - b,
    );
    const { size } = history.catalog;
    // New counters have room for a small catalogue already.
    if (size > this.statistics.engagements.length) this.statistics.widen(size);
    this.allowed = new Uint8Array(size);
    const from = showableFrom(history);
    this.showableFrom = from;
    this.coming = Int32Array.from({ length: size }, (_, row) => row)
      .filter((row) => from[row] !== Infinity)
      .sort((a, b) => from[a]! - from[b]! || a - b);
  }

  /** Takes every entry and slate with `time < moment`, and everything known and published by then. */
  advance(moment: number): void {
    const { history, order, statistics } = this;
    const { items } = history.catalog;
    for (; this.nextEntry < order.length; this.nextEntry++) {
      const entry = order[this.nextEntry]!;
      const time = history.times[entry]!;
      if (time >= moment) break;
      const type = INTERACTION_TYPE_NAMES[history.types[entry]!]!;
      const answered = history.answered[entry] === 1;
      statistics.count(history.items[entry]!, type, time, history.values[entry]!, answered, items);
    }
    for (; this.nextSlate < history.slates.length; this.nextSlate++) {
      const slate = history.slates[this.nextSlate]!;
      if (slate.time >= moment) break;
      for (const row of slate.items) if (row < slate.known) statistics.show(row, slate.time, items);
    }
    for (; this.nextComing < this.coming.length; this.nextComing++) {
      const row = this.coming[this.nextComing]!;
      if (this.showableFrom[row]! > moment) break;
      this.allowed[row] = 1;
    }
  }

  /**
   * Runs `use` with the query of `user` as it was before entry `end`, its touched items not allowed. The query is the
   * one that serving would make of the user's state, before the sources have encoded it (`encodeAll`); its `allowed` is
   * valid only during `use`.
   *
   * @param place where it is asked, as a slate has it
   */
  async asOf<T>(
    user: number,
    end: number,
    now: EpochMs,
    use: (asked: Unencoded) => Promise<T>,
    place: Place = {},
  ): Promise<T> {
    const { history, allowed } = this;
    // What is awaited here is mostly there already: without a turn of the event loop now and then, a signal would
    // wait for minutes.
    if (++this.queries % YIELD_EVERY === 0) await setImmediate();
    const hidden: number[] = [];
    for (let e = history.offsets[user]!; e < end; e++) {
      const row = history.items[e]!;
      if (allowed[row] === 0) continue;
      allowed[row] = 0;
      hidden.push(row);
    }
    try {
      const read = touchesBefore(history, user, end, now, this.limits, place.surface);
      const context = contextOf(history.catalog, history.users[user]!, now, place);
      return await use({ ...read.touches, allowed, context, history: read.history });
    } finally {
      for (const row of hidden) allowed[row] = 1;
    }
  }
}

/** Queries between two turns of the event loop: some tens of milliseconds. */
const YIELD_EVERY = 16;

/** (items) the moment from which on each may be shown: known before it and published by then; Infinity where removed. */
function showableFrom(history: History): Float64Array {
  const { size, items } = history.catalog;
  return items.firstSeen.slice(0, size).map((time, row) => {
    if (items.live[row] === 0) return Infinity;
    const published = items.publishedAt[row]!;
    // Times are whole milliseconds: what happened before a moment happened at least one before it.
    return Number.isNaN(published) ? time + 1 : Math.max(time + 1, published);
  });
}

/**
 * What serving would make of the user's state as it was before entry `end`.
 *
 * @param surface that is asked for
 */
export function touchesBefore(
  history: History,
  user: number,
  end: number,
  now: EpochMs,
  limits: TouchLimits,
  surface?: string,
): TouchesRead {
  const start = history.offsets[user]!;
  // That nothing is known of either is not the same place.
  const here = surface === undefined ? -1 : history.surfaceNames.indexOf(surface);
  const expired = now - (limits.maxAge ?? Infinity);
  const entries: number[] = [];
  for (let e = end - 1; e >= start && entries.length < limits.touches; e--) {
    if (history.times[e]! <= expired) break;
    if (VETO_CODES[history.types[e]!] === 0) entries.push(e);
  }
  const all = {
    items: Int32Array.from(entries, (e) => history.items[e]!),
    times: Float64Array.from(entries, (e) => history.times[e]!),
    types: Uint8Array.from(entries, (e) => history.types[e]!),
    values: Float32Array.from(entries, (e) => history.values[e]!),
    here: Uint8Array.from(entries, (e) => (history.surfaces[e] === here ? 1 : 0)),
  };
  return withEvidence(
    all,
    Float32Array.from(entries, (e) => history.weights[e]!),
    now,
  );
}
