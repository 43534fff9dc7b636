/**
 * What is counted of one item, side by side in a few cache lines: a request asks it of some hundred items that lie
 * anywhere in the catalogue, and a column for each number would be a wait for memory each. Engagements and heat, by which
 * all items are ordered, are columns.
 */
import { HALF_LIVES_DAYS, RATE_HALF_LIVES_DAYS } from "./catalog.ts";
import { SUMS } from "./item-sums.ts";
import { TALLIES } from "./tallies.ts";

/** Numbers of one half-life: how often shown, and the answers by tally. */
export const RECENT = 1 + TALLIES.length;

/** Where in a record each number stands. The first SUMS are counts, as item-sums.ts has them. */
/** (RATE_HALF_LIVES_DAYS × RECENT) of 32 bits: shown as of SHOWN_AT, answered as of ANSWERED_AT. */
export const LATELY = SUMS;
/** EpochMs of the newest impression, and of the newest answer to one; -Infinity before the first. */
export const SHOWN_AT = LATELY + RATE_HALF_LIVES_DAYS.length * RECENT;
export const ANSWERED_AT = SHOWN_AT + 1;
/** Dislikes, hides and blocks ever. */
export const VETOES = ANSWERED_AT + 1;
/** (HALF_LIVES_DAYS) decayed engagements, as of DECAYED_AT. */
export const DECAYED = VETOES + 1;
/** EpochMs that the decayed engagements refer to: the newest one; -Infinity before the first. */
export const DECAYED_AT = DECAYED + HALF_LIVES_DAYS.length;
export const RECORD = DECAYED_AT + 1;

/** Records of items of which nothing was counted yet: those from number `from` on. */
export function clearRecords(records: Float64Array, from: number): void {
  for (let at = from * RECORD; at < records.length; at += RECORD) {
    records[at + SHOWN_AT] = -Infinity;
    records[at + ANSWERED_AT] = -Infinity;
    records[at + DECAYED_AT] = -Infinity;
  }
}
