/**
 * The release gate: whether a published bundle may serve. It has to load, to answer real requests with finite scores
 * that vary, to be quick enough, and to be no worse than the current bundle. Nothing about a bad bundle throws: it is a
 * check that did not pass. It rejects with `no_bundle` where there is none to judge.
 */
import type { Catalog } from "../catalog/index.ts";
import {
  type BundleId,
  type Clock,
  type Ms,
  type Progress,
  UpnextError,
  type UserId,
} from "../core/index.ts";
import type { EventLog } from "../events/index.ts";
import {
  DEFAULT_LIMIT,
  type PathParts,
  type PathResult,
  RankingCost,
  type RecommendRequest,
  runPath,
  type ServingModels,
  servingModels,
} from "../pipeline/index.ts";
import type { Registry } from "../registry/index.ts";
import type { HeldOut, History, TouchLimits } from "../training/index.ts";
import { latencyCheck } from "./gate-latency.ts";
import { type Loaded, load } from "./gate-load.ts";
import { type Compared, qualityCheck } from "./gate-quality.ts";
import { CHECKS, type CheckName, type GateCheck, type GateReport } from "./gate-report.ts";
import { requestChecks } from "./gate-requests.ts";
import type { RankSettings } from "./rank-examples.ts";
import { recentRequests } from "./recent-requests.ts";

export interface GateParts {
  readonly registry: Registry;
  /** Has applied every event that the bundle was trained on. */
  readonly catalog: Catalog;
  readonly log: EventLog;
  /** The log as training read it, or as it is now. */
  readonly history: () => Promise<History>;
  /** What the candidate's training has measured; null where the bundle comes from elsewhere. */
  readonly heldOut: HeldOut | null;
  readonly settings: RankSettings;
  readonly limits: TouchLimits;
  readonly slo: { readonly p99Ms: number };
  /** What a request of a user runs with, with these models. */
  readonly partsOf: (user: UserId, models: ServingModels) => PathParts;
  readonly clock: Clock;
  /** CPU time of the process up to now. */
  readonly cpu: () => Ms;
  readonly progress: Progress;
}

/** Requests that a bundle is tried with: P99 is then that of the second slowest. */
const REQUESTS = 120;

/** @param current what serves now; null in a directory without a bundle */
export async function gate(
  candidate: BundleId,
  current: BundleId | null,
  parts: GateParts,
): Promise<GateReport> {
  const { registry, catalog, clock, progress } = parts;
  const started = clock.monotonic();
  progress.step("try the bundle");
  const { loaded, checks } = await load(candidate, registry, catalog);
  // A current bundle that does not load serves nobody, and is nothing to compare with.
  const other = current === null ? null : await loadOther(current, parts);
  try {
    const asked = loaded === null ? [] : await ask(candidate, loaded, current, other, parts);
    const all = inOrder([...checks, ...asked]);
    return {
      bundle: candidate,
      against: other === null ? null : current,
      time: clock.now(),
      accepted: all.every(({ passed }) => passed !== false),
      loads: loaded !== null,
      checks: all,
      seconds: (clock.monotonic() - started) / 1000,
    };
  } finally {
    await Promise.all([loaded?.models.close(), other?.models.close()]);
  }
}

async function loadOther(id: BundleId, { registry, catalog }: GateParts): Promise<Loaded | null> {
  try {
    return (await load(id, registry, catalog)).loaded;
  } catch (error) {
    if (error instanceof UpnextError) return null;
    throw error;
  }
}

async function ask(
  candidate: BundleId,
  loaded: Loaded,
  current: BundleId | null,
  other: Loaded | null,
  parts: GateParts,
): Promise<readonly GateCheck[]> {
  const { log, catalog, registry, slo, cpu, clock } = parts;
  const requests = await recentRequests(log, catalog, REQUESTS);
  const checks = requestChecks(await pathsOf(requests, loaded, parts), loaded.models.ranker !== null);
  // What fails or says nothing is neither quick nor good.
  if (checks.some(({ passed }) => passed === false)) return checks;
  const timed = ({ models }: Loaded) => ({
    rung: models.ranker?.name ?? null,
    partsOf: ({ user }: RecommendRequest) => parts.partsOf(user, models),
  });
  const latency = await latencyCheck(timed(loaded), other && timed(other), {
    requests,
    p99Ms: slo.p99Ms,
    cpu,
    clock,
  });
  const compared = (id: BundleId, { manifest }: Loaded): Compared => ({
    id,
    manifest,
    load: async (past) => servingModels(await registry.open(id), past),
  });
  const quality = await qualityCheck(
    compared(candidate, loaded),
    other && current && compared(current, other),
    parts,
  );
  return [...checks, latency, quality];
}

async function pathsOf(
  requests: readonly RecommendRequest[],
  { models }: Loaded,
  { partsOf, progress }: GateParts,
): Promise<readonly PathResult[]> {
  const cost = new RankingCost();
  const paths: PathResult[] = [];
  progress.step("ask the bundle", requests.length, "requests");
  for (const request of requests) {
    const limit = request.limit ?? DEFAULT_LIMIT;
    const budget = Number.POSITIVE_INFINITY as Ms;
    paths.push(await runPath(request, limit, budget, { ...partsOf(request.user, models), cost }));
    progress.update(paths.length);
  }
  return paths;
}

/** Every check once, in the order of CHECKS: of two with one name the one that did not pass, else the later one. */
function inOrder(checks: readonly GateCheck[]): readonly GateCheck[] {
  const refused = checks.find(({ passed }) => passed === false);
  return Object.keys(CHECKS).map((name) => {
    const own = checks.filter((check) => check.name === name);
    return (
      own.find(({ passed }) => passed === false) ??
      own.at(-1) ?? {
        name: name as CheckName,
        passed: null,
        expected: "an answer",
        came: `not asked: ${refused?.name} was refused`,
        evidence: {},
      }
    );
  });
}
