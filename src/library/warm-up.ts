/**
 * Requests that nobody asked for, on every rung: so that the first real one finds compiled code and learned costs, and a
 * ranker that was too slow for a while is found out to be fast again.
 */
import { setImmediate } from "node:timers/promises";
import type { Catalog } from "../catalog/index.ts";
import type { EpochMs, EventId, Ms, UserId } from "../core/index.ts";
import { DEFAULT_LIMIT, type PathParts, pressureOf, RUNGS, type Rung, runPath } from "../pipeline/index.ts";
import { emptyState, type Touch } from "../state/index.ts";

/** Guess: enough for the compiler to have seen the hot loops and for the cost of ranking to be learned. */
const REQUESTS = 20;
/** Of each lower rung, whose code the first ones have run. */
const LOWER_REQUESTS = 4;
/** Guess: as many as a user of some weeks has. */
const TOUCHES = 50;

/** @param parts what a request runs with; its user is nobody's */
export async function warmUp(parts: PathParts): Promise<void> {
  for (const rung of RUNGS) await exercise(parts, [rung], rung === "full" ? REQUESTS : LOWER_REQUESTS);
}

/** Requests of somebody made up, `count` on each of the rungs. Other work gets its turn after each. */
export async function exercise(parts: PathParts, rungs: readonly Rung[], count = 1): Promise<void> {
  const { catalog, clock } = parts;
  const user = "" as UserId;
  const state = { ...emptyState(user), touches: someTouches(catalog, clock.now()) };
  const { encodings: _, ...others } = parts; // nobody's encodings take nobody's place
  const own = { ...others, readState: async () => ({ state, stale: () => false, release() {} }) };
  for (const rung of rungs) {
    for (let i = 0; i < count; i++) {
      const pressure = pressureOf(rung);
      await runPath({ user }, DEFAULT_LIMIT, Number.POSITIVE_INFINITY as Ms, own, { pressure });
      await setImmediate();
    }
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
