/** Puts the candidates in order: features and a ranker as far as the ladder goes, the blend's order below that. */
import type { Ms } from "../core/index.ts";
import { type Features, visitsOf } from "../features/index.ts";
import { blendHeads, headWeight } from "../ranking/index.ts";
import { bestOf, type Candidates, pickCandidates, type Query } from "../retrieval/index.ts";
import { type StageBudget, within } from "./budget.ts";
import { type Choice, chooseRung } from "./ladder.ts";
import type { PathParts } from "./path-parts.ts";
import type { Rung } from "./recommender.ts";
import type { Trace } from "./trace.ts";

export interface Ranking {
  /** What was ranked: the head of what was found where there was time for a part only. */
  readonly candidates: Candidates;
  /** Of the request and the candidates; null where they were not ranked. */
  readonly features: Features | null;
  /** [head] (n) probabilities, names and weights; empty where they were not ranked. */
  readonly heads: readonly Float32Array[];
  readonly headNames: readonly string[];
  readonly headWeights: readonly number[];
  /** (n) candidates by descending score, and their scores in that order. */
  readonly ranked: Int32Array;
  readonly scores: Float32Array;
  readonly rung: Rung;
}

/**
 * Up to the finished features nothing waits.
 *
 * @param best the best rung that may answer
 */
export async function rankCandidates(
  parts: PathParts,
  query: Query,
  found: Candidates,
  best: Rung,
  budget: StageBudget,
  trace: Trace,
): Promise<Ranking> {
  const { models, clock, cost } = parts;
  const n = found.rows.length;
  const choice = chooseRung(models, n, best, cost, budget.left("rank"));
  if (choice.late) trace.reason("ranking_late");
  if (choice.ranker === null) {
    if (choice.late) trace.unranked(n, clock.monotonic(), "ranking_late");
    return unranked(found, choice.rung);
  }
  const started = clock.monotonic();
  try {
    const ranking = await ranked(parts, query, found, choice, budget, trace);
    const now = clock.monotonic();
    cost.observe(choice.place, choice.count, (now - started) as Ms, now);
    if (ranking !== "late") return ranking;
    // What it took stands in the stage already.
    trace.unranked(n, now, trace.reason("ranking_late"));
  } catch {
    trace.unranked(n, started, trace.reason("ranking_failed"));
  }
  return unranked(found, "retrieval-order");
}

async function ranked(
  { models, catalog, settings, memory }: PathParts,
  query: Query,
  found: Candidates,
  { ranker, rung, count, late }: Choice,
  budget: StageBudget,
  trace: Trace,
): Promise<Ranking | "late"> {
  const n = found.rows.length;
  const head = new Int32Array(count).map((_, i) => i);
  const candidates = count === n ? found : pickCandidates(found, head);
  const input = trace.now("features", n, () => {
    const context = { query, catalog, candidates, visits: visitsOf(query.history, catalog) };
    return { value: { ...context, features: models.featureSet.compute(context, memory) }, out: count };
  });
  const left = budget.left("rank");
  const expired = () => budget.left("rank") <= 0;
  const heads = await trace.stage("rank", count, async () => ({
    value: await within(ranker!.score(input, { expired }), left),
    out: count,
    ...(late && { fallback: "ranking_late" as const }),
  }));
  if (heads === "late") return "late";
  const headWeights = ranker!.heads.map((name) => headWeight(name, settings.headWeights));
  const blended = blendHeads(heads, headWeights);
  const best = bestOf(head, blended, count, count);
  return {
    candidates,
    features: input.features,
    heads,
    headNames: ranker!.heads,
    headWeights,
    ranked: best.rows,
    scores: best.scores,
    rung,
  };
}

/** Candidates in the order of the blend. */
function unranked(candidates: Candidates, rung: Rung): Ranking {
  return {
    candidates,
    features: null,
    heads: [],
    headNames: [],
    headWeights: [],
    ranked: candidates.rows.map((_, i) => i),
    scores: candidates.fused,
    rung,
  };
}
