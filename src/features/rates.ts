/**
 * How the candidate is received: for each action, how often it follows when the item is shown.
 *
 * Few items have been shown often. What an item is likely to be like is taken from its creator, what the creator is like
 * from the category, and that from everything: each level counts as much as so many impressions of the level below
 * (empirical Bayes with a beta prior; the strengths are guesses). A level is asked without the item itself. Rates are
 * log-odds; all but the first are differences, 0 where nothing is known.
 */
import {
  ANSWERS,
  type ItemColumns,
  type ItemStatistics,
  RATE_HALF_LIVES_DAYS,
  SHARE_UNIT,
  SHOWN,
  SUMS,
  TAKEN,
  TALLIES,
  TALLIES_OF_ACTION,
  WATCHED,
  WATCHES,
} from "../catalog/index.ts";
import { DAY } from "../core/index.ts";
import { ACTIONS } from "../events/index.ts";
import type { FeatureColumn, FeatureGroup } from "./feature-set.ts";
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

/** Values of one half-life in `ItemStatistics.recent`. */
const RECENT = 1 + TALLIES.length;
/** By half-life: the exponent of a millisecond. */
const FADES = RATE_HALF_LIVES_DAYS.map((days) => -Math.LN2 / (days * DAY));
/** Kinds of interaction of which the most frequent counts visits. */
const VISIT_TALLIES: readonly number[] = TALLIES.map((_, t) => t);

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

  prepare:
    () =>
    ({ query, catalog, candidates }, { matrix, width, first }) => {
      const { statistics, items } = catalog;
      const { counts, recent, sums } = statistics;
      const { all } = sums;
      const { shownAt, answeredAt } = statistics;
      const overall = overallRates(statistics);
      const { rows } = candidates;
      const creator = new Float64Array(TAKEN);
      const category = new Float64Array(TAKEN);
      const fades = new Float64Array(2 * RATE_HALF_LIVES_DAYS.length);
      const recentRow = RECENT * RATE_HALF_LIVES_DAYS.length;
      const halves = RATE_HALF_LIVES_DAYS.length;
      const share = all[WATCHES]! === 0 ? 0.5 : all[WATCHED]! / SHARE_UNIT / all[WATCHES]!;
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i]!;
        const own = row * SUMS;
        othersOfCreator(row, items, statistics, creator);
        othersOfCategories(row, items, statistics, category);
        for (let h = 0; h < halves; h++) {
          fades[h] = fade(query.now, shownAt[row]!, h);
          fades[halves + h] = fade(query.now, answeredAt[row]!, h);
        }
        const shown = counts[own + SHOWN]!;
        const visits = Math.max(most(counts, own + TAKEN, VISIT_TALLIES), counts[own + WATCHES]!);
        let at = i * width + first;
        for (let a = 0; a < ACTIONS.length; a++) {
          const tallies = TALLIES_OF_ACTION[a]!;
          const { rate, taken, odds, takenOdds } = overall[a]!;
          const answers = most(counts, own + ANSWERS, tallies);
          const done = most(counts, own + TAKEN, tallies);
          const fromCategory = most(category, ANSWERS, tallies);
          const byCategory = smoothed(fromCategory, category[SHOWN]!, rate, CATEGORY_STRENGTH);
          const fromCreator = most(creator, ANSWERS, tallies);
          const byCreator = smoothed(fromCreator, creator[SHOWN]!, byCategory, CREATOR_STRENGTH);
          const likely = oddsOf(answers, shown, byCreator, ITEM_STRENGTH);
          matrix[at++] = overall[a]!.shares
            ? shareOdds(done, overall[a]!.total, statistics.engagedItems)
            : likely;
          matrix[at++] = oddsOf(answers, shown, rate, ITEM_STRENGTH) / odds;
          const known = smoothed(answers, shown, byCreator, ITEM_STRENGTH);
          for (let h = 0; h < halves; h++) {
            const from = row * recentRow + h * RECENT;
            const lately = most(recent, from + 1, tallies) * fades[halves + h]!;
            const shownLately = recent[from]! * fades[h]!;
            matrix[at++] = oddsOf(lately, Math.max(lately, shownLately), known, RECENT_STRENGTH) / likely;
          }
          matrix[at++] = byCreator / (1 - byCreator) / odds;
          matrix[at++] = byCategory / (1 - byCategory) / odds;
          matrix[at++] = oddsOf(done, visits, taken, VISIT_STRENGTH) / takenOdds;
          matrix[at++] = 1 + done;
        }
        matrix[at++] = 1 + shown;
        for (let h = 0; h < halves; h++) {
          matrix[at++] = 1 + recent[row * recentRow + h * RECENT]! * fades[h]!;
        }
        matrix[at++] = 1 + creator[SHOWN]!;
        matrix[at++] = 1 + category[SHOWN]!;
        const watches = counts[own + WATCHES]!;
        matrix[at++] = meanShare(counts[own + WATCHED]!, watches, share, VISIT_STRENGTH) - share;
        matrix[at++] = 1 + watches;
        matrix[at++] = meanShare(creator[WATCHED]!, creator[WATCHES]!, share, CREATOR_STRENGTH) - share;
        matrix[at++] = meanShare(category[WATCHED]!, category[WATCHES]!, share, CATEGORY_STRENGTH) - share;
      }
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
}

/** By action. */
function overallRates({ sums: { all } }: ItemStatistics): readonly OverallRate[] {
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
    };
  });
}

/** Odds that the next one that is taken is this one, as if each of so many items had been taken once more. */
function shareOdds(done: number, total: number, items: number): number {
  return (done + 1) / (total - done + items + 1);
}

/** The largest of some counts, which are the ones at `from` of these tallies. */
function most(counts: Float64Array | Float32Array, from: number, tallies: readonly number[]): number {
  let largest = 0;
  for (let t = 0; t < tallies.length; t++) {
    const count = counts[from + tallies[t]!]!;
    if (count > largest) largest = count;
  }
  return largest;
}

function fade(now: number, reference: number, h: number): number {
  return reference === -Infinity ? 0 : Math.exp(FADES[h]! * Math.max(0, now - reference));
}

function meanShare(watched: number, watches: number, prior: number, strength: number): number {
  return (watched / SHARE_UNIT + strength * prior) / (watches + strength);
}

/** Fills `out` (TAKEN) with the first counts of the creator's other items. */
function othersOfCreator(
  row: number,
  items: ItemColumns,
  { counts, sums }: ItemStatistics,
  out: Float64Array,
): void {
  const creator = items.creator[row]!;
  const from = creator * SUMS;
  if (creator === 0 || from >= sums.byCreator.length) out.fill(0);
  else for (let s = 0; s < TAKEN; s++) out[s] = sums.byCreator[from + s]! - counts[row * SUMS + s]!;
}

/** Fills `out` (TAKEN) with the first counts of the other items of its categories, all categories together. */
function othersOfCategories(
  row: number,
  items: ItemColumns,
  { counts, sums }: ItemStatistics,
  out: Float64Array,
): void {
  out.fill(0);
  const start = items.categoryOffsets[row]!;
  const end = start + items.categoryCounts[row]!;
  for (let c = start; c < end; c++) {
    const from = items.categories[c]! * SUMS;
    if (from >= sums.byCategory.length) continue;
    for (let s = 0; s < TAKEN; s++) {
      out[s] = out[s]! + sums.byCategory[from + s]! - counts[row * SUMS + s]!;
    }
  }
}
