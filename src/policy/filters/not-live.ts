/** Items that were removed, or whose time of publication has not come. */
import type { Filter } from "../filter.ts";

export const notLive: Filter = {
  name: "not-live",

  /** The first rule: it fills the mask, in the one pass over the whole catalog that every request pays for. */
  apply({ catalog, now }, mask) {
    const { live, publishedAt } = catalog.items;
    const allowed = mask.allowed;
    let count = 0;
    for (let row = 0; row < allowed.length; row++) {
      // NaN (unknown) is not greater than anything: it passes.
      const bit = publishedAt[row]! > now ? 0 : live[row]!;
      allowed[row] = bit;
      count += bit;
    }
    mask.count = count;
  },

  reason({ catalog, now }, row) {
    if (catalog.items.live[row] === 0) return "It was removed from the catalog.";
    const publishedAt = catalog.items.publishedAt[row]!;
    return publishedAt > now
      ? `It is published at ${new Date(publishedAt).toISOString()}, later than now.`
      : null;
  },
};
