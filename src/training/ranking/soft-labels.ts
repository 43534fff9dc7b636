/** What a teacher says of lists, as labels (Hinton et al. 2015, "Distilling the knowledge in a neural network"). */
import { HEADS } from "../../ranking/index.ts";
import type { SoftLabels } from "./batches.ts";
import { listHead } from "./list-heads.ts";
import type { RankingLists } from "./lists.ts";

/**
 * @param heads indices into HEADS of the logits' columns
 * @param logits (R, heads)
 */
export function softLabels(lists: RankingLists, heads: readonly number[], logits: Float32Array): SoftLabels {
  const rows = lists.items.length;
  const labels = new Float32Array(rows * HEADS.length);
  for (let row = 0; row < rows; row++) {
    for (let h = 0; h < heads.length; h++) {
      labels[row * HEADS.length + heads[h]!] = 1 / (1 + Math.exp(-logits[row * heads.length + h]!));
    }
  }
  const targets = new Float32Array(rows);
  for (let list = 0; list < lists.count; list++) {
    const head = listHead(heads, lists.kinds[list]!);
    shares(lists, lists.offsets[list]!, lists.offsets[list + 1]!, heads.length, head, logits, targets);
  }
  return { labels, targets };
}

/** The softmax over one list, sampled candidates counting for as many as they stand for. */
function shares(
  lists: RankingLists,
  first: number,
  end: number,
  heads: number,
  head: number,
  logits: Float32Array,
  out: Float32Array,
): void {
  let highest = Number.NEGATIVE_INFINITY;
  for (let row = first; row < end; row++) {
    highest = Math.max(highest, logits[row * heads + head]! + lists.samplingOffsets[row]!);
  }
  let total = 0;
  for (let row = first; row < end; row++) {
    out[row] = Math.exp(logits[row * heads + head]! + lists.samplingOffsets[row]! - highest);
    total += out[row]!;
  }
  for (let row = first; row < end; row++) out[row] = out[row]! / total;
}
