/**
 * The candidate against the user's visits: how those to the same creator, to the same categories and to items of about
 * the same length went, compared with all of the user's visits, how long ago they were, and those to the item itself.
 *
 * Rates are differences from the user's own rate over all visits, drawn to 0 as if that had been seen in three visits
 * (a guess); 0 where nothing is known.
 */
import type { Catalog } from "../catalog/index.ts";
import { DAY, MINUTE } from "../core/index.ts";
import { ACTIONS } from "../events/index.ts";
import { CodeSlots } from "./code-slots.ts";
import type { FeatureColumn, FeatureGroup } from "./feature-set.ts";
import type { Visits } from "./visits.ts";

const STRENGTH = 3;
/** What was never visited was visited so long ago. */
const NEVER_LOG = Math.log1p((365 * DAY) / MINUTE);

/** A tally of visits: how many, those with each action, those of a known share and the sum of it, the newest's time. */
const WATCHES = 1 + ACTIONS.length;
const SHARE = WATCHES + 1;
const NEWEST = SHARE + 1;
const WIDTH = NEWEST + 1;

/** Lengths are compared by their logarithm, in bins of so much; beyond the last all are one (1.5 hours). */
const BIN = 0.25;
const BINS = 36;
/** A visit to a length this far away counts a bit less than two thirds: a normal kernel (guess: a factor of 1.5). */
const KERNEL = 0.4;

export const taste: FeatureGroup = {
  name: "taste",
  version: 1,
  per: "candidate",
  smallestDeviation: 0.05,

  columns: () => [
    ...tallyColumns("creator"),
    { name: "creator.log-minutes", kind: "log", ln: true, unknown: NEVER_LOG },
    ...tallyColumns("category"),
    { name: "category.log-minutes", kind: "log", ln: true, unknown: NEVER_LOG },
    ...tallyColumns("length"),
    ...tallyColumns("item"),
    { name: "item.log-minutes", kind: "log", ln: true, unknown: NEVER_LOG },
  ],

  prepare() {
    const known = new Tallied();
    const category = new Float64Array(WIDTH);
    return ({ query: { now }, visits, catalog, candidates }, { matrix, width, first }) => {
      const { items } = catalog;
      known.take(visits, catalog);
      const { rows } = candidates;
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i]!;
        let at = i * width + first;
        const creator = known.creators.slots.placeOf(items.creator[row]!);
        at = write(known.creators.tallies, creator * WIDTH, known, matrix, at);
        matrix[at++] = minutes(known.creators.tallies, creator * WIDTH, now);
        gather(row, known.categories, catalog, category);
        at = write(category, 0, known, matrix, at);
        matrix[at++] = minutes(category, 0, now);
        at = write(known.lengths, binOf(items.duration[row]!) * WIDTH, known, matrix, at);
        const own = known.items.slots.placeOf(row);
        at = write(known.items.tallies, own * WIDTH, known, matrix, at);
        matrix[at++] = minutes(known.items.tallies, own * WIDTH, now);
      }
    };
  },
};

function tallyColumns(name: string): readonly FeatureColumn[] {
  return [
    { name: `${name}.log-visits`, kind: "log", ln: true, unknown: 0 },
    ...ACTIONS.map(
      (action): FeatureColumn => ({ name: `${name}.${action.name}`, kind: "share", unknown: 0 }),
    ),
    { name: `${name}.share`, kind: "share", unknown: 0 },
  ];
}

/** Tallies by code. */
class Tallies {
  readonly slots = new CodeSlots();
  /** (places × WIDTH) */
  tallies = new Float64Array(64 * WIDTH);

  clear(): void {
    this.slots.clear();
  }

  add(visits: Visits, v: number, code: number): void {
    const before = this.slots.count;
    const at = this.slots.add(code) * WIDTH;
    if (at === this.tallies.length) {
      const wider = new Float64Array(2 * at);
      wider.set(this.tallies);
      this.tallies = wider;
    }
    if (this.slots.count > before) this.tallies.fill(0, at, at + WIDTH);
    add(visits, v, this.tallies, at);
  }
}

/** What of the visits candidates are compared with; one serves all requests. */
class Tallied {
  readonly all = new Float64Array(WIDTH);
  /** (ACTIONS) shares of all visits, and the mean share watched. */
  readonly usual = new Float64Array(ACTIONS.length);
  usualShare = 0;
  readonly creators = new Tallies();
  readonly categories = new Tallies();
  readonly items = new Tallies();
  /** (BINS × WIDTH) visits weighted by how near their length is. */
  readonly lengths = new Float64Array(BINS * WIDTH);
  private readonly bins = new Float64Array(BINS * WIDTH);

  take(visits: Visits, { items }: Catalog): void {
    const { all, usual, creators, categories, bins } = this;
    all.fill(0);
    bins.fill(0);
    creators.clear();
    categories.clear();
    this.items.clear();
    for (let v = 0; v < visits.items.length; v++) {
      const row = visits.items[v]!;
      add(visits, v, all, 0);
      this.items.add(visits, v, row);
      if (items.creator[row]! !== 0) creators.add(visits, v, items.creator[row]!);
      const start = items.categoryOffsets[row]!;
      for (let c = start; c < start + items.categoryCounts[row]!; c++) {
        categories.add(visits, v, items.categories[c]!);
      }
      const bin = binOf(items.duration[row]!);
      if (bin >= 0) add(visits, v, bins, bin * WIDTH);
    }
    blur(bins, this.lengths);
    for (let a = 0; a < ACTIONS.length; a++) usual[a] = all[1 + a]! / all[0]!;
    this.usualShare = all[WATCHES] === 0 ? 0 : all[SHARE]! / all[WATCHES]!;
  }
}

/** Adds visit v, none of which is newer than those that were added before, to the tally at `at`. */
function add({ times, shares, actions }: Visits, v: number, tallies: Float64Array, at: number): void {
  if (tallies[at] === 0) tallies[at + NEWEST] = times[v]!;
  tallies[at] = tallies[at]! + 1;
  for (let a = 0; a < ACTIONS.length; a++)
    tallies[at + 1 + a] = tallies[at + 1 + a]! + ((actions[v]! >> a) & 1);
  if (Number.isNaN(shares[v]!)) return;
  tallies[at + WATCHES] = tallies[at + WATCHES]! + 1;
  tallies[at + SHARE] = tallies[at + SHARE]! + shares[v]!;
}

/**
 * Writes how many visits, and how they went. Returns where the next column is.
 *
 * @param from where the tally begins; below 0 there is none
 */
function write(
  tallies: Float64Array,
  from: number,
  { usual, usualShare }: Tallied,
  matrix: Float32Array,
  first: number,
): number {
  let at = first;
  if (from < 0 || tallies[from] === 0) return first + ACTIONS.length + 2;
  const visits = tallies[from]!;
  matrix[at++] = 1 + visits;
  for (let a = 0; a < ACTIONS.length; a++) {
    matrix[at++] = (tallies[from + 1 + a]! + STRENGTH * usual[a]!) / (visits + STRENGTH) - usual[a]!;
  }
  const watches = tallies[from + WATCHES]!;
  matrix[at++] =
    watches === 0 ? 0 : (tallies[from + SHARE]! + STRENGTH * usualShare) / (watches + STRENGTH) - usualShare;
  return at;
}

/** 1 + minutes, of which the column is the logarithm. */
function minutes(tallies: Float64Array, from: number, now: number): number {
  if (from < 0 || tallies[from] === 0) return -NEVER_LOG;
  return 1 + Math.max(0, now - tallies[from + NEWEST]!) / MINUTE;
}

/** The mean over the item's categories, with the newest time of all, in `out`. */
function gather(row: number, { slots, tallies }: Tallies, { items }: Catalog, out: Float64Array): void {
  out.fill(0);
  const start = items.categoryOffsets[row]!;
  const count = items.categoryCounts[row]!;
  for (let c = start; c < start + count; c++) {
    const place = slots.placeOf(items.categories[c]!);
    if (place < 0) continue;
    const at = place * WIDTH;
    const newest = out[0] === 0 ? tallies[at + NEWEST]! : Math.max(out[NEWEST]!, tallies[at + NEWEST]!);
    for (let k = 0; k < NEWEST; k++) out[k] = out[k]! + tallies[at + k]! / count;
    out[NEWEST] = newest;
  }
}

/** -1 where the length is not known. */
function binOf(duration: number): number {
  if (!Number.isFinite(duration)) return -1;
  return Math.min(BINS - 1, Math.floor(Math.log1p(duration) / BIN));
}

/** (BINS × BINS) [bin, other bin] how much a visit there counts here. */
const NEARNESS = Float64Array.from({ length: BINS * BINS }, (_, i) => {
  const distance = (Math.floor(i / BINS) - (i % BINS)) * BIN;
  return Math.exp(-0.5 * (distance / KERNEL) ** 2);
});

/** Tallies by length, with those of the lengths around. */
function blur(bins: Float64Array, out: Float64Array): void {
  out.fill(0);
  for (let other = 0; other < BINS; other++) {
    const from = other * WIDTH;
    if (bins[from] === 0) continue;
    for (let bin = 0; bin < BINS; bin++) {
      const weight = NEARNESS[bin * BINS + other]!;
      const to = bin * WIDTH;
      for (let k = 0; k < NEWEST; k++) out[to + k] = out[to + k]! + weight * bins[from + k]!;
    }
  }
}
