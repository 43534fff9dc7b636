/** A request's answer as an impression: what was shown, by which model, and what is needed to compute it again. */
import { createHash } from "node:crypto";
import type { EventId, RequestId } from "../core/index.ts";
import { EVENT_LIMITS, type Impression, isValidId } from "../events/index.ts";
import { withServed } from "../experiments/index.ts";
import type { Recommendation, RecommendRequest } from "./recommender.ts";
import type { PathResult } from "./request-path.ts";
import type { ServingModels } from "./serving-models.ts";

export function impressionOf(
  request: RecommendRequest,
  answer: Recommendation,
  path: PathResult,
  models: ServingModels,
): Impression {
  const served = withServed(request, { arms: answer.arms, ms: answer.trace.ms });
  return {
    kind: "impression",
    id: impressionId(answer.request),
    time: path.now,
    user: request.user,
    request: answer.request,
    slots: answer.items.map(({ item, position, score }, slot) => {
      const candidate = path.ranked[path.slate.order[slot]!]!;
      return {
        item,
        position,
        score,
        propensity: path.slate.propensities[slot]!,
        sources: path.candidates.sourceNames.filter((_, s) => path.candidates.ranks[s]![candidate]! >= 0),
      };
    }),
    rung: answer.rung,
    ...(request.surface !== undefined && { surface: request.surface }),
    ...(request.device !== undefined && { device: request.device }),
    ...(answer.bundle === null ? {} : { model: answer.bundle }),
    // The log's border takes no longer requests: such a slate is known, and cannot be computed again.
    ...(JSON.stringify(served).length <= EVENT_LIMITS.request && {
      context: { offset: path.offset, request: served, fingerprint: models.featureSet.fingerprint },
    }),
  };
}

/** One impression a request: asking again with the same id does not show twice. */
function impressionId(request: RequestId): EventId {
  const id = `impression:${request}`;
  const short = isValidId(id) ? id : `impression:${createHash("sha256").update(request).digest("hex")}`;
  return short as EventId;
}
