/**
 * One request, from the user's state to the slate: state → encode → filter → retrieve → blend → features → rank →
 * policy.
 *
 * Every stage has a share of the budget and an answer for when it is late or fails: no state makes the answer
 * impersonal, a late source is left out, a late ranker gets fewer candidates or none. Filters hold on every rung.
 *
 * From the encoded state to the features nothing waits, so that a request sees one moment of the log: `offset` says
 * which, and replaying the log up to it gives the same features and scores to the bit.
 */
import type { Catalog } from "../catalog/index.ts";
import { type Clock, Deadline, type EpochMs, type Ms, type Offset } from "../core/index.ts";
import { type Features, visitsOf } from "../features/index.ts";
import {
  applyPolicy,
  buildMask,
  type PolicySettings,
  type RequestMask,
  type Slate,
} from "../policy/index.ts";
import { blendHeads, headWeight } from "../ranking/index.ts";
import {
  blend,
  type Candidates,
  type Contribution,
  contextOf,
  contributionOf,
  pickCandidates,
  type Query,
} from "../retrieval/index.ts";
import { emptyState, type UserState, withoutExpired } from "../state/index.ts";
import { type RankingCost, STAGE_ENDS, within } from "./budget.ts";
import type { StateRead } from "./follower.ts";
import { type Encoded, encodeState } from "./read-user.ts";
import type { Arrival, Reason, RecommendRequest, Rung, Stage, StageTrace } from "./recommender.ts";
import type { ServingModels } from "./serving-models.ts";

export interface PathSettings {
  readonly candidates: number;
  readonly perSource: number;
  readonly headWeights: Readonly<Record<string, number>>;
  /** A touch exists while it is younger than so many milliseconds; for ever where absent. */
  readonly maxAge?: Ms;
  readonly policy: PolicySettings;
}

export interface PathParts {
  readonly catalog: Catalog;
  readonly models: ServingModels;
  readonly clock: Clock;
  readonly cost: RankingCost;
  readonly settings: PathSettings;
  readonly readState: () => Promise<StateRead>;
}

/** Everything that a request computed: what the answer, the impression and the explanations are made of. */
export interface PathResult {
  readonly now: EpochMs;
  /** Every event before this offset was reflected. */
  readonly offset: Offset;
  readonly query: Query;
  readonly mask: RequestMask;
  /** Everything that retrieval found, in its order. */
  readonly found: Candidates;
  /** What was ranked: the head of `found` where there was time for a part only, all of it where nothing was ranked. */
  readonly candidates: Candidates;
  /** Of the request and the candidates; null where they were not ranked. */
  readonly features: Features | null;
  /** [head] (n) probabilities; empty where they were not ranked. */
  readonly heads: readonly Float32Array[];
  readonly headWeights: readonly number[];
  /** (n) candidates by descending score, and their scores in that order. */
  readonly ranked: Int32Array;
  readonly scores: Float32Array;
  /** Slots, as indices into `ranked`. */
  readonly slate: Slate;
  readonly rung: Rung;
  readonly personal: boolean;
  readonly reasons: readonly Reason[];
  readonly stages: readonly StageTrace[];
  readonly sources: readonly { readonly name: string; readonly found: number; readonly ms: Ms }[];
  readonly ms: Ms;
}

export async function runPath(
  request: RecommendRequest,
  limit: number,
  budget: Ms,
  parts: PathParts,
  arrival: Arrival = {},
): Promise<PathResult> {
  const { catalog, clock, models, settings } = parts;
  const deadline = new Deadline(clock, budget, arrival.acceptedAt);
  const trace = new Trace(clock);

  let user = await readUser(parts, request, deadline, budget, trace);
  // An event of this user that was applied since would be in the catalog's offset and not in what was read.
  while (user.stale()) {
    user.release();
    user = await readUser(parts, request, deadline, budget, trace);
  }
  user.release();
  const { now, state, touches, history, encodings } = user;
  const offset = catalog.applied;
  for (const reason of user.reasons) trace.reason(reason);
  const mask = trace.now("filter", catalog.size, () => {
    const built = buildMask(catalog, state, request, now);
    return { value: built, out: built.count };
  });
  const context = contextOf(catalog, request.user, now, request);
  const query: Query = { ...touches, allowed: mask.allowed, encodings, context, history };
  const personal = query.items.length > 0;
  // Of a user whose state did not come, nothing is known to be missing.
  if (!personal && !user.missing) trace.reason(isUnknown(state, catalog) ? "unknown_user" : "no_history");
  if (models.bundle === null) trace.reason("not_trained");
  if (mask.count === 0) trace.reason("no_candidates");

  const contributions = retrieve(parts, query, mask.count, budget * STAGE_ENDS.retrieve, deadline, trace);
  const found = trace.now("blend", sumFound(contributions), () => {
    const blended = blend(query, contributions, settings.candidates);
    return { value: blended, out: blended.rows.length };
  });
  const ranking = await rank(parts, query, found, budget * STAGE_ENDS.rank, deadline, trace);
  const rows = Int32Array.from(ranking.order, (i) => ranking.candidates.rows[i]!);
  const slate = trace.now("policy", rows.length, () => {
    const seed = request.request ?? "";
    const chosen = applyPolicy(catalog, rows, ranking.scores, limit, settings.policy, seed);
    return { value: chosen, out: chosen.order.length };
  });
  return {
    now,
    offset,
    query,
    mask,
    found,
    candidates: ranking.candidates,
    features: ranking.features,
    heads: ranking.heads,
    headWeights: ranking.headWeights,
    ranked: ranking.order,
    scores: ranking.scores,
    slate,
    rung: ranking.rung,
    personal: personal && found.rows.length > 0 && models.bundle !== null,
    reasons: trace.reasons,
    stages: trace.stages,
    sources: trace.sources,
    ms: deadline.elapsed(),
  };
}

/** What is known of the user, if it is not stale when it is looked at. */
interface UserRead extends StateRead, Encoded {
  /** The time of the request: that of the state. */
  readonly now: EpochMs;
  /** Whether the state did not come. */
  readonly missing: boolean;
}

async function readUser(
  parts: PathParts,
  request: RecommendRequest,
  deadline: Deadline,
  budget: Ms,
  trace: Trace,
): Promise<UserRead> {
  const { catalog, clock, models, settings } = parts;
  const read = await trace.stage("state", 1, async () => {
    const value = await readWithin(parts, request, budget * STAGE_ENDS.state - deadline.elapsed());
    const out = value.state.touches.length + value.state.vetoes.length;
    return { value, out, ...(value.fallback && { fallback: value.fallback }) };
  });
  const { fallback } = read;
  // What had expired when the store looked has expired now too: the state depends on this moment alone.
  const now = clock.now();
  const state = withoutExpired(read.state, settings, now);
  const encoded = await trace.stage("encode", state.touches.length, async () => {
    const left = budget * STAGE_ENDS.encode - deadline.elapsed();
    const value = await encodeState(models.sources, state, catalog, now, left);
    const [reason] = value.reasons;
    return { value, out: Object.keys(value.encodings).length, ...(reason && { fallback: reason }) };
  });
  return {
    ...encoded,
    now,
    state,
    missing: fallback !== undefined,
    reasons: fallback === undefined ? encoded.reasons : [fallback, ...encoded.reasons],
    stale: () => read.stale() || encoded.stale(),
    release: () => read.release(),
  };
}

/** The user's state; an empty one, and why, where the store takes longer than `ms` or fails. */
async function readWithin(
  parts: PathParts,
  request: RecommendRequest,
  ms: number,
): Promise<StateRead & { readonly fallback?: Reason }> {
  const without = (fallback: Reason) => ({
    state: emptyState(request.user),
    stale: () => false,
    release() {},
    fallback,
  });
  try {
    const reading = parts.readState();
    const read = await within(reading, ms);
    if (read !== "late") return read;
    // Whenever it comes, nobody looks at it.
    reading.then(({ release }) => release()).catch(() => {});
    return without("state_late");
  } catch {
    return without("state_unavailable");
  }
}

function isUnknown(state: UserState, catalog: Catalog): boolean {
  return state.touches.length + state.vetoes.length === 0 && catalog.userFacts(state.user) === undefined;
}

/** Asks the sources in turn; the ones for whom there is no time, or that fail, contribute nothing, and that is said. */
function retrieve(
  parts: PathParts,
  query: Query,
  allowed: number,
  end: number,
  deadline: Deadline,
  trace: Trace,
): readonly Contribution[] {
  return trace.now("retrieve", allowed, () => {
    let fallback: Reason | undefined;
    let answered = 0;
    const contributions = parts.models.sources.map((source): Contribution => {
      const { retriever } = source;
      const silent = {
        name: retriever.name,
        weight: source.weight,
        signalNames: retriever.signalNames,
        retrieved: null,
      };
      // A first source that found something is asked of every request, however late it is: it is the last rung.
      if (deadline.elapsed() > end && answered > 0) {
        fallback = trace.reason("source_late");
        return silent;
      }
      const started = parts.clock.monotonic();
      try {
        const contribution = contributionOf(source, query, parts.settings.perSource);
        const found = contribution.retrieved?.rows.length ?? 0;
        if (found > 0) answered++;
        trace.source(retriever.name, found, started);
        return guarded(contribution, trace);
      } catch {
        fallback = trace.reason("source_failed");
        return silent;
      }
    });
    return { value: contributions, out: sumFound(contributions), ...(fallback && { fallback }) };
  });
}

/** The same, with signals that say nothing where the source fails to tell them. */
function guarded(contribution: Contribution, trace: Trace): Contribution {
  const { retrieved } = contribution;
  if (retrieved === null) return contribution;
  return {
    ...contribution,
    retrieved: {
      ...retrieved,
      signals(rows, out) {
        try {
          retrieved.signals(rows, out);
        } catch {
          trace.reason("source_failed");
          for (const column of out) column.fill(0);
        }
      },
    },
  };
}

function sumFound(contributions: readonly Contribution[]): number {
  return contributions.reduce((sum, { retrieved }) => sum + (retrieved?.rows.length ?? 0), 0);
}

interface Ranking {
  readonly candidates: Candidates;
  readonly features: Features | null;
  readonly heads: readonly Float32Array[];
  readonly headWeights: readonly number[];
  readonly order: Int32Array;
  readonly scores: Float32Array;
  readonly rung: Rung;
}

async function rank(
  parts: PathParts,
  query: Query,
  found: Candidates,
  end: number,
  deadline: Deadline,
  trace: Trace,
): Promise<Ranking> {
  const { models, catalog, clock, cost, settings } = parts;
  const n = found.rows.length;
  const { ranker } = models;
  if (ranker === null || n === 0)
    return unranked(found, models.bundle === null ? "popular" : "retrieval-order");
  const affordable = cost.affordable(n, (end - deadline.elapsed()) as Ms);
  const fallback = affordable < n ? trace.reason("ranking_late") : undefined;
  if (affordable === 0) {
    trace.unranked(n, clock.monotonic(), "ranking_late");
    return unranked(found, "retrieval-order");
  }
  const candidates =
    affordable === n
      ? found
      : pickCandidates(
          found,
          Int32Array.from({ length: affordable }, (_, i) => i),
        );
  const started = clock.monotonic();
  try {
    const input = trace.now("features", n, () => {
      const context = { query, catalog, candidates, visits: visitsOf(query.history, catalog) };
      return { value: { ...context, features: models.featureSet.compute(context) }, out: affordable };
    });
    const heads = await trace.stage("rank", affordable, async () => ({
      value: await ranker.score(input),
      out: affordable,
      ...(fallback && { fallback }),
    }));
    cost.observe(affordable, (clock.monotonic() - started) as Ms);
    const headWeights = ranker.heads.map((name) => headWeight(name, settings.headWeights));
    const blended = blendHeads(heads, headWeights);
    const order = Int32Array.from(blended, (_, i) => i).sort((a, b) => blended[b]! - blended[a]! || a - b);
    return {
      candidates,
      features: input.features,
      heads,
      headWeights,
      order,
      scores: Float32Array.from(order, (i) => blended[i]!),
      rung: affordable === n ? "full" : "fewer-candidates",
    };
  } catch {
    trace.unranked(n, started, trace.reason("ranking_failed"));
    return unranked(found, "retrieval-order");
  }
}

/** Candidates in the order of the blend. */
function unranked(candidates: Candidates, rung: Rung): Ranking {
  return {
    candidates,
    features: null,
    heads: [],
    headWeights: [],
    order: Int32Array.from(candidates.rows, (_, i) => i),
    scores: candidates.fused,
    rung,
  };
}

/** What a stage hands back: its value, how many came out, and whether a fallback answered. */
interface Staged<T> {
  readonly value: T;
  readonly out: number;
  readonly fallback?: Reason;
}

class Trace {
  readonly stages: StageTrace[] = [];
  readonly sources: { name: string; found: number; ms: Ms }[] = [];
  readonly reasons: Reason[] = [];
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  reason(reason: Reason): Reason {
    if (!this.reasons.includes(reason)) this.reasons.push(reason);
    return reason;
  }

  source(name: string, found: number, started: Ms): void {
    this.sources.push({ name, found, ms: (this.clock.monotonic() - started) as Ms });
  }

  now<T>(stage: Stage, entered: number, run: () => Staged<T>): T {
    const started = this.clock.monotonic();
    return this.record(stage, entered, started, run());
  }

  async stage<T>(stage: Stage, entered: number, run: () => Promise<Staged<T>>): Promise<T> {
    const started = this.clock.monotonic();
    return this.record(stage, entered, started, await run());
  }

  /** Ranking, where all `candidates` stay in retrieval order instead. */
  unranked(candidates: number, started: Ms, fallback: Reason): void {
    this.record("rank", candidates, started, { value: null, out: candidates, fallback });
  }

  /** A stage that was gone through again stands there once: as it was the last time, with the time of all. */
  private record<T>(stage: Stage, entered: number, started: Ms, staged: Staged<T>): T {
    const { value, out, fallback } = staged;
    const at = this.stages.findIndex((before) => before.stage === stage);
    const before = this.stages[at]?.ms ?? 0;
    const ms = (before + this.clock.monotonic() - started) as Ms;
    this.stages[at < 0 ? this.stages.length : at] = {
      stage,
      ms,
      in: entered,
      out,
      ...(fallback && { fallback }),
    };
    return value;
  }
}
