/**
 * Exploration: chance gives some slots to items that the ranking would not have put there, so that what users do with
 * them can be learnt and other rankings can be judged by the log.
 *
 * Each slot in turn swaps its item, with probability `share`, with that of a place drawn from the head of the ranking:
 * the slate and as many places behind it again. So every item of the head has a chance at every slot, no item comes
 * twice, and the chance of each item at each slot is known exactly, whatever happens in the other slots.
 */
import type { Random } from "../core/index.ts";

/** Places that chance draws from: a slate and as many again, at least 20. Guess: fewer make weights smaller. */
export function headOf(slots: number): number {
  return Math.max(20, 2 * slots);
}

/**
 * Swaps in place.
 *
 * @param head (places) indices of candidates, those of the slate first
 */
export function explore(head: Int32Array, slots: number, share: number, random: Random): void {
  for (let slot = 0; slot < slots; slot++) {
    if (random.next() >= share) continue;
    const place = random.int(head.length);
    const held = head[slot]!;
    head[slot] = head[place]!;
    head[place] = held;
  }
}

/**
 * Probability that `explore` leaves the item that the ranking had at place `from` in the slot `to`.
 *
 * Just before its turn a slot holds the item with a probability that depends on `from` alone: nothing before the item's
 * own place has had its turn, what the swaps have left of it then, and what its own turn gives to each place after it.
 * What a slot has after its turn is passed on by the turns of the slots after it.
 */
export function chanceAt(from: number, to: number, slots: number, places: number, share: number): number {
  const swap = share / places;
  const stayed = (1 - swap) ** from;
  const before = (slot: number) => (slot < from ? 0 : slot === from ? stayed : swap * stayed);
  let chance = swap + before(to) * (1 - share);
  for (let later = to + 1; later < slots; later++) chance += swap * (before(later) - chance);
  return chance;
}
