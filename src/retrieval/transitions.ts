/**
 * Transitions: what users took next after the items this user took last. A Markov chain with gaps: an item g steps
 * later counts 1/g, and the newest items of the user vote with decaying weight.
 * Popular items are damped a little, since they follow everything.
 *
 * The plain form (gaps up to 3, the last 5 items) is the floor that the data README gives for ml-1m.
 */
import { countNeighbours, neighbourColumns, neighbourRetriever } from "./neighbours.ts";
import type { Source } from "./retriever.ts";

/*
 * Chosen on the validation items of ml-1m and amazon-beauty together (`npm run bench -- sources`): of windows of 1 to
 * 20, 5 to 20 lags and damping by popularity of 0 to 0.4, these were best or within noise of it on both.
 */
const WINDOW = Array.from({ length: 10 }, (_, g) => 1 / (1 + g));
const LAGS = 10;
const DECAY = 0.8;
const KEEP = 500;
/** Counts that every row is thought to have beside its own, so that one transition is not a certainty. */
const SHRINK = 20;
const DAMPING = 0.2;

export const transitions: Source = {
  name: "transitions",
  signalNames: ["transitions", "transitions-newest", "transitions-strongest"],
  personal: true,
  knowsNewItems: false,
  weight: 1,
  depth: 0.6,

  async fit({ sequences, progress }) {
    progress.step("fit transitions", sequences.items.length, "interactions");
    const table = await countNeighbours(
      sequences,
      {
        forward: WINDOW,
        backward: [],
        keep: KEEP,
        strength: (count, rowTotal, _from, to) => count / (rowTotal + SHRINK) / to ** DAMPING,
      },
      progress,
    );
    return neighbourColumns(table);
  },

  async load(columns) {
    return neighbourRetriever(this, columns, LAGS, DECAY);
  },
};
