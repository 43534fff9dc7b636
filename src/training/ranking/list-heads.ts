/**
 * Which heads learn from which lists.
 *
 * What was shown teaches what follows when an item is shown. Of a next item only that it was taken is known, and not
 * what would have followed had the others been shown: it teaches a head of its own, so that it does not bend the others.
 * Where nothing, or next to nothing, is known of what was shown, the first head learns from next items, and all others
 * too: nothing better is known of them.
 */
import { HEADS, NEXT_HEAD } from "../../ranking/index.ts";
import { NEXT_ITEM, type RankingLists, SLATE } from "./lists.ts";

/** With fewer slots of either outcome, the heads of actions would be noise. */
const MIN_SLOTS = 500;
/** With fewer lists of next items, their head would be. */
const MIN_NEXT_ITEMS = 100;
const NEXT_ITEM_WEIGHT = 0.02;

/** Whether the next item has a head of its own. */
export function nextItemsApart(lists: RankingLists): boolean {
  let [slots, taken, nextItems] = [0, 0, 0];
  for (let list = 0; list < lists.count; list++) {
    if (lists.kinds[list] === NEXT_ITEM) nextItems++;
    else {
      for (let row = lists.offsets[list]!; row < lists.offsets[list + 1]!; row++) {
        slots++;
        taken += lists.labels[row * HEADS.length]!;
      }
    }
  }
  return nextItems >= MIN_NEXT_ITEMS && taken >= MIN_SLOTS && slots - taken >= MIN_SLOTS;
}

/**
 * Which of the heads a list's loss is about, as an index into `heads`.
 *
 * @param heads indices into HEADS
 */
export function listHead(heads: readonly number[], kind: number): number {
  return kind === NEXT_ITEM ? Math.max(0, heads.indexOf(NEXT_HEAD)) : 0;
}

/**
 * What the loss of a whole list counts beside the mean loss of single candidates. A next item's list counts little where
 * its head is not what the others learn by: on the last training day of KuaiRand the feature network's AUC of clicks was
 * .7599 and .7592 (two seeds) with 1, .7611 and .7615 with 0.1, .7613 and .7619 with 0.02, and .7614 and .7614 without
 * these lists; NDCG of the next items themselves was .306, .319 and .362.
 */
export function listWeight(heads: readonly number[], kind: number): number {
  return kind === NEXT_ITEM && heads.includes(NEXT_HEAD) ? NEXT_ITEM_WEIGHT : 1;
}

/** Whether rows of a kind count in the loss of single candidates of a head. */
export function isCounted(
  lists: RankingLists,
  heads: readonly number[],
  kind: number,
  head: number,
): boolean {
  if (heads.includes(NEXT_HEAD)) return (kind === NEXT_ITEM) === (head === NEXT_HEAD);
  return kind === SLATE || lists.kinds.every((each) => each === NEXT_ITEM);
}
