/** The candidate by itself: how much it is taken, lately and ever, how old and how long it is, how disliked. */
import { DECAYED, DECAYED_AT, HALF_LIVES_DAYS, VETOES } from "../catalog/index.ts";
import { DAY, HOUR } from "../core/index.ts";
import { BLOCK_ROWS, columnOf } from "../tensor/index.ts";
import type { CandidateGroup, FeatureColumn } from "./feature-set.ts";

const HALVES = HALF_LIVES_DAYS.length;
/** By half-life: the exponent of a millisecond. */
const FADES = HALF_LIVES_DAYS.map((days) => -Math.LN2 / (days * DAY));
/** As if every item had been taken so many times more without a veto (guess). */
const UNVETOED = 20;

/** Where columns begin, as `columns` lists them; */
const TREND = (1 + HALVES) * BLOCK_ROWS;
const AGE = TREND + BLOCK_ROWS;
const IDLE = AGE + BLOCK_ROWS;
const VETO_RATE = IDLE + BLOCK_ROWS;
const LENGTH = VETO_RATE + BLOCK_ROWS;
/** and of the decayed counts, the two that are compared. */
const MONTH = (HALVES - 1) * BLOCK_ROWS;
const WEEK = MONTH - BLOCK_ROWS;

export const item: CandidateGroup = {
  name: "item",
  version: 2,
  per: "candidate",
  smallestDeviation: 0.25,

  columns: () => [
    { name: "log-share", kind: "log", ln: true },
    ...HALF_LIVES_DAYS.map(
      (days): FeatureColumn => ({ name: `log-decayed-${days}d`, kind: "log", ln: true }),
    ),
    { name: "trend", kind: "log", ln: true, unknown: 0 },
    { name: "log-age-days", kind: "log", ln: true },
    { name: "log-hours-since-engagement", kind: "log", ln: true },
    { name: "veto-rate", kind: "share", unknown: 0 },
    { name: "log-duration", kind: "log", ln: true, unknown: 0 },
  ],

  prepare(_, block, columns) {
    const { math, records, engagements, bornAt, duration } = block;
    const vetoes = columnOf(records, VETOES);
    const decayedAt = columnOf(records, DECAYED_AT);
    const since = math.numbers(1);
    const decayed = math.numbers(HALVES);
    const halves = FADES.map((exponent, h) => ({
      exponent,
      from: columnOf(records, DECAYED + h),
      to: columnOf(decayed, h),
    }));
    return ({ query: { now }, catalog: { statistics } }) => {
      // One of those that were taken, or the first that will be: not the catalogue's size, which replaying does not have.
      const size = statistics.engagedItems + 1;
      const total = statistics.totalEngagements + size;
      return () => {
        const { count } = block;
        for (let i = 0; i < count; i++) {
          const taken = engagements[i]!;
          const vetoed = vetoes[i]!;
          const seconds = duration[i]!;
          columns[i] = ((taken + 1) * size) / total;
          columns[AGE + i] = 1 + Math.max(0, now - bornAt[i]!) / DAY;
          columns[VETO_RATE + i] = vetoed / (taken + vetoed + UNVETOED);
          columns[LENGTH + i] = Number.isFinite(seconds) ? 1 + seconds : 0;
        }
        // Infinity before the first engagement: then nothing was counted.
        for (let i = 0; i < count; i++) since[i] = Math.max(0, now - decayedAt[i]!);
        for (const { exponent, from, to } of halves) math.fade(from, since, exponent, to);
        for (let c = 0; c < HALVES * BLOCK_ROWS; c++) columns[BLOCK_ROWS + c] = decayed[c]! + 0.1;
        for (let i = 0; i < count; i++) {
          columns[TREND + i] = (decayed[WEEK + i]! + 0.5) / (decayed[MONTH + i]! + 0.5);
          columns[IDLE + i] = 1 + Math.min(since[i]!, 10_000 * DAY) / HOUR;
        }
      };
    };
  },
};
