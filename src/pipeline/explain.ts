/** Why an item is in a slate, and why another is not: read off what the request computed, nothing is guessed after. */
import type { Catalog } from "../catalog/index.ts";
import type { ItemId } from "../core/index.ts";
import type { Why, WhyNot } from "./recommender.ts";
import type { PathResult } from "./request-path.ts";
import type { ServingModels } from "./serving-models.ts";

/** @param index of the candidate */
export function whyOf(path: PathResult, models: ServingModels, index: number): Why {
  const { candidates, heads, headNames, headWeights, features } = path;
  const { requestNames, candidateNames } = models.featureSet;
  return {
    sources: candidates.sourceNames.flatMap((name, s) => {
      const rank = candidates.ranks[s]![index]!;
      return rank < 0 ? [] : [{ name, rank, score: candidates.scores[s]![index]! }];
    }),
    heads: heads.map((column, h) => ({
      name: headNames[h]!,
      value: column[index]!,
      weight: headWeights[h]!,
    })),
    rankBeforePolicy: path.ranked.indexOf(index),
    features:
      features === null
        ? {}
        : Object.fromEntries([
            ...requestNames.map((name, f) => [name, features.request[f]!] as const),
            ...candidateNames.map(
              (name, f) => [name, features.candidates[index * candidateNames.length + f]!] as const,
            ),
          ]),
  };
}

export function whyNotOf(path: PathResult, catalog: Catalog, item: ItemId): WhyNot {
  const row = catalog.rowOf(item);
  if (row === undefined) return { item, stage: "catalog", reason: "The catalog has no item with this id." };
  const filtered = path.mask.reasonFor(row);
  if (filtered !== null) return { item, stage: "filter", reason: filtered };
  const index = path.candidates.rows.indexOf(row);
  const before = path.found.rows.indexOf(row);
  if (index < 0 && before >= 0) {
    return {
      item,
      stage: "ranking",
      reason: `Retrieval put it at ${before + 1} of ${path.found.rows.length}, and there was time to rank the first ${path.candidates.rows.length} only.`,
    };
  }
  if (index < 0) {
    const asked = path.sources.map(({ name, found }) => `${name} (${found})`).join(", ");
    return {
      item,
      stage: "retrieval",
      reason: `It is not among the ${path.candidates.rows.length} candidates; sources and how many each found: ${asked}.`,
    };
  }
  const rank = path.ranked.indexOf(index);
  const slot = path.slate.order.indexOf(rank);
  if (slot >= 0) return { item, stage: "shown", reason: `It is in the answer, at position ${slot}.` };
  const removed = path.slate.removedBy(rank);
  if (removed !== null) return { item, stage: "policy", reason: removed };
  const last = path.slate.order.length === 0 ? 0 : path.scores[path.slate.order.at(-1)!]!;
  return {
    item,
    stage: "ranking",
    reason: `It ranks ${rank + 1} of ${path.ranked.length} with the score ${path.scores[rank]!.toPrecision(4)}; the last one shown has ${last.toPrecision(4)}.`,
  };
}
