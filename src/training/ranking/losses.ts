/** The losses of rankers on lists that they have not learned from. */
import { HEADS } from "../../ranking/index.ts";
import { isCounted, listHead } from "./list-heads.ts";
import { NEXT_ITEM, type RankingLists, SLATE } from "./lists.ts";

/**
 * What training lowers, without what only training has, of each list: the cross-entropy of one head over a list with a
 * target, and the mean binary cross-entropy of the heads that learn from lists of its kind. (chosen)
 *
 * @param heads indices into HEADS of the logits' columns
 * @param logits (R, heads)
 */
export function listLosses(
  lists: RankingLists,
  chosen: Int32Array,
  heads: readonly number[],
  logits: Float32Array,
): Float64Array {
  const counted = [NEXT_ITEM, SLATE].map((kind) => heads.map((head) => isCounted(lists, heads, kind, head)));
  const listHeads = [NEXT_ITEM, SLATE].map((kind) => listHead(heads, kind));
  return Float64Array.from(chosen, (list) => {
    const kind = lists.kinds[list]!;
    const whole = listLoss(lists, list, heads.length, listHeads[kind]!, logits) ?? 0;
    let sum = 0;
    let count = 0;
    for (let row = lists.offsets[list]!; row < lists.offsets[list + 1]!; row++) {
      for (let h = 0; h < heads.length; h++) {
        if (!counted[kind]![h]) continue;
        const at = row * HEADS.length + heads[h]!;
        const weight = lists.weights[at]!;
        sum += weight * crossEntropy(logits[row * heads.length + h]!, lists.labels[at]!);
        count += weight;
      }
    }
    return whole + (count === 0 ? 0 : sum / count);
  });
}

/** Cross-entropy of a logit against a label in 0 .. 1. */
function crossEntropy(logit: number, label: number): number {
  return Math.max(logit, 0) - logit * label + Math.log1p(Math.exp(-Math.abs(logit)));
}

/** Of one head over one list; undefined where there is nothing to choose or nothing was. */
function listLoss(
  lists: RankingLists,
  list: number,
  heads: number,
  head: number,
  logits: Float32Array,
): number | undefined {
  const first = lists.offsets[list]!;
  const end = lists.offsets[list + 1]!;
  if (end - first < 2) return undefined;
  let highest = Number.NEGATIVE_INFINITY;
  for (let row = first; row < end; row++) {
    highest = Math.max(highest, logits[row * heads + head]! + lists.samplingOffsets[row]!);
  }
  let total = 0;
  let wanted = 0;
  let targets = 0;
  for (let row = first; row < end; row++) {
    const logit = logits[row * heads + head]! + lists.samplingOffsets[row]! - highest;
    total += Math.exp(logit);
    wanted += lists.targets[row]! * logit;
    targets += lists.targets[row]!;
  }
  return targets === 0 ? undefined : Math.log(total) - wanted / targets;
}
