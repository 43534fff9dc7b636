/**
 * The rank of the item that a user took next, out of the whole path's candidates: each bundle sees the statistics, the
 * user and the catalogue as they were before it.
 */
import { type Catalog, withStatistics } from "../catalog/index.ts";
import type { Progress } from "../core/index.ts";
import { pessimisticRank } from "../evaluation/index.ts";
import { visitsOf } from "../features/index.ts";
import type { ServingModels } from "../pipeline/index.ts";
import { blendHeads, headWeight } from "../ranking/index.ts";
import { blend, encodeAll, retrieveAll, type Unencoded } from "../retrieval/index.ts";
import {
  type Example,
  everything,
  type History,
  Replay,
  type TouchLimits,
  visit,
} from "../training/index.ts";

export interface RankSettings {
  readonly candidates: number;
  readonly perSource: number;
  readonly headWeights: Readonly<Record<string, number>>;
}

/** @returns [bundle] (n) 1-based ranks; Infinity where the item was not among the candidates */
export async function rankExamples(
  loaders: readonly ((catalog: Catalog) => Promise<ServingModels>)[],
  history: History,
  examples: readonly Example[],
  settings: RankSettings,
  limits: TouchLimits,
  progress: Progress,
): Promise<readonly Float64Array[]> {
  const replay = new Replay(history, everything(history), limits);
  const catalog = withStatistics(history.catalog, replay.statistics);
  const bundles: ServingModels[] = [];
  const ranks = loaders.map(() => new Float64Array(examples.length));
  try {
    for (const load of loaders) bundles.push(await load(catalog));
    progress.step("compare bundles", examples.length, "examples");
    await visit(history, replay, examples, async (asked, target, _, i) => {
      for (const [b, models] of bundles.entries()) {
        ranks[b]![i] = await rankOf(asked, target, models, catalog, settings);
      }
      if (i % 50 === 0) progress.update(i);
    });
  } finally {
    await Promise.all(bundles.map((models) => models.close()));
  }
  return ranks;
}

async function rankOf(
  asked: Unencoded,
  target: number,
  { sources, ranker, featureSet }: ServingModels,
  catalog: Catalog,
  { candidates: count, perSource, headWeights }: RankSettings,
): Promise<number> {
  const query = { ...asked, encodings: await encodeAll(sources, asked) };
  const candidates = blend(retrieveAll(sources, query, perSource), count);
  if (ranker === null) return pessimisticRank(candidates.rows, candidates.fused, target);
  const context = { query, catalog, candidates, visits: visitsOf(query.history, catalog) };
  const heads = await ranker.score({ ...context, features: featureSet.compute(context) });
  const weights = ranker.heads.map((name) => headWeight(name, headWeights));
  return pessimisticRank(candidates.rows, blendHeads(heads, weights), target);
}
