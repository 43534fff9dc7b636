/**
 * Visits: what a user did with an item in one go. A watch, a click and a like of one video are three touches and one
 * visit: consecutive touches of one item are merged.
 */
import type { Catalog } from "../catalog/index.ts";
import { actionsOf, INTERACTION_TYPE_NAMES, INTERACTION_TYPES } from "../events/index.ts";
import type { HistoryColumns } from "../retrieval/index.ts";

/** Visits that features and rankers look at (guess: several sessions of short videos). */
export const MAX_VISITS = 50;

/** Columns of (V) visits, newest first, V <= MAX_VISITS. */
export interface Visits {
  /** (V) catalog rows. */
  readonly items: Int32Array;
  /** (V) EpochMs of the newest touch. */
  readonly times: Float64Array;
  /** (V) the largest share watched, NaN where none is known. */
  readonly shares: Float32Array;
  /** (V) bit a is set where ACTIONS[a] happened. */
  readonly actions: Uint8Array;
  /** (V) bit c is set where an interaction of the type with code c happened. */
  readonly types: Uint16Array;
  /** (V) 1 where one of the touches was on the surface that is asked for now. */
  readonly here: Uint8Array;
}

const IS_SHARE = INTERACTION_TYPE_NAMES.map((name) => INTERACTION_TYPES[name].value === "share");

/**
 * @param history as `Query.history` has it: newest first
 * @param most visits that are wanted
 */
export function visitsOf(
  history: HistoryColumns,
  catalog: Pick<Catalog, "items">,
  most = MAX_VISITS,
): Visits {
  const { duration } = catalog.items;
  const capacity = Math.min(history.items.length, most);
  const items = new Int32Array(capacity);
  const times = new Float64Array(capacity);
  const shares = new Float32Array(capacity).fill(Number.NaN);
  const actions = new Uint8Array(capacity);
  const types = new Uint16Array(capacity);
  const here = new Uint8Array(capacity);
  let n = 0;
  for (let t = 0; t < history.items.length; t++) {
    const row = history.items[t]!;
    if (n === 0 || items[n - 1] !== row) {
      if (n === capacity) break;
      items[n] = row;
      times[n++] = history.times[t]!;
    }
    const visit = n - 1;
    const type = history.types[t]!;
    const value = history.values[t]!;
    actions[visit] = actions[visit]! | actionsOf(INTERACTION_TYPE_NAMES[type]!, value, duration[row]!);
    types[visit] = types[visit]! | (1 << type);
    here[visit] = here[visit]! | history.here[t]!;
    if (IS_SHARE[type] && !(shares[visit]! >= value)) shares[visit] = value;
  }
  return {
    items: items.subarray(0, n),
    times: times.subarray(0, n),
    shares: shares.subarray(0, n),
    actions: actions.subarray(0, n),
    types: types.subarray(0, n),
    here: here.subarray(0, n),
  };
}
