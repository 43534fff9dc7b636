/**
 * The actions that the ranker predicts. A head exists in a model only where the log has enough of its action. The
 * weights with which heads add up to one score live in the configuration, outside the model.
 */
import { ACTIONS, type Action } from "../events/index.ts";

export interface Head extends Action {
  /** Weight of its probability in the score, unless the configuration says otherwise. */
  readonly weight: number;
}

/** Guesses: taking an item is what a slate is for, staying with it and approving of it make it better. */
const WEIGHTS: Readonly<Record<string, number>> = { engage: 1, click: 0, "long-watch": 0.3, approve: 0.3 };

/** In the order of ACTIONS. */
export const HEADS: readonly Head[] = ACTIONS.map((action) => ({
  ...action,
  weight: WEIGHTS[action.name] ?? 0,
}));

/** The weight of a head in the score: the configuration's, else its own. */
export function headWeight(name: string, configured: Readonly<Record<string, number>>): number {
  return configured[name] ?? HEADS.find((head) => head.name === name)?.weight ?? 0;
}
