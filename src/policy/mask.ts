/** The request's mask: which items of the catalog may be shown to this user, by all filters together. */
import type { Catalog } from "../catalog/index.ts";
import type { EpochMs, SpareMemory } from "../core/index.ts";
import type { UserState } from "../state/index.ts";
import { type FilterRules, Mask } from "./filter.ts";
import { FILTERS } from "./filters.ts";

export interface RequestMask {
  /** (catalog.size when it was built) 1 where the item may be shown. Belongs to the request alone. */
  readonly allowed: Uint8Array<ArrayBuffer>;
  /** Number of ones in `allowed`. */
  readonly count: number;
  /** The first rule that takes `row`, in words; null where the row may be shown. Computed when asked. */
  reasonFor(row: number): string | null;
}

/** @param memory that the mask's rows are in; new where absent */
export function buildMask(
  catalog: Catalog,
  state: UserState,
  rules: FilterRules,
  now: EpochMs,
  memory?: SpareMemory,
): RequestMask {
  const context = { catalog, state, rules, now };
  const mask = new Mask(catalog.size, memory);
  for (const filter of FILTERS) filter.apply(context, mask);
  return {
    allowed: mask.allowed,
    count: mask.count,
    reasonFor(row) {
      if (row >= mask.allowed.length) return "It became known after the request began.";
      if (mask.allowed[row] === 1) return null;
      for (const filter of FILTERS) {
        const reason = filter.reason(context, row);
        if (reason !== null) return reason;
      }
      // The catalog goes on changing under a request; the mask is what it was when it was built.
      return "It was filtered out when the request began, and is not any more.";
    },
  };
}
