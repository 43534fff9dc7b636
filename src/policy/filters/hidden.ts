/** Items that the user disliked or hid. Holds even where seen items may come back. */
import type { Filter } from "../filter.ts";

export const hidden: Filter = {
  name: "hidden",

  apply({ catalog, state }, mask) {
    for (const touch of state.vetoes) mask.remove(catalog.rowOf(touch.item));
  },

  reason({ catalog, state }, row) {
    const item = catalog.idOf(row);
    const touch = state.vetoes.find((veto) => veto.item === item);
    return touch === undefined ? null : `The user reacted to it with "${touch.type}".`;
  },
};
