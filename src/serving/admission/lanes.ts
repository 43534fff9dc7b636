/**
 * Which requests wait behind which. Each route names its lane (route.ts); requests of one lane are answered in the
 * order in which they came, and the lanes take turns by weight, so that none starves however full another is.
 */

/** Lanes of which requests wait for their turn. */
export const LANES = ["interactive", "write", "background"] as const;
export type Lane = (typeof LANES)[number];

interface LaneRules {
  /** Turns out of the sum of all weights that the lane has while every lane has work (guess). */
  readonly weight: number;
  /**
   * Requests of it that are worked on at once; absent where that adapts. Writes share the disk's syncs, so many at once
   * cost no more than one (guess); of the rest, such as metrics, a few are enough.
   */
  readonly atOnce?: number;
  /** Milliseconds that a request of it may wait; absent where its own budget says so. A caller of these can retry. */
  readonly patienceMs?: number;
}

export const LANE_RULES: Readonly<Record<Lane, LaneRules>> = {
  interactive: { weight: 12 },
  write: { weight: 3, atOnce: 128, patienceMs: 1_000 },
  background: { weight: 1, atOnce: 4, patienceMs: 5_000 },
};
