/** Trending: engagements with a half-life of a week, as of the request. */

import { HALF_LIVES_DAYS } from "../catalog/index.ts";
import { DAY } from "../core/index.ts";
import type { Source } from "./retriever.ts";
import { statisticsRetriever } from "./statistics-retriever.ts";

/** Index of the week in HALF_LIVES_DAYS. */
const WEEK = 1;

export const trending: Source = {
  name: "trending",
  signalNames: ["trending"],
  personal: false,
  weight: 0.2,
  async load(_columns, catalog) {
    return statisticsRetriever(this, (now) => {
      const { decayed, decayedAt } = catalog.statistics;
      const counts = decayed[WEEK]!;
      const halfLife = HALF_LIVES_DAYS[WEEK] * DAY;
      return (row) => {
        const count = counts[row]!;
        return count === 0 ? 0 : Math.log1p(count * 2 ** (-Math.max(0, now - decayedAt[row]!) / halfLife));
      };
    });
  },
};
