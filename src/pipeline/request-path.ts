/**
 * One request, from the user's state to the slate: state → encode → filter → retrieve → blend → features → rank →
 * policy.
 *
 * Every stage has a share of the budget and an answer for when it is late or fails: no state makes the answer
 * impersonal, a late source is left out, a late ranker gets fewer candidates or none (ladder.ts). Filters hold on every
 * rung.
 *
 * From the encoded state to the features a request sees one moment of the log: nothing waits but for the event loop to
 * look around, and meanwhile nothing takes effect. `offset` says which moment, and replaying the log up to it gives the
 * same features and scores to the bit.
 */
import type { Catalog } from "../catalog/index.ts";
import { Deadline, type EpochMs, type Ms, type Offset } from "../core/index.ts";
import { applyPolicy, buildMask, type RequestMask, type Slate } from "../policy/index.ts";
import { blend, type Candidates, contextOf, type Query } from "../retrieval/index.ts";
import type { UserState } from "../state/index.ts";
import { StageBudget } from "./budget.ts";
import { bestUnder } from "./ladder.ts";
import type { PathParts } from "./path-parts.ts";
import { type Ranking, rankCandidates } from "./rank-candidates.ts";
import { readUser } from "./read-user.ts";
import type { Arrival, Reason, RecommendRequest, Rung, StageTrace } from "./recommender.ts";
import { retrievalOf, retrieveCandidates, sumFound } from "./retrieve-candidates.ts";
import { Trace } from "./trace.ts";

/** Everything that a request computed: what the answer, the impression and the explanations are made of. */
export interface PathResult extends Ranking {
  readonly now: EpochMs;
  /** Every event before this offset was reflected. */
  readonly offset: Offset;
  readonly query: Query;
  readonly mask: RequestMask;
  /** Everything that retrieval found, in its order. */
  readonly found: Candidates;
  /** Slots, as indices into `ranked`. */
  readonly slate: Slate;
  readonly personal: boolean;
  readonly reasons: readonly Reason[];
  readonly stages: readonly StageTrace[];
  readonly sources: readonly { readonly name: string; readonly found: number; readonly ms: Ms }[];
  readonly ms: Ms;
  /** Tells that nobody reads the mask and the features any more: a later request may use their memory. Once. */
  giveBack(): void;
}

export async function runPath(
  request: RecommendRequest,
  limit: number,
  budget: Ms,
  parts: PathParts,
  arrival: Arrival = {},
): Promise<PathResult> {
  const { catalog, clock, models, settings, memory } = parts;
  const deadline = new Deadline(clock, budget, arrival.acceptedAt);
  const stages = new StageBudget(deadline);
  const trace = new Trace(clock);
  let best = bestUnder(arrival.pressure ?? 0);
  const takeTurn = async () => {
    if (arrival.turn !== undefined) best = await turnOf(arrival.turn, trace);
  };
  // The last rung computes next to nothing, and its sources read no encodings.
  const user = await readUser(parts, request, stages, trace, best === "popular" ? undefined : takeTurn);
  const popular = best === "popular";
  if (best !== "full") trace.reason("overloaded");
  const { now, state, touches, history, encodings } = user;
  const offset = catalog.applied;
  for (const reason of user.reasons) trace.reason(reason);
  const mask = trace.now("filter", catalog.size, () => {
    const built = buildMask(catalog, state, request, now, memory);
    return { value: built, out: built.count };
  });
  const context = contextOf(catalog, request.user, now, request);
  const query: Query = { ...touches, allowed: mask.allowed, encodings, context, history };
  const personal = query.items.length > 0;
  // Of a user whose state did not come, nothing is known to be missing.
  if (!personal && !user.missing) trace.reason(isUnknown(state, catalog) ? "unknown_user" : "no_history");
  if (models.bundle === null) trace.reason("not_trained");
  if (mask.count === 0) trace.reason("no_candidates");

  const retrieval = retrievalOf(parts, query, popular, limit);
  const contributions = retrieveCandidates(parts, retrieval, query, mask.count, stages, trace);
  const found = trace.now("blend", sumFound(contributions), () => {
    const blended = blend(contributions, settings.candidates);
    return { value: blended, out: blended.rows.length };
  });
  const release = catalog.moment.hold();
  let ranks: Promise<Ranking>;
  try {
    if (arrival.pause !== undefined && !popular && !catalog.moment.wanted)
      await pauseIn(arrival.pause, trace);
    ranks = rankCandidates(parts, query, found, best, stages, trace);
  } finally {
    release();
  }
  const ranking = await ranks;
  const rows = ranking.ranked.map((i) => ranking.candidates.rows[i]!);
  const slate = trace.now("policy", rows.length, () => {
    const seed = request.request ?? "";
    const chosen = applyPolicy(catalog, rows, ranking.scores, limit, settings.policy, seed);
    return { value: chosen, out: chosen.order.length };
  });
  return {
    ...ranking,
    now,
    offset,
    query,
    mask,
    found,
    slate,
    personal: personal && !popular && found.rows.length > 0 && models.bundle !== null,
    reasons: trace.reasons,
    stages: trace.stages,
    sources: trace.sources,
    ms: deadline.elapsed(),
    giveBack() {
      memory?.giveBack(mask.allowed.buffer);
      // There only where a ranker has scored them: one that was late may still read them.
      if (ranking.features) memory?.giveBack(ranking.features.candidates.buffer);
    },
  };
}

/** The best rung that may answer, when the turn has come. */
function turnOf(turn: () => Promise<number>, trace: Trace): Promise<Rung> {
  return trace.stage("turn", 1, async () => {
    const best = bestUnder(await turn());
    return { value: best, out: 1, ...(best !== "full" && { fallback: "overloaded" as const }) };
  });
}

/** Is part of the waiting until nothing else computes. */
function pauseIn(pause: () => Promise<void>, trace: Trace): Promise<void> {
  return trace.stage("turn", 1, async () => ({ value: await pause(), out: 1 }));
}

function isUnknown(state: UserState, catalog: Catalog): boolean {
  return state.touches.length + state.vetoes.length === 0 && catalog.userFacts(state.user) === undefined;
}
