/** From user state to the columns that retrieval and features read. */
import type { Catalog } from "../catalog/index.ts";
import type { EpochMs } from "../core/index.ts";
import { interactionCode } from "../events/index.ts";
import { evidence, type UserState } from "../state/index.ts";
import type { Touches } from "./retriever.ts";

/** Touches of items that the catalog knows and that are evidence of interest, newest first. */
export function touchesOf(state: UserState, catalog: Catalog, now: EpochMs): Touches {
  const capacity = state.touches.length;
  const items = new Int32Array(capacity);
  const times = new Float64Array(capacity);
  const weights = new Float32Array(capacity);
  const types = new Uint8Array(capacity);
  const values = new Float32Array(capacity);
  let n = 0;
  for (const touch of state.touches) {
    const weight = evidence(touch.type, touch.value);
    if (weight === 0) continue;
    const row = catalog.rowOf(touch.item);
    if (row === undefined) continue;
    items[n] = row;
    times[n] = touch.time;
    weights[n] = weight;
    types[n] = interactionCode(touch.type);
    values[n++] = touch.value;
  }
  return {
    now,
    items: items.subarray(0, n),
    times: times.subarray(0, n),
    weights: weights.subarray(0, n),
    types: types.subarray(0, n),
    values: values.subarray(0, n),
  };
}
