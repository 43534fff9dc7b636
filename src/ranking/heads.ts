/**
 * What the ranker predicts: the actions that follow when an item is shown, and which item is taken next. A head exists
 * in a model only where the log has enough to learn it from. The weights with which heads add up to one score live in
 * the configuration, outside the model.
 */
import { ACTIONS, type Action } from "../events/index.ts";

export interface Head extends Pick<Action, "name" | "about"> {
  /** Weight of its probability in the score, unless the configuration says otherwise. */
  readonly weight: number;
}

/** Guesses: taking an item is what a slate is for, staying with it and approving of it make it better. */
/**
 * Probabilities of the next item are small, those of what is shown to somebody are not. On a simulated platform NDCG@10 of
 * next items was .289 in the order of retrieval, and with this weight 0, 0.3, 1, 3, 10 and 100: .286, .317, .334, .341,
 * .344 and .343. On KuaiRand, where they are harder to tell, it was .034 with 1, after .054 in the order of retrieval.
 */
const NEXT_WEIGHT = 10;
const WEIGHTS: Readonly<Record<string, number>> = { engage: 1, click: 0, "long-watch": 0.3, approve: 0.3 };

/**
 * The actions, in the order of ACTIONS, then the next item: of what retrieval finds, shown or not, the one that is
 * taken. It has a head of its own where the log says enough about what was shown; elsewhere nobody can tell both apart,
 * and the first action stands for both.
 */
export const HEADS: readonly Head[] = [
  ...ACTIONS.map(({ name, about }) => ({ name, about, weight: WEIGHTS[name] ?? 0 })),
  { name: "next", about: "is taken next, out of what retrieval finds", weight: NEXT_WEIGHT },
];

/** Index into HEADS of the next item's. */
export const NEXT_HEAD = ACTIONS.length;

/** The weight of a head in the score: the configuration's, else its own. */
export function headWeight(name: string, configured: Readonly<Record<string, number>>): number {
  return configured[name] ?? HEADS.find((head) => head.name === name)?.weight ?? 0;
}
