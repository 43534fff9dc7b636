/**
 * What a ranking network reads, made of candidates and visits: the same columns in training and in serving.
 *
 * An item's code is its row plus one, a creator's and a category's is the catalog's; what training had not seen is 0.
 */
import type { Catalog } from "../catalog/index.ts";
import { MINUTE } from "../core/index.ts";
import { ACTIONS } from "../events/index.ts";
import type { Visits } from "../features/index.ts";

/** Sizes of the vocabularies that a network was trained with: codes from there on are 0. */
export interface Vocabulary {
  readonly items: number;
  readonly creators: number;
  readonly categories: number;
}

/** Columns of a visit's facts: share watched, whether it is known, one for each action, whether it was here, log of the age. */
export const VISIT_COLUMNS = 4 + ACTIONS.length;

/** A visit's age enters as log(1 + minutes) over this: a month is about 1. */
const AGE_SCALE = 10;

export function vocabularyOf(catalog: Pick<Catalog, "size" | "creatorNames" | "categoryNames">): Vocabulary {
  return {
    items: catalog.size + 1,
    creators: catalog.creatorNames.length,
    categories: catalog.categoryNames.length,
  };
}

/** Codes of items: columns that `writeCodes` fills from `at` on. */
export interface Codes {
  readonly items: Int32Array;
  readonly creators: Int32Array;
  readonly categories: Int32Array;
}

export function makeCodes(length: number): Codes {
  return {
    items: new Int32Array(length),
    creators: new Int32Array(length),
    categories: new Int32Array(length),
  };
}

/** Codes of catalog rows from place `at` on; of several categories, the first. */
export function writeCodes(
  rows: ArrayLike<number>,
  catalog: Pick<Catalog, "items">,
  vocabulary: Vocabulary,
  out: Codes,
  at: number,
): void {
  const { creator, categories, categoryOffsets, categoryCounts } = catalog.items;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    const known = row + 1 < vocabulary.items;
    out.items[at + i] = known ? row + 1 : 0;
    const byWhom = creator[row]!;
    out.creators[at + i] = byWhom < vocabulary.creators ? byWhom : 0;
    const of = categoryCounts[row]! > 0 ? categories[categoryOffsets[row]!]! : 0;
    out.categories[at + i] = of < vocabulary.categories ? of : 0;
  }
}

/** Facts of visits (V, VISIT_COLUMNS), as of `now`, from visit `at` on. */
export function writeVisitFacts(
  visits: Pick<Visits, "times" | "shares" | "actions" | "here">,
  now: number,
  out: Float32Array,
  at: number,
): void {
  const { times, shares, actions, here } = visits;
  let to = at * VISIT_COLUMNS;
  for (let v = 0; v < times.length; v++) {
    const share = shares[v]!;
    const known = !Number.isNaN(share);
    out[to++] = known ? share : 0;
    out[to++] = known ? 1 : 0;
    for (let a = 0; a < ACTIONS.length; a++) out[to++] = (actions[v]! >> a) & 1;
    out[to++] = here[v]!;
    out[to++] = Math.log1p(Math.max(0, now - times[v]!) / MINUTE) / AGE_SCALE;
  }
}
