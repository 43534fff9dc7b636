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
import { BLOCK_ROWS } from "../tensor/index.ts";
import { CodeSlots } from "./code-slots.ts";
import type { CandidateGroup, FeatureColumn } from "./feature-set.ts";
import type { Visits } from "./visits.ts";

const STRENGTH = 3;
/** What was never visited was visited so long ago. */
const NEVER_LOG = Math.log1p((365 * DAY) / MINUTE);

/** A tally of visits: how many, those with each action, those of a known share and the sum of it, the newest's time. */
const WATCHES = 1 + ACTIONS.length;
const SHARE = WATCHES + 1;
const NEWEST = SHARE + 1;
const WIDTH = NEWEST + 1;
/** Columns that tell of a tally: what of visits they are, those of `tallyColumns`, and how long ago the newest was. */
const TALLY_COLUMNS = ACTIONS.length + 2;
const TOLD = TALLY_COLUMNS + 1;
/** Where the columns of the categories, of the length and of the item begin; those of the creator are the first. */
const CATEGORY = TOLD * BLOCK_ROWS;
const LENGTH = CATEGORY + TOLD * BLOCK_ROWS;
const ITEM = LENGTH + TALLY_COLUMNS * BLOCK_ROWS;

/** Lengths are compared by their logarithm, in bins of so much; beyond the last all are one (1.5 hours). */
const BIN = 0.25;
const BINS = 36;
/** A visit to a length this far away counts a bit less than two thirds: a normal kernel (guess: a factor of 1.5). */
const KERNEL = 0.4;

export const taste: CandidateGroup = {
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

  prepare(_, block, columns) {
    const { rows, creator, duration, categoryOffsets, categoryCounts } = block;
    const known = new Tallied();
    return ({ query: { now }, visits, catalog }) => {
      known.take(visits, catalog, now);
      const { creators, lengths, items } = known;
      return () => {
        const { count } = block;
        for (let i = 0; i < count; i++) {
          spread(creators.told, creators.toldAt(creator[i]!), TOLD, columns, i);
        }
        for (let i = 0; i < count; i++) {
          known.spreadCategories(
            categoryOffsets[i]!,
            categoryCounts[i]!,
            catalog,
            now,
            columns,
            CATEGORY + i,
          );
        }
        for (let i = 0; i < count; i++) {
          const at = (1 + binOf(duration[i]!)) * TOLD;
          spread(lengths, at, TALLY_COLUMNS, columns, LENGTH + i);
        }
        for (let i = 0; i < count; i++) spread(items.told, items.toldAt(rows[i]!), TOLD, columns, ITEM + i);
      };
    };
  },
};

/** Writes `count` numbers side by side into a row of as many columns. */
function spread(
  from: Float32Array,
  start: number,
  count: number,
  columns: Float32Array,
  first: number,
): void {
  for (let k = 0; k < count; k++) columns[first + k * BLOCK_ROWS] = from[start + k]!;
}

function tallyColumns(name: string): readonly FeatureColumn[] {
  return [
    { name: `${name}.log-visits`, kind: "log", ln: true, unknown: 0 },
    ...ACTIONS.map(
      (action): FeatureColumn => ({ name: `${name}.${action.name}`, kind: "share", unknown: 0 }),
    ),
    { name: `${name}.share`, kind: "share", unknown: 0 },
  ];
}

/** (TOLD) what is told of what was never visited. */
const NOTHING = new Float32Array(TOLD).fill(-NEVER_LOG, TALLY_COLUMNS);

/** Tallies by code, and what is told of each: many candidates are of the same few. */
class Tallies {
  readonly places = new CodeSlots();
  /** (places × WIDTH) */
  tallies = new Float64Array(64 * WIDTH);
  /** (1 + places, TOLD) first what is told where there is no visit. */
  told = new Float32Array(65 * TOLD);

  clear(): void {
    this.places.clear();
  }

  add(visits: Visits, v: number, code: number): void {
    const before = this.places.count;
    const at = this.places.add(code) * WIDTH;
    if (at === this.tallies.length) {
      const wider = new Float64Array(2 * at);
      wider.set(this.tallies);
      this.tallies = wider;
    }
    if (this.places.count > before) this.tallies.fill(0, at, at + WIDTH);
    add(visits, v, this.tallies, at);
  }

  tell(usual: Usual, now: number): void {
    const { count } = this.places;
    const needed = (1 + count) * TOLD;
    if (needed > this.told.length) this.told = new Float32Array(2 * needed);
    this.told.set(NOTHING);
    for (let p = 0; p < count; p++) {
      const end = write(this.tallies, p * WIDTH, usual, this.told, (1 + p) * TOLD);
      this.told[end] = minutes(this.tallies, p * WIDTH, now);
    }
  }

  /** Where in `told` a code begins. */
  toldAt(code: number): number {
    return (1 + this.places.placeOf(code)) * TOLD;
  }
}

/** How all visits went. */
interface Usual {
  /** (ACTIONS) shares of them, and the mean share watched. */
  readonly actions: Float64Array;
  readonly share: number;
}

/** What of the visits candidates are compared with; one serves all requests. */
class Tallied {
  readonly creators = new Tallies();
  readonly categories = new Tallies();
  readonly items = new Tallies();
  /** (1 + BINS, TOLD) of visits weighted by how near their length is, without a time; first, of an unknown length. */
  readonly lengths = new Float32Array((1 + BINS) * TOLD);
  private readonly all = new Float64Array(WIDTH);
  private readonly bins = new Float64Array(BINS * WIDTH);
  private readonly blurred = new Float64Array(BINS * WIDTH);
  private readonly gathered = new Float64Array(WIDTH);
  private readonly mean = new Float32Array(TOLD);
  private usual: Usual = { actions: new Float64Array(ACTIONS.length), share: 0 };

  take(visits: Visits, { items }: Catalog, now: number): void {
    const { all, creators, categories, bins, blurred } = this;
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
    this.usual = {
      actions: all.slice(1, WATCHES).map((count) => count / all[0]!),
      share: all[WATCHES] === 0 ? 0 : all[SHARE]! / all[WATCHES]!,
    };
    for (const tallies of [creators, categories, this.items]) tallies.tell(this.usual, now);
    blur(bins, blurred);
    this.lengths.fill(0);
    for (let bin = 0; bin < BINS; bin++) {
      write(blurred, bin * WIDTH, this.usual, this.lengths, (1 + bin) * TOLD);
    }
  }

  /** Writes the columns of the mean over an item's categories, which are so many from `start` on. */
  spreadCategories(
    start: number,
    count: number,
    { items: { categories: codes } }: Catalog,
    now: number,
    columns: Float32Array,
    first: number,
  ): void {
    const { categories, gathered, mean } = this;
    // What most items have: none, which is like one that was never visited, or one.
    if (count <= 1) {
      const from = count === 0 ? 0 : categories.toldAt(codes[start]!);
      spread(categories.told, from, TOLD, columns, first);
      return;
    }
    gather(categories, codes, start, count, gathered);
    const end = write(gathered, 0, this.usual, mean, 0);
    mean[end] = minutes(gathered, 0, now);
    spread(mean, 0, TOLD, columns, first);
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
 * Writes how many visits, and how they went: zeros where there was none. Returns where the next column is.
 *
 * @param from where the tally begins
 */
function write(
  tallies: Float64Array,
  from: number,
  { actions, share }: Usual,
  matrix: Float32Array,
  first: number,
): number {
  const visits = tallies[from]!;
  if (visits === 0) {
    matrix.fill(0, first, first + TALLY_COLUMNS);
    return first + TALLY_COLUMNS;
  }
  let at = first;
  matrix[at++] = 1 + visits;
  for (let a = 0; a < ACTIONS.length; a++) {
    matrix[at++] = (tallies[from + 1 + a]! + STRENGTH * actions[a]!) / (visits + STRENGTH) - actions[a]!;
  }
  const watches = tallies[from + WATCHES]!;
  matrix[at++] =
    watches === 0 ? 0 : (tallies[from + SHARE]! + STRENGTH * share) / (watches + STRENGTH) - share;
  return at;
}

/** 1 + minutes, of which the column is the logarithm. */
function minutes(tallies: Float64Array, from: number, now: number): number {
  if (tallies[from] === 0) return -NEVER_LOG;
  return 1 + Math.max(0, now - tallies[from + NEWEST]!) / MINUTE;
}

/** The mean over `count` categories from codes[start] on, with the newest time of all, in `out`. */
function gather(
  { places, tallies }: Tallies,
  codes: Int32Array,
  start: number,
  count: number,
  out: Float64Array,
): void {
  for (let k = 0; k < WIDTH; k++) out[k] = 0;
  for (let c = start; c < start + count; c++) {
    const place = places.placeOf(codes[c]!);
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
