/** The last stage of a request: which of the ranked candidates get the slots, and in which order. */
import type { Catalog } from "../catalog/index.ts";
import { CreatorCap } from "./creator-cap.ts";
import { MarginalRelevance } from "./diversity.ts";

export interface PolicySettings {
  /** Slots of a slate that one creator may have; 0 for no cap. */
  readonly maxPerCreator: number;
  /** 0 (order of the scores) to 1 (exclusive): what one looks for in a slot beside relevance. */
  readonly diversity: number;
  /** Candidates that are compared for each slot when diversity is on. */
  readonly pool: number;
}

/**
 * Three of twenty slots: guess. At 0.1 an item that is wholly like a chosen one falls behind whatever scores within
 * 11 % of the window's span of it: repeats are spread, nothing relevant is lost; guess, to be measured. A pool of 100
 * keeps the stage under 0.2 ms for 20 slots (bench/policy.ts).
 */
export const DEFAULT_POLICY: PolicySettings = { maxPerCreator: 3, diversity: 0.1, pool: 100 };

export interface Slate {
  /** (at most limit) indices into the candidates, by slot. */
  readonly order: Int32Array;
  /** How many slots at the end went to items over the creator cap because nothing else was left. */
  readonly overCap: number;
  /** Why the policy kept candidate `index` out, in words; null where it is in the slate, or simply ranked below it. */
  removedBy(index: number): string | null;
}

/**
 * `rows`, `scores`: (n) candidates, best first, finite scores. Fills min(limit, n) slots: where the creator cap leaves
 * too few, capped items fill the rest in the order of their scores, since a shorter slate helps nobody.
 */
export function applyPolicy(
  catalog: Catalog,
  rows: Int32Array,
  scores: Float32Array,
  limit: number,
  settings: PolicySettings,
): Slate {
  const slots = Math.min(limit, rows.length);
  const order = new Int32Array(slots);
  const cap = new CreatorCap(catalog.items.creator, settings.maxPerCreator);
  const ranking = new MarginalRelevance(catalog.items, rows, scores, {
    limit: slots,
    diversity: settings.diversity,
    pool: settings.pool,
  });
  const reached = (row: number) => cap.reached(row);
  let filled = 0;
  while (filled < slots) {
    const index = ranking.choose(reached);
    if (index < 0) break;
    cap.take(rows[index]!);
    order[filled++] = index;
  }
  const overCap = slots - filled;
  if (overCap > 0) fillUp(order, filled, rows.length);
  return { order, overCap, removedBy: explain(catalog, rows, order, cap, settings) };
}

/** Fills order[filled ..] with the smallest indices that are not in order[0 .. filled]. */
function fillUp(order: Int32Array, filled: number, candidates: number): void {
  const isChosen = new Uint8Array(candidates);
  for (let slot = 0; slot < filled; slot++) isChosen[order[slot]!] = 1;
  for (let index = 0; filled < order.length; index++) if (isChosen[index] === 0) order[filled++] = index;
}

function explain(
  catalog: Catalog,
  rows: Int32Array,
  order: Int32Array,
  cap: CreatorCap,
  settings: PolicySettings,
): (index: number) => string | null {
  return (index) => {
    if (order.includes(index)) return null;
    // Whoever is below the last chosen candidate was not overtaken by anyone.
    if (!order.some((chosen) => chosen > index)) return null;
    const row = rows[index]!;
    if (cap.reached(row)) {
      const creator = catalog.creatorNames[catalog.items.creator[row]!];
      return `Its creator "${creator}" already has ${settings.maxPerCreator} of the slots (creator cap).`;
    }
    return "Items less like those above it took its place (diversity).";
  };
}
