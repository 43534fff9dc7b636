/** The losses of rankers on lists that they have not learned from. */
import { HEADS } from "../../ranking/index.ts";
import { NEXT_ITEM, type RankingLists } from "./lists.ts";

/**
 * What training lowers, without what only training has: mean cross-entropy of the first head over lists with a target,
 * plus the mean binary cross-entropy of all heads over the candidates of slates.
 *
 * @param heads indices into HEADS of the logits' columns
 * @param logits (R, heads)
 */
export function listsLoss(
  lists: RankingLists,
  chosen: Int32Array,
  heads: readonly number[],
  logits: Float32Array,
): number {
  const onlyNextItems = lists.kinds.every((kind) => kind === NEXT_ITEM);
  let listSum = 0;
  let listCount = 0;
  let singleSum = 0;
  let singleCount = 0;
  for (const list of chosen) {
    const whole = listLoss(lists, list, heads.length, logits);
    if (whole !== undefined) {
      listSum += whole;
      listCount++;
    }
    if (lists.kinds[list] === NEXT_ITEM && !onlyNextItems) continue;
    for (let row = lists.offsets[list]!; row < lists.offsets[list + 1]!; row++) {
      for (let h = 0; h < heads.length; h++) {
        const label = lists.labels[row * HEADS.length + heads[h]!]!;
        const weight = lists.weights[row * HEADS.length + heads[h]!]!;
        singleSum += weight * crossEntropy(logits[row * heads.length + h]!, label);
        singleCount += weight;
      }
    }
  }
  return (listCount === 0 ? 0 : listSum / listCount) + (singleCount === 0 ? 0 : singleSum / singleCount);
}

/** Cross-entropy of a logit against a label in 0 .. 1. */
export function crossEntropy(logit: number, label: number): number {
  return Math.max(logit, 0) - logit * label + Math.log1p(Math.exp(-Math.abs(logit)));
}

/** Of the first head over one list; undefined where there is nothing to choose or nothing was. */
function listLoss(
  lists: RankingLists,
  list: number,
  heads: number,
  logits: Float32Array,
): number | undefined {
  const first = lists.offsets[list]!;
  const end = lists.offsets[list + 1]!;
  if (end - first < 2) return undefined;
  let highest = Number.NEGATIVE_INFINITY;
  for (let row = first; row < end; row++) {
    highest = Math.max(highest, logits[row * heads]! + lists.samplingOffsets[row]!);
  }
  let total = 0;
  let wanted = 0;
  let targets = 0;
  for (let row = first; row < end; row++) {
    const logit = logits[row * heads]! + lists.samplingOffsets[row]! - highest;
    total += Math.exp(logit);
    wanted += lists.targets[row]! * logit;
    targets += lists.targets[row]!;
  }
  return targets === 0 ? undefined : Math.log(total) - wanted / targets;
}
