/**
 * How the candidate is received: for each action, how often it follows when the item is shown.
 *
 * Few items have been shown often. What an item is likely to be like is taken from its creator, what the creator is like
 * from the category, and that from everything: each level counts as much as so many impressions of the level below
 * (empirical Bayes with a beta prior; the strengths are guesses). A level is asked without the item itself. Rates are
 * log-odds; all but the first are differences, 0 where nothing is known.
 */
import {
  ANSWERED_AT,
  ANSWERS,
  type ItemColumns,
  type ItemStatistics,
  LATELY,
  RATE_HALF_LIVES_DAYS,
  RECENT,
  RECORD,
  SHARE_UNIT,
  SHOWN,
  SHOWN_AT,
  SUMS,
  TAKEN,
  TALLIES,
  TALLIES_OF_ACTION,
  WATCHED,
  WATCHES,
} from "../catalog/index.ts";
import { DAY } from "../core/index.ts";
import { ACTIONS } from "../events/index.ts";
import { type FeatureColumn, type FeatureGroup, type FeatureTarget, MOST_ROWS } from "./feature-set.ts";
import { oddsOf, smoothed } from "./smoothing.ts";

/** Impressions that the level above an item, a creator and a category counts as. */
const ITEM_STRENGTH = 20;
const CREATOR_STRENGTH = 50;
const CATEGORY_STRENGTH = 100;
/** Decayed impressions that the item's own rate counts as. */
const RECENT_STRENGTH = 10;
/** Visits or watches that the rate of all items counts as. */
const VISIT_STRENGTH = 10;
/** All items together: what is believed before anything was shown. */
const FIRST_RATE = 0.1;
const FIRST_STRENGTH = 20;

const HALVES = RATE_HALF_LIVES_DAYS.length;
/** By half-life: the exponent of a millisecond. */
const FADES = RATE_HALF_LIVES_DAYS.map((days) => -Math.LN2 / (days * DAY));
/** Kinds of interaction of which the most frequent counts visits. */
const VISIT_TALLIES: readonly number[] = TALLIES.map((_, t) => t);
/** Columns of one action. */
const PER_ACTION = 6 + HALVES;

/**
 * What is known of some candidates is first copied side by side from all over the catalog: in so short a loop the
 * processor waits for many cache lines at a time and not for one after the other.
 */
/** Of an item's record, as much as rates are made of. */
const OWN = ANSWERED_AT + 1;
/** Behind it, the counts of its creator's and of its categories' other items, */
const CREATOR = OWN;
const CATEGORY = CREATOR + TAKEN;
/** the item's visits, and the rate that its creator lets expect of the action at hand. */
const VISITS = CATEGORY + TAKEN;
const EXPECTED = VISITS + 1;
const WIDTH = EXPECTED + 1;

export const rates: FeatureGroup = {
  name: "rate",
  version: 2,
  per: "candidate",
  smallestDeviation: 0.05,

  columns: () => [
    ...ACTIONS.flatMap(({ name }): FeatureColumn[] => [
      { name, kind: "log-odds", ln: true, rateOf: name },
      { name: `${name}.item`, kind: "log-odds", ln: true, unknown: 0 },
      ...RATE_HALF_LIVES_DAYS.map(
        (days): FeatureColumn => ({ name: `${name}.${days}d`, kind: "log-odds", ln: true, unknown: 0 }),
      ),
      { name: `${name}.creator`, kind: "log-odds", ln: true, unknown: 0 },
      { name: `${name}.category`, kind: "log-odds", ln: true, unknown: 0 },
      { name: `${name}.visits`, kind: "log-odds", ln: true, unknown: 0 },
      { name: `${name}.log-count`, kind: "log", ln: true, unknown: 0 },
    ]),
    { name: "log-shown", kind: "log", ln: true, unknown: 0 },
    ...RATE_HALF_LIVES_DAYS.map(
      (days): FeatureColumn => ({ name: `log-shown-${days}d`, kind: "log", ln: true, unknown: 0 }),
    ),
    { name: "creator.log-shown", kind: "log", ln: true, unknown: 0 },
    { name: "category.log-shown", kind: "log", ln: true, unknown: 0 },
    { name: "share", kind: "share", unknown: 0 },
    { name: "share.log-count", kind: "log", ln: true, unknown: 0 },
    { name: "share.creator", kind: "share", unknown: 0 },
    { name: "share.category", kind: "share", unknown: 0 },
  ],

  prepare() {
    const records = new Float64Array(MOST_ROWS * WIDTH);
    return ({ query: { now }, catalog, candidates }) => {
      const { statistics, items } = catalog;
      const overall = overallRates(statistics);
      return ({ matrix, width, first }, from, to) => {
        const rows = candidates.rows.subarray(from, to);
        copyOwn(rows, statistics, records);
        copyOthers(rows, items, statistics, records);
        fade(now, rows.length, records);
        for (let a = 0; a < ACTIONS.length; a++) {
          const target = { matrix, width, first: first + a * PER_ACTION };
          writeExpected(records, rows.length, overall[a]!, target);
          writeRates(records, rows.length, overall[a]!, target);
        }
        const target = { matrix, width, first: first + ACTIONS.length * PER_ACTION };
        writeAmounts(records, rows.length, statistics, target);
      };
    };
  },
};

interface OverallRate {
  /** Of impressions, and its odds. */
  readonly rate: number;
  readonly odds: number;
  /** Of visits, and its odds. */
  readonly taken: number;
  readonly takenOdds: number;
  /** Whether nothing was ever shown: then popularity is the share of everything that was taken. */
  readonly shares: boolean;
  readonly total: number;
  readonly engagedItems: number;
  readonly tallies: readonly number[];
}

/** By action. */
function overallRates({ sums: { all }, engagedItems }: ItemStatistics): readonly OverallRate[] {
  const visits = Math.max(most(all, TAKEN, VISIT_TALLIES), all[WATCHES]!);
  return TALLIES_OF_ACTION.map((tallies) => {
    const total = most(all, TAKEN, tallies);
    const rate = smoothed(most(all, ANSWERS, tallies), all[SHOWN]!, FIRST_RATE, FIRST_STRENGTH);
    const taken = smoothed(total, visits, FIRST_RATE, FIRST_STRENGTH);
    return {
      rate,
      odds: rate / (1 - rate),
      taken,
      takenOdds: taken / (1 - taken),
      shares: all[SHOWN] === 0,
      total,
      engagedItems,
      tallies,
    };
  });
}

/** Odds that the next one that is taken is this one, as if each of so many items had been taken once more. */
function shareOdds(done: number, total: number, items: number): number {
  return (done + 1) / (total - done + items + 1);
}

/** The largest of some counts, which are the ones at `from` of these tallies. */
function most(counts: Float64Array, from: number, tallies: readonly number[]): number {
  let largest = 0;
  for (let t = 0; t < tallies.length; t++) {
    const count = counts[from + tallies[t]!]!;
    if (count > largest) largest = count;
  }
  return largest;
}

/** Columns of what is expected of an item: by its creator's other items, and by its categories'. */
function writeExpected(
  records: Float64Array,
  count: number,
  { rate, odds, tallies }: OverallRate,
  { matrix, width, first }: FeatureTarget,
): void {
  let to = first + 2 + HALVES;
  for (let at = 0; at < count * WIDTH; at += WIDTH, to += width) {
    const ofCategory = most(records, at + CATEGORY + ANSWERS, tallies);
    const byCategory = smoothed(ofCategory, records[at + CATEGORY + SHOWN]!, rate, CATEGORY_STRENGTH);
    const ofCreator = most(records, at + CREATOR + ANSWERS, tallies);
    const byCreator = smoothed(ofCreator, records[at + CREATOR + SHOWN]!, byCategory, CREATOR_STRENGTH);
    records[at + EXPECTED] = byCreator;
    matrix[to] = byCreator / (1 - byCreator) / odds;
    matrix[to + 1] = byCategory / (1 - byCategory) / odds;
  }
}

/** Columns of what the item's own counts say of an action. */
function writeRates(
  records: Float64Array,
  count: number,
  { rate, odds, taken, takenOdds, shares, total, engagedItems, tallies }: OverallRate,
  { matrix, width, first }: FeatureTarget,
): void {
  let to = first;
  for (let at = 0; at < count * WIDTH; at += WIDTH, to += width) {
    const shown = records[at + SHOWN]!;
    const answers = most(records, at + ANSWERS, tallies);
    const done = most(records, at + TAKEN, tallies);
    const expected = records[at + EXPECTED]!;
    const likely = oddsOf(answers, shown, expected, ITEM_STRENGTH);
    matrix[to] = shares ? shareOdds(done, total, engagedItems) : likely;
    matrix[to + 1] = oddsOf(answers, shown, rate, ITEM_STRENGTH) / odds;
    const known = smoothed(answers, shown, expected, ITEM_STRENGTH);
    for (let h = 0; h < HALVES; h++) {
      const from = at + LATELY + h * RECENT;
      const lately = most(records, from + 1, tallies);
      const shownLately = Math.max(lately, records[from]!);
      matrix[to + 2 + h] = oddsOf(lately, shownLately, known, RECENT_STRENGTH) / likely;
    }
    matrix[to + 4 + HALVES] = oddsOf(done, records[at + VISITS]!, taken, VISIT_STRENGTH) / takenOdds;
    matrix[to + 5 + HALVES] = 1 + done;
  }
}

/** Columns that are of no action. */
function writeAmounts(
  records: Float64Array,
  count: number,
  { sums: { all } }: ItemStatistics,
  { matrix, width, first }: FeatureTarget,
): void {
  const share = all[WATCHES]! === 0 ? 0.5 : all[WATCHED]! / SHARE_UNIT / all[WATCHES]!;
  for (let i = 0; i < count; i++) {
    const own = i * WIDTH;
    const creator = own + CREATOR;
    const category = own + CATEGORY;
    let to = first + i * width;
    matrix[to++] = 1 + records[own + SHOWN]!;
    for (let h = 0; h < HALVES; h++) matrix[to++] = 1 + records[own + LATELY + h * RECENT]!;
    matrix[to++] = 1 + records[creator + SHOWN]!;
    matrix[to++] = 1 + records[category + SHOWN]!;
    matrix[to++] = meanShare(records, own, share, VISIT_STRENGTH) - share;
    matrix[to++] = 1 + records[own + WATCHES]!;
    matrix[to++] = meanShare(records, creator, share, CREATOR_STRENGTH) - share;
    matrix[to++] = meanShare(records, category, share, CATEGORY_STRENGTH) - share;
  }
}

/** Of the counts that begin at `from`. */
function meanShare(records: Float64Array, from: number, prior: number, strength: number): number {
  const watched = records[from + WATCHED]! / SHARE_UNIT;
  return (watched + strength * prior) / (records[from + WATCHES]! + strength);
}

/** What was counted of the items themselves. */
function copyOwn(rows: Int32Array, { records: all }: ItemStatistics, records: Float64Array): void {
  for (let i = 0; i < rows.length; i++) {
    const to = i * WIDTH;
    const from = rows[i]! * RECORD;
    for (let k = 0; k < OWN; k++) records[to + k] = all[from + k]!;
  }
}

/** Of creators and categories, what their sums say without the item; of several categories, all together. */
function copyOthers(
  rows: Int32Array,
  { creator, categories, categoryOffsets, categoryCounts }: ItemColumns,
  { sums: { byCreator, byCategory } }: ItemStatistics,
  records: Float64Array,
): void {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    const own = i * WIDTH;
    const from = creator[row]! * SUMS;
    const known = from > 0 && from < byCreator.length;
    for (let s = 0; s < TAKEN; s++) {
      records[own + CREATOR + s] = known ? byCreator[from + s]! - records[own + s]! : 0;
      records[own + CATEGORY + s] = 0;
    }
    const start = categoryOffsets[row]!;
    const end = start + categoryCounts[row]!;
    for (let c = start; c < end; c++) {
      const group = categories[c]! * SUMS;
      if (group >= byCategory.length) continue;
      for (let s = 0; s < TAKEN; s++) {
        const to = own + CATEGORY + s;
        records[to] = records[to]! + byCategory[group + s]! - records[own + s]!;
      }
    }
  }
}

/** Decays recent counts up to `now`, and counts visits. */
function fade(now: number, count: number, records: Float64Array): void {
  for (let at = 0; at < count * WIDTH; at += WIDTH) {
    const sinceShown = Math.max(0, now - records[at + SHOWN_AT]!);
    const sinceAnswered = Math.max(0, now - records[at + ANSWERED_AT]!);
    for (let h = 0; h < HALVES; h++) {
      const from = at + LATELY + h * RECENT;
      // Before the first one it is -Infinity, and the counts are 0.
      records[from] = records[from]! * Math.exp(FADES[h]! * sinceShown);
      const faded = Math.exp(FADES[h]! * sinceAnswered);
      for (let r = 1; r < RECENT; r++) records[from + r] = records[from + r]! * faded;
    }
    records[at + VISITS] = Math.max(most(records, at + TAKEN, VISIT_TALLIES), records[at + WATCHES]!);
  }
}
