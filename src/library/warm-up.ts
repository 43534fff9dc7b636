/** Requests that nobody asked for, so that the first real one finds compiled code and learned costs. */
import type { Catalog } from "../catalog/index.ts";
import type { EpochMs, EventId, Ms, UserId } from "../core/index.ts";
import { DEFAULT_LIMIT, type PathParts, runPath } from "../pipeline/index.ts";
import { emptyState, type Touch } from "../state/index.ts";

/** Guess: enough for the compiler to have seen the hot loops and for the cost of ranking to be learned. */
const REQUESTS = 20;
/** Guess: as many as a user of some weeks has. */
const TOUCHES = 50;

/** @param partsOf what a request of a user runs with, but for the state */
export async function warmUp(
  catalog: Catalog,
  now: EpochMs,
  partsOf: (user: UserId) => PathParts,
): Promise<void> {
  const user = "" as UserId;
  const state = { ...emptyState(user), touches: someTouches(catalog, now) };
  const readState = async () => ({ state, stale: () => false, release() {} });
  const parts = { ...partsOf(user), readState };
  for (let i = 0; i < REQUESTS; i++) {
    await runPath({ user }, DEFAULT_LIMIT, Number.POSITIVE_INFINITY as Ms, parts);
  }
}

/** Somebody who has clicked some items: without touches, no source has work. */
function someTouches(catalog: Catalog, time: EpochMs): Touch[] {
  return Array.from({ length: Math.min(TOUCHES, catalog.size) }, (_, row) => ({
    id: `${row}` as EventId,
    item: catalog.idOf(row),
    type: "click",
    value: Number.NaN,
    time,
  }));
}
