/**
 * The part that popular, trending and fresh share: order every allowed item by a column of the catalog. The scan
 * compares keys alone; what a key is worth as a score is computed for the few that are found.
 */
import type { EpochMs } from "../core/index.ts";
import type { Retriever } from "./retriever.ts";
import { TopK } from "./top-k.ts";

export interface Ordering {
  /** Orders items; -Infinity, or 0 and below after `key - origin`, where the source does not know the item. */
  readonly keyOf: (row: number) => number;
  /** Bounded score of a key, rising with it; 0 where the source does not know the item. */
  readonly scoreOf: (key: number) => number;
}

/**
 * @param orderingAt the order at a moment. Looks at the catalog's columns anew at each call, since they may be replaced
 *   while the catalog grows
 */
export function statisticsRetriever(
  source: { readonly name: string; readonly signalNames: readonly string[]; readonly personal: boolean },
  orderingAt: (now: EpochMs) => Ordering,
): Retriever {
  return {
    name: source.name,
    signalNames: source.signalNames,
    personal: source.personal,
    retrieve(query, k) {
      const { keyOf, scoreOf } = orderingAt(query.now);
      const best = new TopK(k);
      const { allowed } = query;
      for (let row = 0; row < allowed.length; row++) {
        if (allowed[row] === 1) best.push(row, keyOf(row));
      }
      const { rows, scores } = best.take();
      let known = 0;
      for (; known < rows.length; known++) {
        const score = scoreOf(scores[known]!);
        if (score <= 0) break;
        scores[known] = score;
      }
      return {
        rows: rows.subarray(0, known),
        scores: scores.subarray(0, known),
        signals(rows, out) {
          const column = out[0]!;
          for (let i = 0; i < rows.length; i++) column[i] = scoreOf(keyOf(rows[i]!));
        },
      };
    },
  };
}
