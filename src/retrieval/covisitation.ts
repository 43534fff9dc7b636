/**
 * Co-visitation: items that stand near the user's items in other users' sequences, in either direction, by the
 * cosine of how often they occur (item-kNN within a window; Sarwar et al. 2001 with Davidson et al. 2010's sessions).
 */
import { countNeighbours, NeighbourSum, neighbourColumns, neighboursFrom } from "./neighbours.ts";
import type { Source } from "./retriever.ts";

/** Chosen on the validation items of ml-1m and amazon-beauty (bench/sources.ts). */
const WINDOW = Array.from({ length: 20 }, (_, g) => 1 / (1 + g / 5));
const LAGS = 20;
const DECAY = 0.9;
const KEEP = 500;
/** Added to the product of the counts, so that two items seen together once are not twins. */
const SHRINK = 10;

export const covisitation: Source = {
  name: "covisitation",
  signalNames: ["covisitation", "covisitation-newest", "covisitation-strongest"],
  personal: true,
  weight: 1,

  async fit({ sequences, progress }) {
    const table = await countNeighbours(
      sequences,
      {
        forward: WINDOW,
        backward: WINDOW,
        keep: KEEP,
        strength: (count, _rowTotal, from, to) => count / (Math.sqrt(from * to) + SHRINK),
      },
      progress,
    );
    return neighbourColumns(table);
  },

  async load(columns) {
    const sum = new NeighbourSum(neighboursFrom(columns), LAGS, DECAY);
    return {
      name: this.name,
      signalNames: this.signalNames,
      personal: this.personal,
      async retrieve(query, k) {
        const best = sum.top(query, k);
        return { ...best, signals: (rows, out) => sum.of(query, rows, out[0]!, out[1]!, out[2]!) };
      },
    };
  },
};
