/** The last stage of a request: which of the ranked candidates get the slots, and in which order. */
import type { Catalog } from "../catalog/index.ts";
import { Random } from "../core/index.ts";
import { CreatorCap } from "./creator-cap.ts";
import { MarginalRelevance } from "./diversity.ts";
import { chanceAt, explore, headOf } from "./exploration.ts";

export interface PolicySettings {
  /** Slots of a slate that one creator may have; 0 for no cap. */
  readonly maxPerCreator: number;
  /** 0 (order of the scores) to 1 (exclusive): what one looks for in a slot beside relevance. */
  readonly diversity: number;
  /** Candidates that are compared for each slot when diversity is on. */
  readonly pool: number;
  /** Share of the slots, 0 to 1, that go to a random item of the head of the ranking; see exploration.ts. */
  readonly explore: number;
}

/**
 * Three of twenty slots: guess. At 0.1 an item that is wholly like a chosen one falls behind whatever scores within
 * 11 % of the window's span of it: repeats are spread, nothing relevant is lost; guess, to be measured. A pool of 100
 * keeps the stage under 0.2 ms for 20 slots (bench/policy.ts). Nothing is left to chance unless it is asked for.
 */
export const DEFAULT_POLICY: PolicySettings = { maxPerCreator: 3, diversity: 0.1, pool: 100, explore: 0 };

export interface Slate {
  /** (at most limit) indices into the candidates, by slot. */
  readonly order: Int32Array;
  /** (slots) probability with which the item of each slot came there; 1 where nothing is left to chance. */
  readonly propensities: Float64Array;
  /** How many slots at the end went to items over the creator cap because nothing else was left. */
  readonly overCap: number;
  /** Why the policy kept candidate `index` out, in words; null where it is in the slate, or simply ranked below it. */
  removedBy(index: number): string | null;
}

/**
 * `rows`, `scores`: (n) candidates, best first, finite scores. Fills min(limit, n) slots: where the creator cap leaves
 * too few, capped items fill the rest in the order of their scores, since a shorter slate helps nobody. Exploration
 * comes last and asks for no cap: its share is small, and chances would no longer be known.
 *
 * @param seed two slates of one seed and the same candidates are the same: the request's id, so that replay is exact
 */
export function applyPolicy(
  catalog: Catalog,
  rows: Int32Array,
  scores: Float32Array,
  limit: number,
  settings: PolicySettings,
  seed: string,
): Slate {
  const slots = Math.min(limit, rows.length);
  const chosen = new Int32Array(slots);
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
    chosen[filled++] = index;
  }
  const overCap = slots - filled;
  if (overCap > 0) fillUp(chosen, filled, rows.length);
  const { order, propensities } = explored(chosen, rows.length, settings.explore, seed);
  return { order, propensities, overCap, removedBy: explain(catalog, rows, chosen, order, cap, settings) };
}

/** The slate after exploration, and with which probability each item came to its slot. */
function explored(chosen: Int32Array, candidates: number, share: number, seed: string) {
  const slots = chosen.length;
  if (share === 0) return { order: chosen, propensities: new Float64Array(slots).fill(1) };
  const places = Math.min(headOf(slots), candidates);
  const before = new Int32Array(places);
  before.set(chosen);
  fillUp(before, slots, candidates);
  const after = before.slice();
  explore(after, slots, share, new Random(`explore/${seed}`));
  const order = after.slice(0, slots);
  const propensities = Float64Array.from(order, (index, slot) =>
    chanceAt(before.indexOf(index), slot, slots, places, share),
  );
  return { order, propensities };
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
  chosen: Int32Array,
  order: Int32Array,
  cap: CreatorCap,
  settings: PolicySettings,
): (index: number) => string | null {
  return (index) => {
    if (order.includes(index)) return null;
    if (chosen.includes(index)) return "Chance gave its slot to another item (exploration).";
    // Whoever is below the last chosen candidate was not overtaken by anyone.
    if (!chosen.some((other) => other > index)) return null;
    const row = rows[index]!;
    if (cap.reached(row)) {
      const creator = catalog.creatorNames[catalog.items.creator[row]!];
      return `Its creator "${creator}" already has ${settings.maxPerCreator} of the slots (creator cap).`;
    }
    return "Items less like those above it took its place (diversity).";
  };
}
