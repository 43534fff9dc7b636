/**
 * What a bundle costs: the same recent requests through the whole path, the candidate's and the current bundle's turn
 * about, in CPU time. What else the machine does adds to both alike, and what it adds to single requests is not in
 * their medians: of each request the median of its rounds, of the requests the median (ratios) and P99 (objective).
 */
import type { Clock, Ms } from "../core/index.ts";
import {
  DEFAULT_LIMIT,
  type PathParts,
  type PathResult,
  RankingCost,
  type RecommendRequest,
  runPath,
} from "../pipeline/index.ts";
import type { GateCheck } from "./gate-report.ts";
import { medianOf, quantileOf } from "./spread.ts";

export interface Timed {
  /** By the names of their rankers: a more complex rung may cost more than a simpler one. */
  readonly rung: string | null;
  /** What its requests run with. */
  readonly partsOf: (request: RecommendRequest) => PathParts;
}

export interface LatencyOptions {
  readonly requests: readonly RecommendRequest[];
  readonly p99Ms: number;
  /** CPU time of the process up to now. */
  readonly cpu: () => Ms;
  readonly clock: Clock;
}

/**
 * One rung is refused that takes five times as long, since ten times must be and no noise of medians is so large; a
 * ranker of another rung may take what the objective allows, but not eight times the whole request (guesses).
 */
const SAME_RUNG = 5;
const OTHER_RUNG = 8;
/** Where the current bundle misses the objective too, one that costs no more than this much more may take its place. */
const NO_SLOWER = 1.1;
/** Odd, for the medians. */
const ROUNDS = 5;
/** Requests of each before anything counts: the compiler sees the hot loops. */
const WARM_UP = 10;
/** After so much wall time no further round is begun. */
const PATIENCE_MS = 60_000;

interface Cost {
  /** Medians over requests, ms of CPU: of the whole path, and of the ranker alone. */
  readonly path: number;
  readonly ranking: number;
  readonly p99: number;
}

export async function latencyCheck(
  candidate: Timed,
  current: Timed | null,
  options: LatencyOptions,
): Promise<GateCheck> {
  const { requests, p99Ms } = options;
  if (requests.length === 0) {
    return {
      name: "latency",
      passed: null,
      expected: `a P99 of at most ${p99Ms} ms`,
      came: "not asked: the log has no requests and no users",
      evidence: {},
    };
  }
  const { costs, rounds } = await measure(current === null ? [candidate] : [candidate, current], options);
  const [own, other] = costs;
  return judge(own!, other ?? null, candidate.rung === (current?.rung ?? null), p99Ms, {
    requests: requests.length,
    rounds,
    slo: p99Ms,
    candidate: { rung: candidate.rung, ...own! },
    ...(current !== null && { current: { rung: current.rung, ...other! } }),
  });
}

function judge(
  own: Cost,
  other: Cost | null,
  sameRung: boolean,
  p99Ms: number,
  evidence: GateCheck["evidence"],
): GateCheck {
  const allowed = sameRung ? SAME_RUNG : OTHER_RUNG;
  const pathRatio = other === null ? null : own.path / other.path;
  // A bundle without a ranker spends nothing on ranking: against that everything is infinitely slow.
  const rankingRatio =
    other === null || !sameRung || other.ranking === 0 ? null : own.ranking / other.ranking;
  const misses = own.p99 > p99Ms && (other === null || own.p99 > NO_SLOWER * other.p99);
  const ratios = [pathRatio, rankingRatio].filter((ratio) => ratio !== null);
  const slow = ratios.some((ratio) => ratio > allowed);
  const than = other === null ? "" : `, and at most ${allowed} times the CPU time of the current bundle`;
  const timed = `a P99 of ${ms(own.p99)} of CPU, a median of ${ms(own.path)} (ranking ${ms(own.ranking)})`;
  const compared =
    other === null ? "" : ` against ${ms(other.path)} (ranking ${ms(other.ranking)}) of the current bundle`;
  return {
    name: "latency",
    passed: !misses && !slow,
    expected: `a P99 of at most ${p99Ms} ms${than}`,
    came: timed + compared,
    ...((misses || slow) && {
      cure: "Lower retrieval.candidates, raise slo.p99Ms, or train a simpler rung; then train again: upnext train.",
    }),
    evidence: { ...evidence, pathRatio, rankingRatio, allowedRatio: other === null ? null : allowed },
  };
}

async function measure(
  bundles: readonly Timed[],
  { requests, cpu, clock }: LatencyOptions,
): Promise<{ readonly costs: readonly Cost[]; readonly rounds: number }> {
  const cpuClock: Clock = { now: () => clock.now(), monotonic: cpu };
  const run = (bundle: Timed, request: RecommendRequest) =>
    runPath(request, request.limit ?? DEFAULT_LIMIT, Number.POSITIVE_INFINITY as Ms, {
      ...bundle.partsOf(request),
      clock: cpuClock,
      cost: new RankingCost(),
    });
  for (const request of requests.slice(0, WARM_UP)) for (const bundle of bundles) await run(bundle, request);
  // [bundle][request][round]
  const paths = bundles.map(() => requests.map((): number[] => []));
  const rankings = bundles.map(() => requests.map((): number[] => []));
  const started = clock.monotonic();
  let rounds = 0;
  for (; rounds < ROUNDS && (rounds === 0 || clock.monotonic() - started < PATIENCE_MS); rounds++) {
    for (const [r, request] of requests.entries()) {
      for (let turn = 0; turn < bundles.length; turn++) {
        // Who comes first finds the caches as the other one left them.
        const b = (turn + r + rounds) % bundles.length;
        const path = await run(bundles[b]!, request);
        paths[b]![r]!.push(path.ms);
        rankings[b]![r]!.push(rankingMs(path));
      }
    }
  }
  const costs = bundles.map((_, b) => {
    const ofRequests = paths[b]!.map((values) => medianOf(values).value);
    return {
      path: medianOf(ofRequests).value,
      ranking: medianOf(rankings[b]!.map((values) => medianOf(values).value)).value,
      p99: quantileOf(ofRequests, 0.99).value,
    };
  });
  return { costs, rounds };
}

function rankingMs({ stages }: PathResult): number {
  return stages.find(({ stage }) => stage === "rank")?.ms ?? 0;
}

function ms(value: number): string {
  return `${value.toFixed(2)} ms`;
}
