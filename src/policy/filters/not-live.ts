/** Items that were removed, or whose time of publication has not come. */
import type { Filter } from "../filter.ts";
import { showableOf } from "../showable.ts";

export const notLive: Filter = {
  name: "not-live",

  /** The first rule: it fills the mask. */
  apply({ catalog, now }, mask) {
    mask.count = showableOf(catalog.items).fill(mask.allowed, now);
  },

  reason({ catalog, now }, row) {
    if (catalog.items.live[row] === 0) return "It was removed from the catalog.";
    const publishedAt = catalog.items.publishedAt[row]!;
    return publishedAt > now
      ? `It is published at ${new Date(publishedAt).toISOString()}, later than now.`
      : null;
  },
};
