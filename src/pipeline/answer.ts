/** What a request computed, as the answer that the outside sees. */
import type { Catalog } from "../catalog/index.ts";
import type { Ms, RequestId } from "../core/index.ts";
import type { ServedArm } from "../experiments/index.ts";
import { whyNotOf, whyOf } from "./explain.ts";
import type { Recommendation, RecommendRequest } from "./recommender.ts";
import type { PathResult } from "./request-path.ts";
import type { ServingModels } from "./serving-models.ts";

export function answerOf(
  request: RecommendRequest,
  id: RequestId,
  budgetMs: Ms,
  path: PathResult,
  catalog: Catalog,
  models: ServingModels,
  arms: readonly ServedArm[] = [],
): Recommendation {
  return {
    request: id,
    user: request.user,
    items: Array.from(path.slate.order, (rank, position) => {
      const index = path.ranked[rank]!;
      const row = path.candidates.rows[index]!;
      const facts = catalog.factsOf(row);
      return {
        item: catalog.idOf(row),
        position,
        score: path.scores[rank]!,
        ...(facts && { facts }),
        ...(request.explain && { why: whyOf(path, models, index) }),
      };
    }),
    rung: path.rung,
    personal: path.personal,
    reasons: path.reasons,
    bundle: models.bundle?.id ?? null,
    arms,
    offset: path.offset,
    trace: { ms: path.ms, budgetMs, stages: path.stages, sources: path.sources },
    ...(request.whyNot && { whyNot: request.whyNot.map((item) => whyNotOf(path, catalog, item)) }),
  };
}
