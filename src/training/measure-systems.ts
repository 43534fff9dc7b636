/** Ranks the full catalogue for every example with each source, the blend and both stages, and counts. */
import { withStatistics } from "../catalog/index.ts";
import type { Clock, Progress } from "../core/index.ts";
import { pessimisticRank, type SystemScores, SystemTally } from "../evaluation/index.ts";
import { visitsOf } from "../features/index.ts";
import { blendHeads, headWeight, networkRanker } from "../ranking/index.ts";
import {
  blend,
  type Contribution,
  closeSources,
  contributionOf,
  countOf,
  type Encodings,
  encodeAll,
  fuse,
  loadSources,
} from "../retrieval/index.ts";
import { type Example, visit } from "./examples.ts";
import type { TwoStage } from "./fit-two-stage.ts";
import type { History } from "./history.ts";
import { type Cut, Replay, type TouchLimits } from "./replay.ts";

export interface MeasureOptions {
  readonly history: History;
  readonly models: TwoStage;
  /** What of the history statistics may count, each entry before its own time only. */
  readonly statisticsCut: Cut;
  readonly examples: readonly Example[];
  readonly candidates: number;
  readonly perSource: number;
  readonly limits: TouchLimits;
  /** Weight of each head in the score, by name. */
  readonly headWeights: Readonly<Record<string, number>>;
  readonly clock: Clock;
  readonly progress: Progress;
  /** Told the target's rank among what both stages give, for each example. */
  readonly onRank?: (example: number, rank: number) => void;
}

/** One example in so many is blended again without each source. */
const COMPARE_EVERY = 4;

export async function measureSystems(options: MeasureOptions): Promise<readonly SystemScores[]> {
  const { history, models, clock, progress, examples } = options;
  const replay = new Replay(history, options.statisticsCut, options.limits);
  const catalog = withStatistics(history.catalog, replay.statistics);
  const sources = await loadSources(models.sources, models.fitted, catalog);
  const { rung } = models.ranker ?? {};
  const ranker = rung && (await networkRanker(rung.header, rung.models));
  const close = () => Promise.all([ranker?.close(), closeSources(sources)]);
  const weights = ranker?.heads.map((name) => headWeight(name, options.headWeights));
  const tallies = new Map<string, SystemTally>();
  const tally = (name: string): SystemTally => {
    let found = tallies.get(name);
    if (found === undefined) {
      found = new SystemTally(name, catalog.size);
      tallies.set(name, found);
    }
    return found;
  };
  progress.step("evaluate", examples.length, "examples");
  await visit(history, replay, examples, async (asked, target, { user }, index) => {
    const count = (name: string, rows: Int32Array, scores: Float32Array, since: number) => {
      const rank = pessimisticRank(rows, scores, target);
      tally(name).add(user, rank, rows, clock.monotonic() - since);
      return rank;
    };
    const started = clock.monotonic();
    const contributions: Contribution[] = [];
    let encodings: Encodings = {};
    for (const source of sources) {
      const since = clock.monotonic();
      // One by one, so that each source's seconds are its own.
      encodings = { ...encodings, ...(await encodeAll([source], asked)) };
      const query = { ...asked, encodings };
      // By itself it is judged by as many as there are places.
      const contribution = contributionOf(source, query, options.perSource);
      contributions.push(headOf(contribution, countOf(source, query, options.perSource)));
      count(contribution.name, contribution.retrieved!.rows, contribution.retrieved!.scores, since);
    }
    const query = { ...asked, encodings };
    const candidates = blend(contributions, options.candidates);
    count("blend", candidates.rows, candidates.fused, started);
    if (index % COMPARE_EVERY === 0) {
      const withIt = candidates.rows.includes(target);
      for (const source of contributions) {
        const others = contributions.filter((other) => other !== source);
        tally(source.name).compare(withIt, fuse(others, options.candidates).includes(target));
      }
    }
    let rank: number;
    if (ranker && weights) {
      const context = { query, catalog, candidates, visits: visitsOf(query.history, catalog) };
      const features = models.featureSet.compute(context);
      const scores = blendHeads(await ranker.score({ ...context, features }), weights);
      rank = count("two-stage", ...byScore(candidates.rows, scores), started);
    } else {
      rank = count("two-stage", candidates.rows, candidates.fused, started);
    }
    options.onRank?.(index, rank);
    if (index % 50 === 0) progress.update(index);
  }).finally(close);
  return [...tallies.values()].map((system) => system.scores());
}

/** What the source would have given if asked for `count`. */
function headOf(contribution: Contribution, count: number): Contribution {
  const { retrieved } = contribution;
  if (retrieved === null) return contribution;
  const { rows, scores } = retrieved;
  return {
    ...contribution,
    retrieved: {
      rows: rows.subarray(0, count),
      scores: scores.subarray(0, count),
      signals: (candidates, out) => retrieved.signals(candidates, out),
    },
  };
}

/** Rows and scores in descending order of score; ties stay as they were. */
function byScore(rows: Int32Array, scores: Float32Array): [Int32Array, Float32Array] {
  const order = Int32Array.from(rows, (_, i) => i).sort((a, b) => scores[b]! - scores[a]! || a - b);
  return [Int32Array.from(order, (i) => rows[i]!), Float32Array.from(order, (i) => scores[i]!)];
}
