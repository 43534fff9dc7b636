/**
 * The actions that the ranker predicts, once. A head exists in a model only where the log has enough of its action.
 * The weights with which heads add up to one score live in the configuration, outside the model.
 */
import type { InteractionType } from "../events/index.ts";
import { evidence } from "../state/index.ts";

export interface Head {
  readonly name: string;
  readonly about: string;
  /** Whether an interaction is the action. `value` is NaN where there was none. */
  readonly is: (type: InteractionType, value: number) => boolean;
  /** Weight of its probability in the score, unless the configuration says otherwise. */
  readonly weight: number;
}

/** A watch of at least this share is a long one (KuaiRand's long_view is of this order). */
const LONG_SHARE = 0.7;
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

/** The first head is the one that lists are ordered by in training. */
export const HEADS: readonly Head[] = [
  {
    name: "engage",
    about: "takes the item at all",
    is: (type, value) => evidence(type, value) > 0,
    weight: 1,
  },
  {
    name: "long-watch",
    about: "watches most of it",
    is: (type, value) => type === "watch" && value >= LONG_SHARE,
    weight: 0.3,
  },
  {
    name: "approve",
    about: "likes, comments, shares, saves, follows, buys or rates it highly",
    is: (type, value) => APPROVING.has(type) || (type === "rate" && value >= GOOD_RATING),
    weight: 0.3,
  },
];
