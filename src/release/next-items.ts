/**
 * The quality of rungs where no log tells what was shown: NDCG@10 and HR@10 of the item that a user took next, out of
 * the candidates of the whole path, each as it was before it. Retrieval is asked once for all rungs.
 */
import { withStatistics } from "../catalog/index.ts";
import { type Progress, Random, UpnextError } from "../core/index.ts";
import { clusteredMean, hitAt, ndcgAt, pessimisticRank } from "../evaluation/index.ts";
import { type FeatureSet, visitsOf } from "../features/index.ts";
import { blendHeads, headWeight, type Ranker } from "../ranking/index.ts";
import {
  blend,
  closeSources,
  encodeAll,
  type FittedSources,
  loadSources,
  retrieveAll,
  type Source,
} from "../retrieval/index.ts";
import { type Example, type History, Replay, type TouchLimits, visit } from "../training/index.ts";
import type { Quality } from "./quality.ts";
import type { RankSettings } from "./rank-examples.ts";
import type { Spread } from "./spread.ts";

export interface NextItemOptions {
  readonly history: History;
  /** What of the history statistics may count, each entry before its own time only. */
  readonly statistics: Int32Array;
  readonly sources: readonly Source[];
  readonly fitted: FittedSources;
  readonly featureSet: FeatureSet;
  readonly rankers: readonly { readonly name: string; readonly ranker: Ranker }[];
  readonly examples: readonly Example[];
  readonly settings: RankSettings;
  readonly limits: TouchLimits;
  readonly seed: number;
  readonly progress: Progress;
}

/** Intervals of paired differences are then some thousandths wide, within a minute or two. */
export const MAX_NEXT_ITEMS = 3_000;
const METRICS = [
  ["NDCG@10", (rank: number) => ndcgAt(rank, 10)],
  ["HR@10", (rank: number) => hitAt(rank, 10)],
] as const;

export async function qualityOfNextItems(options: NextItemOptions): Promise<Quality> {
  const { rankers, seed } = options;
  const examples = drawn(options.examples, new Random(`${seed}/next items`));
  const ranks = await ranksOf(options, examples);
  const users = examples.map(({ user }) => user);
  const ranksOfRung = (name: string): Float64Array => {
    const at = rankers.findIndex((each) => each.name === name);
    if (at < 0)
      throw new UpnextError("internal", `tradeoffs: expected a rung that was measured, got ${name}`);
    return ranks[at]!;
  };
  return {
    metrics: ["NDCG@10", "HR@10"],
    of: (rung) => METRICS.map(([, gain]) => spreadOf(ranksOfRung(rung).map(gain), users)),
    difference(rung, other) {
      const [own, its] = [ranksOfRung(rung), ranksOfRung(other)];
      return spreadOf(
        own.map((rank, i) => ndcgAt(rank, 10) - ndcgAt(its[i]!, 10)),
        users,
      );
    },
  };
}

function drawn(examples: readonly Example[], random: Random): readonly Example[] {
  if (examples.length <= MAX_NEXT_ITEMS) return examples;
  const order = Int32Array.from(examples, (_, i) => i);
  random.shuffle(order);
  return Array.from(order.subarray(0, MAX_NEXT_ITEMS).sort(), (i) => examples[i]!);
}

/** [rung] (examples) 1-based, Infinity where the item was not among the candidates */
async function ranksOf(
  options: NextItemOptions,
  examples: readonly Example[],
): Promise<readonly Float64Array[]> {
  const { history, statistics, featureSet, rankers, settings, limits, progress } = options;
  const replay = new Replay(history, statistics, limits);
  const catalog = withStatistics(history.catalog, replay.statistics);
  const sources = await loadSources(options.sources, options.fitted, catalog);
  const ranks = rankers.map(() => new Float64Array(examples.length).fill(Number.POSITIVE_INFINITY));
  progress.step("measure rungs", examples.length, "examples");
  try {
    await visit(history, replay, examples, async (asked, target, _, i) => {
      const query = { ...asked, encodings: await encodeAll(sources, asked) };
      const candidates = blend(retrieveAll(sources, query, settings.perSource), settings.candidates);
      if (i % 50 === 0) progress.update(i);
      if (!candidates.rows.includes(target)) return;
      const context = { query, catalog, candidates, visits: visitsOf(query.history, catalog) };
      const input = { ...context, features: featureSet.compute(context) };
      for (const [r, { ranker }] of rankers.entries()) {
        const weights = ranker.heads.map((name) => headWeight(name, settings.headWeights));
        const scores = blendHeads(await ranker.score(input), weights);
        ranks[r]![i] = pessimisticRank(candidates.rows, scores, target);
      }
    });
  } finally {
    await closeSources(sources);
  }
  return ranks;
}

function spreadOf(values: Float64Array, users: readonly number[]): Spread {
  const { mean, halfWidth } = clusteredMean(values, users);
  return { value: mean, lower: mean - halfWidth, upper: mean + halfWidth };
}
