/**
 * Transitions: what users took next after the items this user took last. A Markov chain with gaps: an item g steps
 * later counts 1/g, and the newest items of the user vote with decaying weight.
 *
 * The plain form (gaps up to 3, the last 5 items) is the floor that the data README gives for ml-1m.
 */
import { countNeighbours, NeighbourSum, neighbourColumns, neighboursFrom } from "./neighbours.ts";
import type { Source } from "./retriever.ts";

/** Chosen on the validation items of ml-1m and amazon-beauty (bench/sources.ts). */
const GAPS = [1, 1 / 2, 1 / 3];
const LAGS = 5;
const DECAY = 0.8;
const KEEP = 500;

export const transitions: Source = {
  name: "transitions",
  signalNames: ["transitions", "transitions-newest", "transitions-strongest"],
  personal: true,
  weight: 1,

  async fit({ sequences, progress }) {
    const table = await countNeighbours(
      sequences,
      { forward: GAPS, backward: [], keep: KEEP, strength: (count, rowTotal) => count / rowTotal },
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
