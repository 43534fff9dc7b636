/** Trending: engagements with a half-life of a week, as of the request. */

import { HALF_LIVES_DAYS, TREND_HALF_LIFE } from "../catalog/index.ts";
import { DAY } from "../core/index.ts";
import type { Source } from "./retriever.ts";
import { statisticsRetriever } from "./statistics-retriever.ts";

export const trending: Source = {
  name: "trending",
  signalNames: ["trending"],
  personal: false,
  weight: 0.2,
  async load(_columns, catalog) {
    return statisticsRetriever(this, (now) => {
      const { heat } = catalog.statistics;
      const today = now / (HALF_LIVES_DAYS[TREND_HALF_LIFE] * DAY);
      // The key is log2 of the decayed count at `now`.
      return { keyOf: (row) => heat[row]! - today, scoreOf: (key) => Math.log1p(2 ** Math.min(key, 40)) };
    });
  },
};
