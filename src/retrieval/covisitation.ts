/**
 * Co-visitation: items that stand near the user's items in other users' sequences, in either direction, by a
 * cosine of how often they occur (item-kNN within a window; Sarwar et al. 2001 with Davidson et al. 2010's sessions).
 */
import { countNeighbours, neighbourColumns, neighbourRetriever } from "./neighbours.ts";
import type { Source } from "./retriever.ts";

/*
 * Chosen on the validation items of ml-1m and amazon-beauty together (`npm run bench -- sources`), for Recall@500: the
 * lists' heads are the business of other sources.
 */
const WINDOW = Array.from({ length: 20 }, (_, g) => 1 / Math.sqrt(1 + g));
const LAGS = 20;
const DECAY = 0.9;
const KEEP = 500;
/** Added to the denominator, so that two items seen together once are not twins. */
const SHRINK = 10;
/** How the two counts share the denominator: 0.5 each would be the cosine; less damps popular neighbours less. */
const DAMPING = 0.3;

export const covisitation: Source = {
  name: "covisitation",
  signalNames: ["covisitation", "covisitation-newest", "covisitation-strongest"],
  personal: true,
  knowsNewItems: false,
  weight: 1,
  depth: 0.6,

  async fit({ sequences, progress }) {
    progress.step("fit covisitation", sequences.items.length, "interactions");
    const table = await countNeighbours(
      sequences,
      {
        forward: WINDOW,
        backward: WINDOW,
        keep: KEEP,
        strength: (count, _rowTotal, from, to) => count / (from ** (1 - DAMPING) * to ** DAMPING + SHRINK),
      },
      progress,
    );
    return neighbourColumns(table);
  },

  async load(columns) {
    return neighbourRetriever(this, columns, LAGS, DECAY);
  },
};
