/** Items that the user has touched, as far back as the bounded state remembers. */
import type { Filter } from "../filter.ts";

export const seen: Filter = {
  name: "seen",

  apply({ catalog, state, rules }, mask) {
    if (rules.allowSeen === true) return;
    for (const touch of state.touches) mask.remove(catalog.rowOf(touch.item));
  },

  reason({ catalog, state, rules }, row) {
    if (rules.allowSeen === true) return null;
    const item = catalog.idOf(row);
    const touch = state.touches.find((other) => other.item === item);
    if (touch === undefined) return null;
    return `The user has seen it ("${touch.type}" at ${new Date(touch.time).toISOString()}); allowSeen lets it come back.`;
  },
};
