/**
 * The ladder: which answer there is time for, and whether whoever accepted the request wants a cheaper one.
 *
 * Two things lead down: what is left of the budget against what rankers have cost before, and pressure, which comes from
 * outside (Arrival) and is there before anything is late. Nothing is remembered from one request to the next but costs,
 * so a request after the rush is answered in full again.
 */
import type { Ms } from "../core/index.ts";
import type { Ranker } from "../ranking/index.ts";
import { FEWEST, type RankerPlace, type RankingCost } from "./budget.ts";
import { RUNGS, type Rung } from "./recommender.ts";
import type { ServingModels } from "./serving-models.ts";

/** Of the candidates, where pressure alone makes them fewer (guess). */
const FEWER = 0.25;

/** The best rung that pressure leaves: the range from 0 to 1 is divided among them. */
export function bestUnder(pressure: number): Rung {
  const at = Math.floor(Math.max(0, pressure) * RUNGS.length);
  return RUNGS[Math.min(RUNGS.length - 1, at)]!;
}

/** A pressure that leaves this rung as the best one. */
export function pressureOf(rung: Rung): number {
  return (RUNGS.indexOf(rung) + 0.5) / RUNGS.length;
}

/** How the candidates are put in order. */
export interface Choice {
  readonly rung: Rung;
  /** How many of them are ranked, from the head on, and by whom; none on the last rungs. */
  readonly count: number;
  readonly place: RankerPlace;
  readonly ranker: Ranker | null;
  /** Whether a better rung was passed over for want of time. */
  readonly late: boolean;
}

/**
 * @param n candidates that there are
 * @param left milliseconds for features and ranking
 */
export function chooseRung(
  { ranker, cheaperRanker, bundle }: ServingModels,
  n: number,
  best: Rung,
  cost: RankingCost,
  left: Ms,
): Choice {
  const unranked = (late: boolean): Choice => ({
    rung: bundle === null || best === "popular" ? "popular" : "retrieval-order",
    count: 0,
    place: "ranker",
    ranker: null,
    late,
  });
  const highest = RUNGS.indexOf(best);
  const reaches = (rung: Rung) => highest <= RUNGS.indexOf(rung);
  if (ranker === null || n === 0 || !reaches("fewer-candidates")) return unranked(false);
  let late = false;
  if (reaches("full")) {
    if (cost.affordable("ranker", n, left) === n) {
      return { rung: "full", count: n, place: "ranker", ranker, late };
    }
    late = true;
  }
  if (cheaperRanker !== null && reaches("cheaper-ranker")) {
    if (cost.affordable("cheaperRanker", n, left) === n) {
      return { rung: "cheaper-ranker", count: n, place: "cheaperRanker", ranker: cheaperRanker, late };
    }
    late = true;
  }
  const place = cheaperRanker === null ? "ranker" : "cheaperRanker";
  const wanted = late ? n : Math.min(n, Math.max(FEWEST, Math.ceil(FEWER * n)));
  const count = cost.affordable(place, wanted, left);
  if (count === 0) return unranked(true);
  return {
    rung: "fewer-candidates",
    count,
    place,
    ranker: cheaperRanker ?? ranker,
    late: late || count < wanted,
  };
}
