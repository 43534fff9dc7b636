/** From user state to the columns that retrieval and features read, and what a request is known by beside them. */
import type { Catalog } from "../catalog/index.ts";
import type { EpochMs, UserId } from "../core/index.ts";
import { evidence, interactionCode, type Place } from "../events/index.ts";
import type { UserState } from "../state/index.ts";
import type { HistoryColumns, RequestContext, Touches } from "./retriever.ts";

/** A user's touches twice: those that are evidence of interest, and all of them. */
export interface TouchesRead {
  readonly touches: Touches;
  readonly history: HistoryColumns;
}

/**
 * Touches of items that the catalog knows, newest first.
 *
 * @param surface that is asked for; absent where nobody knows it
 */
export function touchesOf(state: UserState, catalog: Catalog, now: EpochMs, surface?: string): TouchesRead {
  const capacity = state.touches.length;
  const items = new Int32Array(capacity);
  const times = new Float64Array(capacity);
  const weights = new Float32Array(capacity);
  const types = new Uint8Array(capacity);
  const values = new Float32Array(capacity);
  const here = new Uint8Array(capacity);
  let n = 0;
  for (const touch of state.touches) {
    const row = catalog.rowOf(touch.item);
    if (row === undefined) continue;
    items[n] = row;
    times[n] = touch.time;
    weights[n] = evidence(touch.type, touch.value);
    types[n] = interactionCode(touch.type);
    if (surface !== undefined && touch.surface === surface) here[n] = 1;
    values[n++] = touch.value;
  }
  const history = {
    items: items.subarray(0, n),
    times: times.subarray(0, n),
    types: types.subarray(0, n),
    values: values.subarray(0, n),
    here: here.subarray(0, n),
  };
  return withEvidence(history, weights.subarray(0, n), now);
}

/**
 * The touches among a history.
 *
 * @param weights (H) evidence of each, 0 where there is none
 */
export function withEvidence(history: HistoryColumns, weights: Float32Array, now: EpochMs): TouchesRead {
  let n = 0;
  for (let t = 0; t < weights.length; t++) if (weights[t]! > 0) n++;
  const touches = {
    now,
    items: new Int32Array(n),
    times: new Float64Array(n),
    weights: new Float32Array(n),
    types: new Uint8Array(n),
    values: new Float32Array(n),
  };
  for (let t = 0, to = 0; t < weights.length; t++) {
    if (!(weights[t]! > 0)) continue;
    touches.items[to] = history.items[t]!;
    touches.times[to] = history.times[t]!;
    touches.weights[to] = weights[t]!;
    touches.types[to] = history.types[t]!;
    touches.values[to++] = history.values[t]!;
  }
  return { touches, history };
}

/** Facts of the user count from their time on. */
export function contextOf(
  catalog: Catalog,
  user: UserId,
  now: EpochMs,
  { surface, device }: Place,
): RequestContext {
  const facts = (catalog.factsTime(user) ?? Infinity) <= now ? catalog.userFacts(user) : undefined;
  return {
    ...(surface !== undefined && { surface }),
    ...(device !== undefined && { device }),
    ...(facts !== undefined && { facts }),
  };
}
