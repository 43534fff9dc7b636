/** How what is shown is spread over the catalogue: coverage, concentration, and the share that new items get. */
import { type Catalog, RECORD, SHOWN } from "../catalog/index.ts";
import { DAY, type EpochMs } from "../core/index.ts";
import type { Exposure } from "./overview.ts";

/** Upper ends of the ages, in days. */
const AGES = [1, 7, 30, 90, null] as const;
const STEPS = 100;

export function exposureOf({ items, statistics, size }: Catalog, now: EpochMs): Exposure {
  const ages = AGES.map((days) => ({ days, items: 0, shown: 0, slots: 0 }));
  const slotsOf = new Float64Array(size);
  let live = 0;
  for (let row = 0; row < size; row++) {
    if (items.live[row] !== 1) continue;
    const slots = statistics.records[row * RECORD + SHOWN]!;
    slotsOf[live++] = slots;
    const days = (now - items.bornAt[row]!) / DAY;
    const age = ages.find((group) => group.days === null || days <= group.days)!;
    age.items++;
    age.slots += slots;
    if (slots > 0) age.shown++;
  }
  const sorted = slotsOf.subarray(0, live).sort();
  const slots = sorted.reduce((sum, count) => sum + count, 0);
  const shown = sorted.reduce((count, own) => count + (own > 0 ? 1 : 0), 0);
  return { live, shown, slots, gini: giniOf(sorted, slots), lorenz: lorenzOf(sorted, slots), ages };
}

/** @param sorted (n) ascending */
function giniOf(sorted: Float64Array, total: number): number {
  if (total === 0) return 0;
  const n = sorted.length;
  let weighted = 0;
  for (let i = 0; i < n; i++) weighted += (2 * (i + 1) - n - 1) * sorted[i]!;
  return weighted / (n * total);
}

/** @param sorted (n) ascending */
function lorenzOf(sorted: Float64Array, total: number): readonly number[] {
  if (total === 0) return [];
  const steps = Math.min(STEPS, sorted.length);
  const curve = [0];
  let sum = 0;
  let at = 0;
  for (let step = 1; step <= steps; step++) {
    for (const end = Math.round((step * sorted.length) / steps); at < end; at++) sum += sorted[at]!;
    curve.push(sum / total);
  }
  return curve;
}
