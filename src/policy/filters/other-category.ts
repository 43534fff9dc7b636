/** With a list of categories, items that have none of them. Names are compared exactly. */
import type { Filter, FilterContext } from "../filter.ts";

export const otherCategory: Filter = {
  name: "other-category",

  apply(context, mask) {
    if (context.rules.categories === undefined) return;
    const wanted = wantedCodes(context, context.rules.categories);
    const { categoryOffsets, categoryCounts, categories } = context.catalog.items;
    const allowed = mask.allowed;
    let count = 0;
    for (let row = 0; row < allowed.length; row++) {
      if (allowed[row] === 0) continue;
      const start = categoryOffsets[row]!;
      const end = start + categoryCounts[row]!;
      let match = 0;
      for (let at = start; at < end && match === 0; at++) match = wanted[categories[at]!]!;
      allowed[row] = match;
      count += match;
    }
    mask.count = count;
  },

  reason(context, row) {
    const names = context.rules.categories;
    if (names === undefined) return null;
    const { catalog } = context;
    const { categoryOffsets, categoryCounts, categories } = catalog.items;
    const start = categoryOffsets[row]!;
    const own = Array.from(
      categories.subarray(start, start + categoryCounts[row]!),
      (code) => catalog.categoryNames[code]!,
    );
    if (own.some((name) => names.includes(name))) return null;
    const has =
      own.length === 0
        ? "it has no category"
        : `its categories are ${own.map((name) => `"${name}"`).join(", ")}`;
    return `The request asks for ${names.map((name) => `"${name}"`).join(" or ")}; ${has}.`;
  },
};

/** (codes) 1 for the codes of `names`. Names that no item has are passed over. */
function wantedCodes({ catalog }: FilterContext, names: readonly string[]): Uint8Array {
  const wanted = new Uint8Array(catalog.categoryNames.length);
  const set = new Set(names);
  // From 1: code 0 stands for "none".
  for (let code = 1; code < wanted.length; code++)
    if (set.has(catalog.categoryNames[code]!)) wanted[code] = 1;
  return wanted;
}
