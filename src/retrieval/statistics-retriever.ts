/** The part that popular, trending and fresh share: score every allowed item from the catalog's live columns. */
import type { EpochMs } from "../core/index.ts";
import type { Retriever } from "./retriever.ts";
import { TopK } from "./top-k.ts";

/**
 * @param scoreAt gives the score of a row at a moment; rows with score 0 are not candidates. Looks at the catalog's
 *   columns anew at each call, since they may be replaced while the catalog grows
 */
export function statisticsRetriever(
  source: { readonly name: string; readonly signalNames: readonly string[]; readonly personal: boolean },
  scoreAt: (now: EpochMs) => (row: number) => number,
): Retriever {
  return {
    name: source.name,
    signalNames: source.signalNames,
    personal: source.personal,
    async retrieve(query, k) {
      const scoreOf = scoreAt(query.now);
      const best = new TopK(k);
      const { allowed } = query;
      for (let row = 0; row < allowed.length; row++) {
        if (allowed[row] === 0) continue;
        const score = scoreOf(row);
        if (score > 0) best.push(row, score);
      }
      return {
        ...best.take(),
        signals(rows, out) {
          const column = out[0]!;
          for (let i = 0; i < rows.length; i++) column[i] = scoreOf(rows[i]!);
        },
      };
    },
  };
}
