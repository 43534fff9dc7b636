/** How much an interaction says about taste: one definition for retrieval, features, labels and state. */
import { INTERACTION_TYPES, type InteractionType } from "../events/index.ts";

/** Share of a video below which playing it is not taken as interest (guess: about one glance at a short video). */
const MIN_WATCH_SHARE = 0.3;

/**
 * Weight of the evidence that the user is interested in the item, 0 where it is none. A watch counts by its share, a
 * rating counts whatever its value, since choosing to consume the item is the evidence (the convention of the
 * sequential-recommendation papers), with a little more weight for high ratings.
 *
 * @param value NaN where the interaction had none
 */
export function evidence(type: InteractionType, value: number): number {
  const { role, strength, value: meaning } = INTERACTION_TYPES[type];
  if (role === "avoid") return 0;
  if (Number.isNaN(value)) return strength;
  if (meaning === "share") return value < MIN_WATCH_SHARE ? 0 : strength * value;
  if (meaning === "rating") return strength * (0.5 + Math.min(value, 5) / 10);
  return strength;
}
