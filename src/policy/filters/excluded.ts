/** Items on the request's exclude list. Ids that the catalog does not know are passed over. */
import type { Filter } from "../filter.ts";

export const excluded: Filter = {
  name: "excluded",

  apply({ catalog, rules }, mask) {
    if (rules.exclude === undefined) return;
    for (const item of rules.exclude) mask.remove(catalog.rowOf(item));
  },

  reason({ catalog, rules }, row) {
    return rules.exclude?.includes(catalog.idOf(row)) === true
      ? "The request's exclude list names it."
      : null;
  },
};
