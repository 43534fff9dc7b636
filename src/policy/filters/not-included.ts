/** With an include list, everything that is not on it. Ids that the catalog does not know are passed over. */
import type { Filter } from "../filter.ts";

export const notIncluded: Filter = {
  name: "not-included",

  apply({ catalog, rules }, mask) {
    if (rules.include === undefined) return;
    const keep = new Uint8Array(mask.allowed.length);
    for (const item of rules.include) {
      const row = catalog.rowOf(item);
      if (row !== undefined && row < keep.length) keep[row] = 1;
    }
    mask.intersect(keep);
  },

  reason({ catalog, rules }, row) {
    if (rules.include === undefined || rules.include.includes(catalog.idOf(row))) return null;
    return "The request's include list does not name it.";
  },
};
