/** Popular: the items with the most engagements ever. Knows nobody, answers always. */
import type { Source } from "./retriever.ts";
import { statisticsRetriever } from "./statistics-retriever.ts";

export const popular: Source = {
  name: "popular",
  signalNames: ["popular"],
  personal: false,
  knowsNewItems: true,
  weight: 0.1,
  depth: 0.2,
  async load(_columns, catalog) {
    return statisticsRetriever(this, () => ({
      keys: catalog.statistics.engagements,
      changes: catalog.statistics.changes,
      size: catalog.size,
      origin: 0,
      nothing: 0,
      scoreOf: Math.log1p,
    }));
  },
};
