/** What a training runs with: the options of the call, else the configuration, else training's own defaults. */
import type { ResolvedConfig } from "../config/index.ts";
import { type Ms, UpnextError } from "../core/index.ts";
import { DEFAULT_TRAIN, RANKING_RUNGS, type TrainSettings } from "../training/index.ts";
import type { TrainOptions } from "./types.ts";

/** Throws `invalid_request` for a budget that is none. */
export function trainSettings(config: ResolvedConfig, options: TrainOptions): TrainSettings {
  const { retrieval, ranking, state, training, seed } = config;
  const budget = options.timeBudget ?? training.timeBudget;
  const device = options.device ?? training.device;
  const maxLists = options.maxLists ?? training.maxLists;
  if (budget !== undefined && !(budget > 0)) {
    throw new UpnextError(
      "invalid_request",
      `timeBudget: expected milliseconds above 0, got ${String(budget)}`,
    );
  }
  const { rung } = options;
  const names = RANKING_RUNGS.map(({ name }) => name);
  if (rung !== undefined && !names.includes(rung)) {
    throw new UpnextError("invalid_request", `rung: expected one of ${names.join(", ")}, got "${rung}"`);
  }
  return {
    ...DEFAULT_TRAIN,
    seed,
    candidates: retrieval.candidates,
    perSource: retrieval.perSource,
    ...(retrieval.sources && { sources: retrieval.sources }),
    headWeights: ranking.headWeights,
    holdOut: training.holdOut,
    touches: state.touches,
    ...(state.maxAge !== undefined && { maxAge: state.maxAge as Ms }),
    ...(training.rankerShare !== undefined && { rankerShare: training.rankerShare }),
    ...(maxLists !== undefined && { maxLists }),
    ...(budget !== undefined && { timeBudget: budget as Ms }),
    ...(device && { device }),
    // It is wanted whatever it takes; what it learns from is fitted before it.
    ...(rung !== undefined && { rungs: [rung], serves: rung, rankerTime: Number.POSITIVE_INFINITY as Ms }),
    ...(options.evidence !== undefined && { evidence: options.evidence }),
  };
}
