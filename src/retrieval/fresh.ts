/**
 * Fresh: items of the last two weeks, newest first, so that new items are found before anybody has touched them. The
 * score falls from 1 to 0 with age; items without a publication time count from when the log first mentioned them.
 */
import { DAY } from "../core/index.ts";
import type { Source } from "./retriever.ts";
import { statisticsRetriever } from "./statistics-retriever.ts";

const WINDOW = 14 * DAY;

export const fresh: Source = {
  name: "fresh",
  signalNames: ["fresh"],
  personal: false,
  knowsNewItems: true,
  weight: 0.3,
  depth: 0.2,
  async load(_columns, catalog) {
    return statisticsRetriever(this, (now) => ({
      keys: catalog.items.bornAt,
      changes: catalog.items.changes,
      size: catalog.size,
      origin: now,
      nothing: -WINDOW,
      scoreOf: (distance) => Math.max(0, 1 + Math.min(0, distance) / WINDOW),
    }));
  },
};
