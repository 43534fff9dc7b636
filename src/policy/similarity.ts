/**
 * How alike two items look to a viewer, from facts alone: the same creator, and the overlap (Jaccard) of their
 * categories. In [0, 1]; half each (a guess). Facts are there for every item, model vectors are not.
 */
import type { ItemColumns } from "../catalog/index.ts";

const CREATOR_SHARE = 0.5;

/** The columns that are compared. */
export type Looks = Pick<ItemColumns, "creator" | "categoryOffsets" | "categoryCounts" | "categories">;

/** As they are now: the catalog may put others in their place. */
export function looksOf({ creator, categoryOffsets, categoryCounts, categories }: ItemColumns): Looks {
  return { creator, categoryOffsets, categoryCounts, categories };
}

/** `a` and `b` are catalog rows. Symmetric. Items without facts are like nothing. */
export function similarity(items: Looks, a: number, b: number): number {
  const creator = items.creator[a]!;
  const same = creator !== 0 && creator === items.creator[b]! ? CREATOR_SHARE : 0;
  return same + (1 - CREATOR_SHARE) * categoryOverlap(items, a, b);
}

/** |shared| / |either|, 0 where one has none. Lists are a handful of codes: two loops beat any set. */
function categoryOverlap(items: Looks, a: number, b: number): number {
  const { categoryOffsets, categoryCounts, categories } = items;
  const countA = categoryCounts[a]!;
  const countB = categoryCounts[b]!;
  if (countA === 0 || countB === 0) return 0;
  const startA = categoryOffsets[a]!;
  const startB = categoryOffsets[b]!;
  let shared = 0;
  for (let i = startA; i < startA + countA; i++) {
    for (let j = startB; j < startB + countB; j++) {
      if (categories[i] === categories[j]) {
        shared++;
        break;
      }
    }
  }
  return shared / (countA + countB - shared);
}
