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
  type ItemStatistics,
  RATE_HALF_LIVES_DAYS,
  SHARE_UNIT,
  SHOWN,
  TAKEN,
  TALLIES,
  TALLIES_OF_ACTION,
  WATCHED,
  WATCHES,
} from "../catalog/index.ts";
import { ACTIONS } from "../events/index.ts";
import { BLOCK_ROWS, type ColumnBlock } from "../tensor/index.ts";
import { BlockCounts, type Counted } from "./block-counts.ts";
import type { CandidateGroup, FeatureColumn } from "./feature-set.ts";
import { oddsColumn, smoothed, smoothedColumn } from "./smoothing.ts";

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
/** Columns of one action. */
const PER_ACTION = 6 + HALVES;

export const rates: CandidateGroup = {
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

  prepare(_, block, columns) {
    const counts = new BlockCounts(block);
    const work = workOf(block.math);
    const actions = TALLIES_OF_ACTION.map((tallies, a) => {
      const own = columns.subarray(a * PER_ACTION * BLOCK_ROWS);
      return new ActionRates(block.math, counts, work, tallies, own);
    });
    const amounts = columns.subarray(ACTIONS.length * PER_ACTION * BLOCK_ROWS);
    return ({ query: { now }, catalog }) => {
      const overall = overallRates(catalog.statistics);
      for (let a = 0; a < actions.length; a++) actions[a]!.begin(overall[a]!);
      return () => {
        counts.take(catalog, now);
        for (let a = 0; a < actions.length; a++) actions[a]!.write(block.count);
        writeAmounts(counts, block.count, catalog.statistics, amounts);
      };
    };
  },
};

/** How often an action follows whatever is shown, or taken. */
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
}

/** By action. */
function overallRates({ sums: { all }, engagedItems }: ItemStatistics): readonly OverallRate[] {
  const most = (from: number, tallies: readonly number[]) =>
    Math.max(0, ...tallies.map((tally) => all[from + tally]!));
  const visits = Math.max(most(TAKEN, [...TALLIES.keys()]), all[WATCHES]!);
  return TALLIES_OF_ACTION.map((tallies) => {
    const total = most(TAKEN, tallies);
    const rate = smoothed(most(ANSWERS, tallies), all[SHOWN]!, FIRST_RATE, FIRST_STRENGTH);
    const taken = smoothed(total, visits, FIRST_RATE, FIRST_STRENGTH);
    return {
      rate,
      odds: rate / (1 - rate),
      taken,
      takenOdds: taken / (1 - taken),
      shares: all[SHOWN] === 0,
      total,
      engagedItems,
    };
  });
}

/** Odds that the next one that is taken is this one, as if each of so many items had been taken once more. */
function shareOdds(done: number, total: number, items: number): number {
  return (done + 1) / (total - done + items + 1);
}

/** Columns (BLOCK_ROWS) that one action leaves to the next one. */
type Work = ReturnType<typeof workOf>;

function workOf(math: ColumnBlock) {
  const column = () => math.numbers(1);
  return {
    // Counts of the action: those of the kind of interaction that is most frequent.
    others: column(),
    answers: column(),
    done: column(),
    lately: column(),
    shownLately: column(),
    // Rates that categories and creator let expect of the item; the item's, and its odds; odds to be compared.
    byCategory: column(),
    byCreator: column(),
    known: column(),
    likely: column(),
    odds: column(),
  };
}

/** The columns of one action. */
class ActionRates {
  private readonly math: ColumnBlock;
  private readonly counts: BlockCounts;
  private readonly work: Work;
  /** Of each, those columns of which the largest counts the action. */
  private readonly answers: Tallied;
  private readonly taken: Tallied;
  private readonly ofCreator: Tallied;
  private readonly ofCategory: Tallied;
  /** [RATE_HALF_LIVES_DAYS] the same; and how often the item was shown, which is at least as often. */
  private readonly lately: readonly Tallied[];
  private readonly shownLately: readonly Tallied[];
  /** [PER_ACTION] as `columns` lists them. */
  private readonly out: readonly Float32Array[];
  private overall: OverallRate | undefined;
  /** Its rates and odds, the same in every row. */
  private readonly rate: Float64Array;
  private readonly odds: Float64Array;
  private readonly takenRate: Float64Array;
  private readonly takenOdds: Float64Array;

  constructor(
    math: ColumnBlock,
    counts: BlockCounts,
    work: Work,
    tallies: readonly number[],
    columns: Float32Array,
  ) {
    const chosen = (all: Tallied) => tallies.map((tally) => all[tally]!);
    this.math = math;
    this.counts = counts;
    this.work = work;
    this.answers = chosen(counts.own.answers);
    this.taken = chosen(counts.taken);
    this.ofCreator = chosen(counts.creator.answers);
    this.ofCategory = chosen(counts.category.answers);
    this.lately = counts.lately.map(({ answers }) => chosen(answers));
    this.shownLately = counts.lately.map(({ shown, answers }) => [shown, ...chosen(answers)]);
    this.out = Array.from({ length: PER_ACTION }, (_, c) => columns.subarray(c * BLOCK_ROWS));
    this.rate = math.numbers(1);
    this.odds = math.numbers(1);
    this.takenRate = math.numbers(1);
    this.takenOdds = math.numbers(1);
  }

  begin(overall: OverallRate): void {
    this.overall = overall;
    this.rate.fill(overall.rate);
    this.odds.fill(overall.odds);
    this.takenRate.fill(overall.taken);
    this.takenOdds.fill(overall.takenOdds);
  }

  write(count: number): void {
    this.writeExpected();
    this.writeRates();
    this.writeCounts(count);
  }

  /** What is expected of an item: by its creator's other items, and by its categories'. */
  private writeExpected(): void {
    const { math, rate, odds, out } = this;
    const { creator, category } = this.counts;
    const { others, byCategory, byCreator, odds: expected } = this.work;
    const ofCategory = most(math, this.ofCategory, others);
    smoothedColumn(math, ofCategory, category.shown, rate, CATEGORY_STRENGTH, byCategory);
    const ofCreator = most(math, this.ofCreator, others);
    smoothedColumn(math, ofCreator, creator.shown, byCategory, CREATOR_STRENGTH, byCreator);
    math.oddsOf(byCreator, expected);
    math.ratio(expected, odds, out[2 + HALVES]!);
    math.oddsOf(byCategory, expected);
    math.ratio(expected, odds, out[3 + HALVES]!);
  }

  /** What the item's own counts say. */
  private writeRates(): void {
    const { math, rate, odds, out } = this;
    const { shown } = this.counts.own;
    const { byCreator, known, likely, odds: own, lately, shownLately } = this.work;
    const answers = most(math, this.answers, this.work.answers);
    oddsColumn(math, answers, shown, byCreator, ITEM_STRENGTH, likely);
    smoothedColumn(math, answers, shown, byCreator, ITEM_STRENGTH, known);
    oddsColumn(math, answers, shown, rate, ITEM_STRENGTH, own);
    math.ratio(own, odds, out[1]!);
    for (let h = 0; h < HALVES; h++) {
      const answered = most(math, this.lately[h]!, lately);
      const trials = most(math, this.shownLately[h]!, shownLately);
      oddsColumn(math, answered, trials, known, RECENT_STRENGTH, own);
      math.ratio(own, likely, out[2 + h]!);
    }
  }

  /** How popular the item is, and how often it was taken. */
  private writeCounts(count: number): void {
    const { math, out, takenRate, takenOdds } = this;
    const { shares, total, engagedItems } = this.overall!;
    const { likely, odds } = this.work;
    const done = most(math, this.taken, this.work.done);
    oddsColumn(math, done, this.counts.visits, takenRate, VISIT_STRENGTH, odds);
    math.ratio(odds, takenOdds, out[4 + HALVES]!);
    const popularity = out[0]!;
    const taken = out[5 + HALVES]!;
    for (let i = 0; i < count; i++) {
      popularity[i] = shares ? shareOdds(done[i]!, total, engagedItems) : likely[i]!;
      taken[i] = 1 + done[i]!;
    }
  }
}

type Tallied = readonly Float64Array[];

/** The largest of some columns, in `room` where there is more than one; zeros where there is none. */
function most(math: ColumnBlock, columns: Tallied, room: Float64Array): Float64Array {
  if (columns.length === 1) return columns[0]!;
  if (columns.length === 0) return room.fill(0);
  math.max(columns, room);
  return room;
}

/** Columns that are of no action. */
function writeAmounts(
  { own, creator, category, lately }: BlockCounts,
  count: number,
  { sums: { all } }: ItemStatistics,
  columns: Float32Array,
): void {
  const share = all[WATCHES]! === 0 ? 0.5 : all[WATCHED]! / SHARE_UNIT / all[WATCHES]!;
  const recent = BLOCK_ROWS;
  const others = recent + HALVES * BLOCK_ROWS;
  const shares = others + 2 * BLOCK_ROWS;
  for (let i = 0; i < count; i++) {
    columns[i] = 1 + own.shown[i]!;
    for (let h = 0; h < HALVES; h++) columns[recent + h * BLOCK_ROWS + i] = 1 + lately[h]!.shown[i]!;
    columns[others + i] = 1 + creator.shown[i]!;
    columns[others + BLOCK_ROWS + i] = 1 + category.shown[i]!;
    columns[shares + i] = meanShare(own, i, share, VISIT_STRENGTH) - share;
    columns[shares + BLOCK_ROWS + i] = 1 + own.watches[i]!;
    columns[shares + 2 * BLOCK_ROWS + i] = meanShare(creator, i, share, CREATOR_STRENGTH) - share;
    columns[shares + 3 * BLOCK_ROWS + i] = meanShare(category, i, share, CATEGORY_STRENGTH) - share;
  }
}

/** Of row i. */
function meanShare({ watches, watched }: Counted, i: number, prior: number, strength: number): number {
  return (watched[i]! / SHARE_UNIT + strength * prior) / (watches[i]! + strength);
}
