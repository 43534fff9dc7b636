/** What an item's vector is made of beside its own: codes of its categories and of its creator. */
import type { Catalog } from "../../catalog/index.ts";

/** The codes that a model knows: categories 1 .. categories - 1, then creators, as the catalog numbers them. */
export interface AttributeSpace {
  readonly categories: number;
  readonly creators: number;
}

/** Codes an item has room for: its creator, and as many of its categories. */
export const ATTRIBUTES_PER_ITEM = 8;

/** Number of codes, with code 0, which stands for "none". */
export function codesOf({ categories, creators }: AttributeSpace): number {
  return categories + Math.max(0, creators - 1);
}

/** Everything that the catalog has names for now. */
export function attributeSpace(catalog: Catalog): AttributeSpace {
  return {
    categories: Math.max(1, catalog.categoryNames.length),
    creators: Math.max(1, catalog.creatorNames.length),
  };
}

/** Writes the codes of item `row` to codes[at ..] and returns how many it has; codes that came later are left out. */
export function readAttributes(
  catalog: Catalog,
  row: number,
  space: AttributeSpace,
  codes: Int32Array,
  at: number,
): number {
  const { categories, categoryOffsets, categoryCounts, creator } = catalog.items;
  let n = 0;
  const made = creator[row]!;
  if (made > 0 && made < space.creators) codes[at + n++] = space.categories - 1 + made;
  const first = categoryOffsets[row]!;
  for (let i = 0; i < categoryCounts[row]! && n < ATTRIBUTES_PER_ITEM; i++) {
    const code = categories[first + i]!;
    if (code < space.categories) codes[at + n++] = code;
  }
  return n;
}

/** Attributes of many items, as the inputs of the encoder want them. */
export interface ItemAttributes {
  /** (items, ATTRIBUTES_PER_ITEM) */
  readonly codes: Int32Array;
  /** (items, ATTRIBUTES_PER_ITEM) 1 / √(number of codes), 0 where there is none. */
  readonly shares: Float32Array;
}

export function attributesOf(catalog: Catalog, items: number, space: AttributeSpace): ItemAttributes {
  const codes = new Int32Array(items * ATTRIBUTES_PER_ITEM);
  const shares = new Float32Array(items * ATTRIBUTES_PER_ITEM);
  for (let row = 0; row < items; row++) {
    const at = row * ATTRIBUTES_PER_ITEM;
    const n = readAttributes(catalog, row, space, codes, at);
    shares.fill(1 / Math.sqrt(n), at, at + n);
  }
  return { codes, shares };
}
