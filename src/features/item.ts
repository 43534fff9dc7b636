/** The candidate by itself: how much it is taken, lately and ever, how old and how long it is, how disliked. */
import { HALF_LIVES_DAYS } from "../catalog/index.ts";
import { DAY, HOUR } from "../core/index.ts";
import type { FeatureColumn, FeatureGroup } from "./feature-set.ts";

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

  prepare:
    () =>
    ({ query, catalog, candidates }, { matrix, width, first }) => {
      const { statistics, items } = catalog;
      const { engagements, vetoes, decayed, decayedAt } = statistics;
      // One of those that were taken, or the first that will be: not the catalogue's size, which replaying does not have.
      const size = statistics.engagedItems + 1;
      const total = statistics.totalEngagements + size;
      const { rows } = candidates;
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i]!;
        let at = i * width + first;
        matrix[at++] = ((engagements[row]! + 1) * size) / total;
        const sinceEngagement = Math.max(0, query.now - decayedAt[row]!);
        let week = 0;
        let month = 0;
        for (let h = 0; h < HALF_LIVES_DAYS.length; h++) {
          const count =
            sinceEngagement === Infinity ? 0 : decayed[h]![row]! * Math.exp(FADES[h]! * sinceEngagement);
          week = month;
          month = count;
          matrix[at++] = count + 0.1;
        }
        matrix[at++] = (week + 0.5) / (month + 0.5);
        matrix[at++] = 1 + Math.max(0, query.now - items.bornAt[row]!) / DAY;
        matrix[at++] = 1 + Math.min(sinceEngagement, 10_000 * DAY) / HOUR;
        matrix[at++] = vetoes[row]! / (engagements[row]! + vetoes[row]! + UNVETOED);
        const duration = items.duration[row]!;
        matrix[at++] = Number.isFinite(duration) ? 1 + duration : 0;
      }
    },
};
