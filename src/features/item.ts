/** The candidate by itself: how much it is taken, lately and ever, how old and how long it is, how disliked. */
import { DECAYED, DECAYED_AT, HALF_LIVES_DAYS, RECORD, VETOES } from "../catalog/index.ts";
import { DAY, HOUR } from "../core/index.ts";
import { type FeatureColumn, type FeatureGroup, MOST_ROWS } from "./feature-set.ts";

const HALVES = HALF_LIVES_DAYS.length;
/** By half-life: the exponent of a millisecond. */
const FADES = HALF_LIVES_DAYS.map((days) => -Math.LN2 / (days * DAY));
/** As if every item had been taken so many times more without a veto (guess). */
const UNVETOED = 20;

export const item: FeatureGroup = {
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

  prepare() {
    const counts = new Float64Array(MOST_ROWS * HALVES);
    const since = new Float64Array(MOST_ROWS);
    return ({ query: { now }, catalog, candidates: { rows } }) => {
      const { statistics, items } = catalog;
      const { engagements, records } = statistics;
      const { bornAt, duration } = items;
      // One of those that were taken, or the first that will be: not the catalogue's size, which replaying does not have.
      const size = statistics.engagedItems + 1;
      const total = statistics.totalEngagements + size;
      return ({ matrix, width, first }, from, to) => {
        // First what waits for memory, for much at a time in so short a loop; then what computes.
        for (let i = from, at = first, c = 0; i < to; i++, at += width) {
          const row = rows[i]!;
          const taken = engagements[row]!;
          const own = row * RECORD;
          const vetoed = records[own + VETOES]!;
          const seconds = duration[row]!;
          for (let h = 0; h < HALVES; h++) counts[c++] = records[own + DECAYED + h]!;
          since[i - from] = Math.max(0, now - records[own + DECAYED_AT]!);
          matrix[at] = ((taken + 1) * size) / total;
          matrix[at + 2 + HALVES] = 1 + Math.max(0, now - bornAt[row]!) / DAY;
          matrix[at + 4 + HALVES] = vetoed / (taken + vetoed + UNVETOED);
          matrix[at + 5 + HALVES] = Number.isFinite(seconds) ? 1 + seconds : 0;
        }
        for (let i = from, at = first, c = 0; i < to; i++, at += width) {
          const sinceEngagement = since[i - from]!;
          let week = 0;
          let month = 0;
          for (let h = 0; h < HALVES; h++, c++) {
            // Before the first one nothing was counted.
            const count = counts[c]! * Math.exp(FADES[h]! * sinceEngagement);
            week = month;
            month = count;
            matrix[at + 1 + h] = count + 0.1;
          }
          matrix[at + 1 + HALVES] = (week + 0.5) / (month + 0.5);
          matrix[at + 3 + HALVES] = 1 + Math.min(sinceEngagement, 10_000 * DAY) / HOUR;
        }
      };
    };
  },
};
