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
    { name: "creator.log-minutes", kind: "log", unknown: NEVER_LOG },
    ...tallyColumns("category"),
    { name: "category.log-minutes", kind: "log", unknown: NEVER_LOG },
    ...tallyColumns("length"),
    ...tallyColumns("item"),
    { name: "item.log-minutes", kind: "log", unknown: NEVER_LOG },
  ],

  prepare:
    () =>
    ({ query: { now }, visits, catalog, candidates }, { matrix, width, first }) => {
      const { items } = catalog;
      const known = tallied(visits, catalog);
      const { rows } = candidates;
      const category = new Float64Array(WIDTH);
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i]!;
        let at = i * width + first;
        const creator = known.creators.get(items.creator[row]!);
        at = write(creator, known.all, matrix, at);
        matrix[at++] = logMinutes(creator, now);
        at = write(gather(row, known.categories, catalog, category), known.all, matrix, at);
        matrix[at++] = logMinutes(category, now);
        const bin = binOf(items.duration[row]!);
        at = write(bin < 0 ? undefined : known.lengths[bin], known.all, matrix, at);
        const own = known.items.get(row);
        at = write(own, known.all, matrix, at);
        matrix[at++] = logMinutes(own, now);
      }
    },
};

function tallyColumns(name: string): readonly FeatureColumn[] {
  return [
    { name: `${name}.log-visits`, kind: "log", unknown: 0 },
    ...ACTIONS.map(
      (action): FeatureColumn => ({ name: `${name}.${action.name}`, kind: "share", unknown: 0 }),
    ),
    { name: `${name}.share`, kind: "share", unknown: 0 },
  ];
}

interface Tallied {
  /** (WIDTH) each. */
  readonly all: Float64Array;
  readonly creators: ReadonlyMap<number, Float64Array>;
  readonly categories: ReadonlyMap<number, Float64Array>;
  readonly items: ReadonlyMap<number, Float64Array>;
  /** [BINS] visits weighted by how near their length is. */
  readonly lengths: readonly Float64Array[];
}

function tallied(visits: Visits, { items }: Catalog): Tallied {
  const all = new Float64Array(WIDTH);
  const creators = new Map<number, Float64Array>();
  const categories = new Map<number, Float64Array>();
  const rows = new Map<number, Float64Array>();
  const bins = Array.from({ length: BINS }, () => new Float64Array(WIDTH));
  for (let v = 0; v < visits.items.length; v++) {
    const row = visits.items[v]!;
    add(visits, v, all);
    add(visits, v, tallyOf(rows, row));
    if (items.creator[row]! !== 0) add(visits, v, tallyOf(creators, items.creator[row]!));
    const start = items.categoryOffsets[row]!;
    for (let c = start; c < start + items.categoryCounts[row]!; c++) {
      add(visits, v, tallyOf(categories, items.categories[c]!));
    }
    const bin = binOf(items.duration[row]!);
    if (bin >= 0) add(visits, v, bins[bin]!);
  }
  return { all, creators, categories, items: rows, lengths: blurred(bins) };
}

function tallyOf(tallies: Map<number, Float64Array>, key: number): Float64Array {
  let tally = tallies.get(key);
  if (tally === undefined) {
    tally = new Float64Array(WIDTH);
    tallies.set(key, tally);
  }
  return tally;
}

/** Adds visit v, none of which is newer than those that were added before. */
function add({ times, shares, actions }: Visits, v: number, tally: Float64Array): void {
  if (tally[0] === 0) tally[NEWEST] = times[v]!;
  tally[0] = tally[0]! + 1;
  for (let a = 0; a < ACTIONS.length; a++) tally[1 + a] = tally[1 + a]! + ((actions[v]! >> a) & 1);
  if (Number.isNaN(shares[v]!)) return;
  tally[WATCHES] = tally[WATCHES]! + 1;
  tally[SHARE] = tally[SHARE]! + shares[v]!;
}

/** Writes how many visits, and how they went. Returns where the next column is. */
function write(
  tally: Float64Array | undefined,
  all: Float64Array,
  matrix: Float32Array,
  first: number,
): number {
  let at = first;
  if (tally === undefined || tally[0] === 0) return first + ACTIONS.length + 2;
  matrix[at++] = Math.log1p(tally[0]!);
  for (let a = 0; a < ACTIONS.length; a++) {
    const usual = all[1 + a]! / all[0]!;
    matrix[at++] = (tally[1 + a]! + STRENGTH * usual) / (tally[0]! + STRENGTH) - usual;
  }
  const watches = tally[WATCHES]!;
  const usual = watches === 0 ? 0 : all[SHARE]! / all[WATCHES]!;
  matrix[at++] = watches === 0 ? 0 : (tally[SHARE]! + STRENGTH * usual) / (watches + STRENGTH) - usual;
  return at;
}

function logMinutes(tally: Float64Array | undefined, now: number): number {
  if (tally === undefined || tally[0] === 0) return NEVER_LOG;
  return Math.log1p(Math.max(0, now - tally[NEWEST]!) / MINUTE);
}

/** The mean over the item's categories, with the newest time of all, in `out`. */
function gather(
  row: number,
  categories: ReadonlyMap<number, Float64Array>,
  { items }: Catalog,
  out: Float64Array,
): Float64Array {
  out.fill(0);
  const start = items.categoryOffsets[row]!;
  const count = items.categoryCounts[row]!;
  for (let c = start; c < start + count; c++) {
    const tally = categories.get(items.categories[c]!);
    if (tally === undefined) continue;
    const newest = out[0] === 0 ? tally[NEWEST]! : Math.max(out[NEWEST]!, tally[NEWEST]!);
    for (let k = 0; k < NEWEST; k++) out[k] = out[k]! + tally[k]! / count;
    out[NEWEST] = newest;
  }
  return out;
}

/** -1 where the length is not known. */
function binOf(duration: number): number {
  if (!Number.isFinite(duration)) return -1;
  return Math.min(BINS - 1, Math.floor(Math.log1p(duration) / BIN));
}

/** [bin][other bin] how much a visit there counts here. */
const NEARNESS = Array.from({ length: BINS }, (_, bin) =>
  Float64Array.from({ length: BINS }, (_, other) => Math.exp(-0.5 * (((bin - other) * BIN) / KERNEL) ** 2)),
);

function blurred(bins: readonly Float64Array[]): readonly Float64Array[] {
  const out = bins.map(() => new Float64Array(WIDTH));
  for (let other = 0; other < BINS; other++) {
    const from = bins[other]!;
    if (from[0] === 0) continue;
    for (let bin = 0; bin < BINS; bin++) {
      const weight = NEARNESS[bin]![other]!;
      const to = out[bin]!;
      for (let k = 0; k < NEWEST; k++) to[k] = to[k]! + weight * from[k]!;
    }
  }
  return out;
}
