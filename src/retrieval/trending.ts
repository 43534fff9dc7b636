/** Trending: engagements with a half-life of a week, as of the request. */

import { HALF_LIVES_DAYS, TREND_HALF_LIFE } from "../catalog/index.ts";
import { DAY } from "../core/index.ts";
import type { Source } from "./retriever.ts";
import { statisticsRetriever } from "./statistics-retriever.ts";

export const trending: Source = {
  name: "trending",
  signalNames: ["trending"],
  personal: false,
  knowsNewItems: true,
  weight: 0.1,
  depth: 0.2,
  async load(_columns, catalog) {
    return statisticsRetriever(this, (now) => ({
      keys: catalog.statistics.heat,
      changes: catalog.statistics.changes,
      size: catalog.size,
      origin: now / (HALF_LIVES_DAYS[TREND_HALF_LIFE] * DAY),
      nothing: Number.NEGATIVE_INFINITY,
      // The distance is log2 of the decayed count at `now`.
      scoreOf: (distance) => Math.log1p(2 ** Math.min(distance, 40)),
    }));
  },
};
