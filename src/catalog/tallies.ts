/**
 * What of interactions is counted, so that the rates of all actions follow from counts.
 *
 * One visit may hold several interactions that are the same action: a watch, a click and a like all take the item. To
 * count the visits with an action, nobody needs to know who visited: each kind of interaction comes about once a visit,
 * so the most frequent kind among those that are the action is what the visits with it are at least.
 */
import { ACTIONS, actionsOf, type InteractionType } from "../events/index.ts";

/** A watch that takes the item is a "play"; what takes it and is nothing else here (a view, a low rating) is "other". */
export const TALLIES = ["click", "play", "long-watch", "approve", "other"] as const;
export type Tally = (typeof TALLIES)[number];

/** By the name of an action: the tallies of which the largest counts the visits with it. */
const OF_ACTION: Readonly<Record<string, readonly Tally[]>> = {
  engage: ["click", "play", "approve", "other"],
  click: ["click"],
  "long-watch": ["long-watch"],
  approve: ["approve"],
};

/** [ACTIONS] indices into TALLIES. */
export const TALLIES_OF_ACTION: readonly (readonly number[])[] = ACTIONS.map(({ name }) =>
  (OF_ACTION[name] ?? []).map((tally) => TALLIES.indexOf(tally)),
);

const bitOf = (name: string) => 1 << ACTIONS.findIndex((action) => action.name === name);
const ENGAGE = bitOf("engage");
const CLICK = bitOf("click");
const LONG = bitOf("long-watch");
const APPROVE = bitOf("approve");

/** The tallies that an interaction adds to: bit t for TALLIES[t]. */
export function talliesOf(type: InteractionType, value: number, duration: number): number {
  const actions = actionsOf(type, value, duration);
  const named = actions & (CLICK | APPROVE);
  let bits = 0;
  if (actions & CLICK) bits |= 1;
  if (type === "watch" && actions & ENGAGE) bits |= 2;
  if (actions & LONG) bits |= 4;
  if (actions & APPROVE) bits |= 8;
  if (actions & ENGAGE && type !== "watch" && named === 0) bits |= 16;
  return bits;
}
