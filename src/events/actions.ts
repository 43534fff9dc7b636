/**
 * What can follow when an item is shown, once: the actions that rankers predict, that statistics count and that visits
 * carry, and how much each interaction says about taste.
 */
import { INTERACTION_TYPES, type InteractionType } from "./interaction-type.ts";

export interface Action {
  readonly name: string;
  readonly about: string;
  /**
   * Whether an interaction is the action.
   *
   * @param value NaN where the interaction had none
   * @param duration of the item in seconds, NaN where it is not known
   */
  readonly is: (type: InteractionType, value: number, duration: number) => boolean;
}

/** Share of a video below which playing it is not taken as interest (guess: about one glance at a short video). */
const MIN_WATCH_SHARE = 0.3;
/** KuaiRand's rule of a long view: to the end, or so many seconds. It gives the set's own column in 99.65 % of its rows. */
const LONG_SECONDS = 18;
/** By so many seconds a share in 32 bits may give too few. */
const ROUNDING = 0.01;
/** The share that is long where nobody knows the seconds (guess: about what the rule asks of videos of half a minute). */
const LONG_SHARE = Math.fround(0.7);
const APPROVING: ReadonlySet<InteractionType> = new Set([
  "like",
  "comment",
  "share",
  "save",
  "follow",
  "purchase",
]);
/** Ratings of 4 and more of 5 are approval. */
const GOOD_RATING = 4;

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

/** At most 8: a set of them is a byte. The first is the one that lists are ordered by in training. */
export const ACTIONS: readonly Action[] = [
  {
    name: "engage",
    about: "takes the item at all",
    is: (type, value) => evidence(type, value) > 0,
  },
  {
    name: "click",
    about: "opens it",
    is: (type) => type === "click",
  },
  {
    name: "long-watch",
    about: "watches it to the end, or for 18 seconds",
    is: (type, value, duration) =>
      type === "watch" &&
      (Number.isFinite(duration)
        ? value >= 1 || value * duration >= LONG_SECONDS - ROUNDING
        : value >= LONG_SHARE),
  },
  {
    name: "approve",
    about: "likes, comments, shares, saves, follows, buys or rates it highly",
    is: (type, value) => APPROVING.has(type) || (type === "rate" && value >= GOOD_RATING),
  },
];

/**
 * The actions that an interaction is: bit a for ACTIONS[a]. The value counts in 32 bits, as columns hold it, so that it
 * is the same whoever asks.
 */
export function actionsOf(type: InteractionType, value: number, duration: number): number {
  const held = Math.fround(value);
  let bits = 0;
  for (let a = 0; a < ACTIONS.length; a++) if (ACTIONS[a]!.is(type, held, duration)) bits |= 1 << a;
  return bits;
}
