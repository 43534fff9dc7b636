/**
 * The groups that serving computes in a roundabout way, written down plainly: candidate by candidate, each number looked
 * up where it stands, nothing told beforehand.
 */
import {
  ANSWERED_AT,
  ANSWERS,
  type Catalog,
  LATELY,
  RATE_HALF_LIVES_DAYS,
  RECENT,
  RECORD,
  SHARE_UNIT,
  SHOWN,
  SHOWN_AT,
  SUMS,
  TAKEN,
  TALLIES_OF_ACTION,
  WATCHED,
  WATCHES,
} from "../../src/catalog/index.ts";
import { DAY, MINUTE } from "../../src/core/index.ts";
import { ACTIONS } from "../../src/events/index.ts";
import type { CandidateGroup } from "../../src/features/feature-set.ts";
import type { FeatureContext } from "../../src/features/index.ts";
import { rates } from "../../src/features/rates.ts";
import { smoothed } from "../../src/features/smoothing.ts";
import { taste } from "../../src/features/taste.ts";
import { BLOCK_ROWS } from "../../src/tensor/index.ts";

/** The group with the same columns, whose values for one candidate are listed; before the logarithm, where it has one. */
function plain(
  group: CandidateGroup,
  valuesOf: (context: FeatureContext, row: number) => number[],
): CandidateGroup {
  return {
    ...group,
    prepare: (_, block, columns) => (context) => () => {
      for (let i = 0; i < block.count; i++) {
        valuesOf(context, context.candidates.rows[block.from + i]!).forEach((value, f) => {
          columns[f * BLOCK_ROWS + i] = value;
        });
      }
    },
  };
}

/** Odds of `hits` out of `trials`, as if so many more had been tried with the rate `prior`. */
function oddsOf(hits: number, trials: number, prior: number, strength: number): number {
  const odds = (hits + strength * prior) / (Math.max(0, trials - hits) + strength * (1 - prior));
  return Math.max(1 / 9999, Math.min(9999, odds));
}

const most = (counts: ArrayLike<number>, from: number, tallies: readonly number[]) =>
  Math.max(0, ...tallies.map((tally) => counts[from + tally]!));
const categoriesOf = ({ items }: Catalog, row: number) => {
  const start = items.categoryOffsets[row]!;
  return [...items.categories.subarray(start, start + items.categoryCounts[row]!)];
};
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

export const plainRates = plain(rates, ({ query, catalog }, row) => {
  const { items, statistics } = catalog;
  const { all, byCreator, byCategory } = statistics.sums;
  const own = statistics.records.subarray(row * RECORD, (row + 1) * RECORD);
  /** What groups have without the item. */
  const others = (sums: Float64Array, codes: readonly number[]) =>
    Array.from({ length: TAKEN }, (_, s) =>
      codes.reduce((total, code) => {
        const at = code * SUMS;
        return at < sums.length ? total + sums[at + s]! - own[s]! : total;
      }, 0),
    );
  const creator = others(byCreator, items.creator[row] === 0 ? [] : [items.creator[row]!]);
  const category = others(byCategory, categoriesOf(catalog, row));
  const everyTally = [0, 1, 2, 3, 4];
  const shown = own[SHOWN]!;
  const visits = Math.max(most(own, TAKEN, everyTally), own[WATCHES]!);
  const allVisits = Math.max(most(all, TAKEN, everyTally), all[WATCHES]!);
  const faded = (since: number, days: number) =>
    since === -Infinity ? 0 : Math.exp((-Math.LN2 / (days * DAY)) * Math.max(0, query.now - since));
  const perAction = TALLIES_OF_ACTION.flatMap((tallies) => {
    const total = most(all, TAKEN, tallies);
    const rate = smoothed(most(all, ANSWERS, tallies), all[SHOWN]!, 0.1, 20);
    const taken = smoothed(total, allVisits, 0.1, 20);
    const inCategory = smoothed(most(category, ANSWERS, tallies), category[SHOWN]!, rate, 100);
    const ofCreator = smoothed(most(creator, ANSWERS, tallies), creator[SHOWN]!, inCategory, 50);
    const answers = most(own, ANSWERS, tallies);
    const done = most(own, TAKEN, tallies);
    const likely = oddsOf(answers, shown, ofCreator, 20);
    const odds = rate / (1 - rate);
    return [
      all[SHOWN] === 0 ? (done + 1) / (total - done + statistics.engagedItems + 1) : likely,
      oddsOf(answers, shown, rate, 20) / odds,
      ...RATE_HALF_LIVES_DAYS.map((days, h) => {
        const from = LATELY + h * RECENT;
        const lately = most(own, from + 1, tallies) * faded(own[ANSWERED_AT]!, days);
        const trials = Math.max(lately, own[from]! * faded(own[SHOWN_AT]!, days));
        return oddsOf(lately, trials, smoothed(answers, shown, ofCreator, 20), 10) / likely;
      }),
      ofCreator / (1 - ofCreator) / odds,
      inCategory / (1 - inCategory) / odds,
      oddsOf(done, visits, taken, 10) / (taken / (1 - taken)),
      1 + done,
    ];
  });
  const share = all[WATCHES] === 0 ? 0.5 : all[WATCHED]! / SHARE_UNIT / all[WATCHES]!;
  const meanShare = (counts: ArrayLike<number>, strength: number) =>
    (counts[WATCHED]! / SHARE_UNIT + strength * share) / (counts[WATCHES]! + strength) - share;
  return [
    ...perAction,
    1 + shown,
    ...RATE_HALF_LIVES_DAYS.map((days, h) => 1 + own[LATELY + h * RECENT]! * faded(own[SHOWN_AT]!, days)),
    1 + creator[SHOWN]!,
    1 + category[SHOWN]!,
    meanShare(own, 10),
    1 + own[WATCHES]!,
    meanShare(creator, 50),
    meanShare(category, 100),
  ];
});

/** Visits, each with how much it counts. */
type Weighted = readonly (readonly [visit: number, weight: number])[];

export const plainTaste = plain(taste, ({ query, visits, catalog }, row) => {
  const { items } = catalog;
  const every = [...visits.items.keys()];
  const did = (visit: number, a: number) => (visits.actions[visit]! >> a) & 1;
  const usual = ACTIONS.map((_, a) => sum(every.map((v) => did(v, a))) / every.length);
  const watched = every.filter((v) => !Number.isNaN(visits.shares[v]!));
  const usualShare = watched.length === 0 ? 0 : sum(watched.map((v) => visits.shares[v]!)) / watched.length;
  const told = (weighted: Weighted) => {
    const known = weighted.filter(([, weight]) => weight > 0);
    if (known.length === 0) return [0, ...ACTIONS.map(() => 0), 0];
    const total = (of: (visit: number) => number) => sum(known.map(([v, weight]) => weight * of(v)));
    const count = total(() => 1);
    const watches = total((v) => (Number.isNaN(visits.shares[v]!) ? 0 : 1));
    const shares = total((v) => (Number.isNaN(visits.shares[v]!) ? 0 : visits.shares[v]!));
    return [
      1 + count,
      ...usual.map((rate, a) => (total((v) => did(v, a)) + 3 * rate) / (count + 3) - rate),
      watches === 0 ? 0 : (shares + 3 * usualShare) / (watches + 3) - usualShare,
    ];
  };
  const minutes = (weighted: Weighted) => {
    const times = weighted.filter(([, weight]) => weight > 0).map(([v]) => visits.times[v]!);
    if (times.length === 0) return -Math.log1p((365 * DAY) / MINUTE);
    return 1 + Math.max(0, query.now - Math.max(...times)) / MINUTE;
  };
  const where = (weight: (item: number) => number): Weighted =>
    every.map((v) => [v, weight(visits.items[v]!)]);
  const creator = where((item) =>
    Number(items.creator[row] !== 0 && items.creator[item] === items.creator[row]),
  );
  const mine = categoriesOf(catalog, row);
  const category = where((item) => {
    const theirs = categoriesOf(catalog, item);
    return mine.filter((code) => theirs.includes(code)).length / Math.max(1, mine.length);
  });
  const binOf = (item: number) => Math.min(35, Math.floor(Math.log1p(items.duration[item]!) / 0.25));
  const length = where((item) => {
    if (!Number.isFinite(items.duration[row]!) || !Number.isFinite(items.duration[item]!)) return 0;
    return Math.exp(-0.5 * (((binOf(row) - binOf(item)) * 0.25) / 0.4) ** 2);
  });
  const item = where((other) => Number(other === row));
  return [
    ...told(creator),
    minutes(creator),
    ...told(category),
    minutes(category),
    ...told(length),
    ...told(item),
    minutes(item),
  ];
});
