/** Items that the user blocked, and everything else of their creators. */
import type { Filter, FilterContext } from "../filter.ts";

export const blocked: Filter = {
  name: "blocked",

  apply(context, mask) {
    const rows = blockedRows(context);
    if (rows.length === 0) return;
    for (const row of rows) mask.remove(row);

    const { catalog } = context;
    const creator = catalog.items.creator;
    const isBlocked = new Uint8Array(catalog.creatorNames.length);
    for (const row of rows) isBlocked[creator[row]!] = 1;
    // Code 0 is "no creator": items without one have nothing in common.
    isBlocked[0] = 0;
    const allowed = mask.allowed;
    let removed = 0;
    for (let row = 0; row < allowed.length; row++) {
      const bit = allowed[row]! & isBlocked[creator[row]!]!;
      allowed[row]! ^= bit;
      removed += bit;
    }
    mask.count -= removed;
  },

  reason(context, row) {
    const { catalog } = context;
    const rows = blockedRows(context);
    if (rows.includes(row)) return "The user blocked it.";
    const creator = catalog.items.creator;
    const code = creator[row]!;
    if (code === 0 || !rows.some((other) => creator[other] === code)) return null;
    return `The user blocked an item of its creator "${catalog.creatorNames[code]}".`;
  },
};

/** Rows of the items with a "block" veto. */
function blockedRows({ catalog, state }: FilterContext): number[] {
  const rows: number[] = [];
  for (const touch of state.vetoes) {
    if (touch.type !== "block") continue;
    const row = catalog.rowOf(touch.item);
    if (row !== undefined) rows.push(row);
  }
  return rows;
}
