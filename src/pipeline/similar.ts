/** Items that go with an item: what the personal sources would say to someone who has just taken it, and nothing else. */
import type { Catalog } from "../catalog/index.ts";
import type { EpochMs, ItemId, ItemRow, UserId } from "../core/index.ts";
import { interactionCode } from "../events/index.ts";
import { buildMask } from "../policy/index.ts";
import {
  blend,
  type Contribution,
  contributionOf,
  type LoadedSource,
  type Query,
  type Touches,
} from "../retrieval/index.ts";
import { emptyState } from "../state/index.ts";
import { encodeWithin } from "./read-user.ts";
import type { Reason, SimilarItems } from "./recommender.ts";
import type { ServingModels } from "./serving-models.ts";

/** Waits for sources that encode, for as long as they take; from there to the answer nothing waits. */
export async function similarItems(
  item: ItemId,
  row: ItemRow,
  limit: number,
  now: EpochMs,
  catalog: Catalog,
  models: ServingModels,
): Promise<SimilarItems> {
  const touches: Touches = {
    now,
    items: Int32Array.of(row),
    times: Float64Array.of(now),
    weights: Float32Array.of(1),
    types: Uint8Array.of(interactionCode("click")),
    values: Float32Array.of(Number.NaN),
  };
  const personal = models.sources.filter(({ retriever }) => retriever.personal);
  const encoded = await encodeWithin(personal, touches, Number.POSITIVE_INFINITY);
  // Nobody asks, so nobody has seen or blocked anything: what is left is what may be shown at all.
  const { allowed } = buildMask(catalog, emptyState("" as UserId), {}, now);
  allowed[row] = 0;
  const history = { ...touches, here: Uint8Array.of(0) };
  const query: Query = { ...touches, allowed, encodings: encoded.encodings, context: {}, history };
  const reasons: Reason[] = models.bundle === null ? ["not_trained"] : [...encoded.reasons];
  const found = blend(bestOfEach(personal, query, limit), limit);
  if (found.rows.length > 0) return answer(item, found.rows, found.fused, catalog, reasons);
  // Nobody took it yet, or nothing is trained: the popular items that share its creator or a category.
  keepRelated(catalog, row, allowed);
  const rest = models.sources.filter(({ retriever }) => !retriever.personal);
  const related = blend(bestOfEach(rest, query, limit), limit);
  return answer(
    item,
    related.rows,
    related.fused,
    catalog,
    models.bundle === null ? reasons : [...encoded.reasons, "no_history"],
  );
}

function bestOfEach(sources: readonly LoadedSource[], query: Query, count: number): readonly Contribution[] {
  return sources.map((source) => contributionOf(source, query, count));
}

function keepRelated(catalog: Catalog, row: number, allowed: Uint8Array): void {
  const { creator, categories, categoryOffsets, categoryCounts } = catalog.items;
  const wanted = new Set(
    categories.subarray(categoryOffsets[row]!, categoryOffsets[row]! + categoryCounts[row]!),
  );
  for (let other = 0; other < allowed.length; other++) {
    if (allowed[other] === 0) continue;
    let related = creator[row] !== 0 && creator[other] === creator[row];
    const start = categoryOffsets[other]!;
    for (let c = start; !related && c < start + categoryCounts[other]!; c++)
      related = wanted.has(categories[c]!);
    if (!related) allowed[other] = 0;
  }
}

function answer(
  item: ItemId,
  rows: Int32Array,
  scores: Float32Array,
  catalog: Catalog,
  reasons: readonly Reason[],
): SimilarItems {
  return {
    item,
    items: Array.from(rows, (found, i) => {
      const facts = catalog.factsOf(found);
      return { item: catalog.idOf(found), score: scores[i]!, ...(facts && { facts }) };
    }),
    reasons,
  };
}
