/**
 * A small source that encodes users, with an answer that is known in the head: the more of a user's newest touches are
 * of a colour (even or odd rows, times the number of categories and one), the higher are the items of that colour.
 */
import { setImmediate } from "node:timers/promises";
import type { Catalog } from "../../src/catalog/index.ts";
import type { Columns, Query, Source, Touches } from "../../src/retrieval/index.ts";
import { TopK } from "../../src/retrieval/top-k.ts";

const NEWEST = 50;

export interface Colours extends Source {
  /** Retrievers that were loaded and not closed. */
  readonly open: number;
}

/** @param wait what an encoding waits for */
export function coloursWith(wait: () => Promise<unknown>): Colours {
  let open = 0;
  return {
    name: "colours",
    signalNames: ["colours"],
    personal: true,
    knowsNewItems: false,
    weight: 1,
    depth: 1,
    get open() {
      return open;
    },

    async fit({ sequences }) {
      const taken = new Float32Array(sequences.itemCount);
      for (const row of sequences.items) taken[row] = 1;
      return { taken };
    },

    async load(columns, catalog) {
      const taken = takenOf(columns);
      let closed = false;
      open++;
      return {
        name: "colours",
        signalNames: ["colours"],
        personal: true,
        async encode(touches) {
          const encoding = coloursOf(touches, taken, catalog);
          await wait();
          if (closed) throw new Error("closed while it encoded");
          return encoding;
        },
        retrieve({ encodings: { colours }, allowed }: Query, k) {
          const score = (row: number) => (colours?.[row % 2] ?? 0) * (taken[row] ?? 0);
          const top = new TopK(Math.min(k, allowed.length));
          for (let row = 0; row < allowed.length; row++)
            if (allowed[row] === 1 && score(row) > 0) top.push(row, score(row));
          return {
            ...top.take(),
            signals: (rows, [out]) => out!.set(Float32Array.from(rows, score)),
          };
        },
        async close() {
          closed = true;
          open--;
        },
      };
    },
  };
}

export const colours = coloursWith(() => setImmediate());

/** (2) weight of each colour; facts count, so that a change of them shows. */
function coloursOf(touches: Touches, taken: Float32Array, catalog: Catalog): Float32Array {
  const encoding = new Float32Array(2);
  for (const [i, row] of touches.items.subarray(0, NEWEST).entries()) {
    const facts = 1 + (catalog.factsOf(row)?.categories?.length ?? 0);
    encoding[row % 2]! += facts * (taken[row] ?? 0) * touches.weights[i]! * 0.9 ** i;
  }
  return encoding;
}

function takenOf({ taken }: Columns): Float32Array {
  return taken instanceof Float32Array ? taken : new Float32Array(0);
}
