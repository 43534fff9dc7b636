/**
 * What requests cost with each rung: one request at a time through the whole path, without a budget, so that nothing is
 * left out.
 *
 * Everything is measured round after round in an order that turns round each time, so that what else the machine does
 * falls on all alike. Every rung is asked for the same users in a round. Half of the time goes to the condition of the
 * objective. Within each half a cell gets requests in inverse proportion to the root of what one costs: of equal
 * variances that makes the sum of the variances of the means smallest (Neyman 1934). CPU time is that of the process,
 * all its threads.
 */
import { type Clock, type Ms, type Progress, type Random, UpnextError, type UserId } from "../core/index.ts";
import { type PathResult, RankingCost, runPath, type ServingModels } from "../pipeline/index.ts";
import { emptyState, type UserState } from "../state/index.ts";
import type { MeasuredRung, System } from "./measured-rung.ts";
import { medianOf, quantileOf, type Spread } from "./spread.ts";

/** What a request is like: candidates that are ranked, and visits that its user's history has. */
export interface Condition {
  readonly candidates: number;
  readonly visits: number;
}

export interface Cost extends Condition {
  /** Requests that were measured, and in how many rounds. */
  readonly requests: number;
  readonly rounds: number;
  /** Median number of candidates that were ranked: fewer than asked for where retrieval found fewer. */
  readonly ranked: number;
  /** Of the whole pipeline; intervals of 95 %. With fewer than 100 requests P99 is that of the slowest one. */
  readonly p50Ms: Spread;
  readonly p99Ms: Spread;
  /** Of features and ranker alone. */
  readonly rankP50Ms: Spread;
  readonly rankP99Ms: Spread;
  /** CPU time of a request: median, smallest and largest of the rounds. */
  readonly cpuMs: Spread;
  readonly requestsPerSecondAndCore: number;
}

/** What time is measured with. */
export interface Meter {
  readonly clock: Clock;
  /** CPU time of the process up to now. */
  cpu(): Ms;
}

export interface MeasureOptions {
  /** The first is that of the objective. */
  readonly conditions: readonly [Condition, ...(readonly Condition[])];
  readonly time: Ms;
  readonly meter: Meter;
  readonly random: Random;
  readonly progress: Progress;
}

/** P99 of fewer requests is the slowest of them. */
export const ENOUGH_FOR_P99 = 100;

/** An even number: each order of the cells comes as often as the other. */
const ROUNDS = 6;
/** Requests before anything is measured, for the compiler, and those of each cell to learn what one costs. */
const WARM_UP = 20;
const FIRST_LOOK = 2;
const MAIN_SHARE = 0.5;
/** Of the time, after which no further round is begun, whatever was planned. */
const PATIENCE = 1.5;
const SLOTS = 20;

/** All of a system that requests need. */
type Served = Omit<System, "rungs" | "metrics"> & {
  readonly rungs: readonly Pick<MeasuredRung, "ranker">[];
};

/** [rung][condition] */
export async function measureRequests(
  system: Served,
  options: MeasureOptions,
): Promise<readonly (readonly Cost[])[]> {
  const { conditions, time, meter, random, progress } = options;
  const { clock } = meter;
  const cells = system.rungs.map((rung) =>
    conditions.map((condition) => new Cell(system, rung, condition, meter)),
  );
  const [first, ...others] = [cells.map(([main]) => main!), ...cells.map(([, ...side]) => side)];
  const side = others.flat();
  const main = first!;
  progress.step("measure requests", ROUNDS, "rounds");
  const started = clock.monotonic();
  await main[0]!.look(WARM_UP, random.fork("warm-up"));
  for (const cell of [...main, ...side]) await cell.look(FIRST_LOOK, random.fork("first look"));
  const left = Math.max(0, time - (clock.monotonic() - started));
  plan(main, side.length === 0 ? left : MAIN_SHARE * left);
  plan(side, (1 - MAIN_SHARE) * left);
  const all = [...main, ...side];
  for (let round = 0; round < ROUNDS; round++) {
    if (round > 0 && clock.monotonic() - started > PATIENCE * time) break;
    for (const cell of round % 2 === 0 ? all : all.toReversed()) {
      await cell.round(random.fork(`round ${round}`));
    }
    progress.update(round + 1);
  }
  return cells.map((row) => row.map((cell) => cell.cost()));
}

/** Gives each cell its requests a round. */
function plan(cells: readonly Cell[], time: number): void {
  const roots = cells.reduce((sum, { msARequest }) => sum + Math.sqrt(msARequest), 0);
  for (const cell of cells) {
    cell.aRound = Math.max(1, Math.round(time / ROUNDS / (Math.sqrt(cell.msARequest) * roots)));
  }
}

/** One rung under one condition. */
class Cell {
  msARequest = 1;
  aRound = 1;
  private readonly system: Served;
  private readonly condition: Condition;
  private readonly meter: Meter;
  private readonly models: ServingModels;
  private readonly states: readonly UserState[];
  private readonly whole: number[] = [];
  private readonly ranking: number[] = [];
  private readonly ranked: number[] = [];
  /** By round. */
  private readonly cpu: number[] = [];

  constructor(system: Served, { ranker }: Pick<MeasuredRung, "ranker">, condition: Condition, meter: Meter) {
    this.system = system;
    this.condition = condition;
    this.meter = meter;
    const { sources, featureSet } = system;
    this.models = { bundle: null, cheaperRanker: null, sources, ranker, featureSet, close: async () => {} };
    this.states = system.states.map((state) => withVisits(state, condition.visits));
  }

  /** Requests that only say what one costs. */
  async look(requests: number, random: Random): Promise<void> {
    const { clock } = this.meter;
    // The smallest: what else the machine does only adds.
    let fastest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < requests; i++) {
      const began = clock.monotonic();
      await this.request(random);
      fastest = Math.min(fastest, clock.monotonic() - began);
    }
    this.msARequest = Math.max(0.01, fastest);
  }

  async round(random: Random): Promise<void> {
    const { clock, cpu } = this.meter;
    const before = cpu();
    for (let i = 0; i < this.aRound; i++) {
      const began = clock.monotonic();
      const path = await this.request(random);
      this.whole.push(clock.monotonic() - began);
      this.ranking.push(rankingMs(path));
      this.ranked.push(path.candidates.rows.length);
    }
    this.cpu.push((cpu() - before) / this.aRound);
  }

  cost(): Cost {
    const cpuMs = medianOf(this.cpu);
    return {
      ...this.condition,
      requests: this.whole.length,
      rounds: this.cpu.length,
      ranked: medianOf(this.ranked).value,
      p50Ms: quantileOf(this.whole, 0.5),
      p99Ms: quantileOf(this.whole, 0.99),
      rankP50Ms: quantileOf(this.ranking, 0.5),
      rankP99Ms: quantileOf(this.ranking, 0.99),
      cpuMs,
      requestsPerSecondAndCore: 1000 / cpuMs.value,
    };
  }

  private async request(random: Random): Promise<PathResult> {
    const { catalog, settings, now } = this.system;
    const { candidates } = this.condition;
    const state =
      this.states.length === 0 ? emptyState("" as UserId) : this.states[random.int(this.states.length)]!;
    const path = await runPath({ user: state.user }, SLOTS, Number.POSITIVE_INFINITY as Ms, {
      catalog,
      models: this.models,
      clock: { now: () => now, monotonic: () => this.meter.clock.monotonic() },
      cost: new RankingCost(),
      settings: { ...settings, candidates, perSource: Math.max(candidates, settings.perSource) },
      readState: async () => ({ state, stale: () => false, release() {} }),
    });
    const { ranker } = this.models;
    // The path would answer without it, and quickly.
    if (path.reasons.includes("ranking_failed"))
      throw new UpnextError(
        "internal",
        `tradeoffs: expected scores from the ranker ${ranker?.name}, it failed`,
      );
    return path;
  }
}

function rankingMs({ stages }: PathResult): number {
  let ms = 0;
  for (const { stage, ms: own } of stages) if (stage === "features" || stage === "rank") ms += own;
  return ms;
}

/** The state with the touches of its newest visits alone; a visit is a run of touches on one item. */
export function withVisits(state: UserState, visits: number): UserState {
  if (visits === 0) return { ...emptyState(state.user), vetoes: state.vetoes };
  let seen = 0;
  const end = state.touches.findIndex(({ item }, i) => {
    if (item !== state.touches[i - 1]?.item) seen++;
    return seen > visits;
  });
  return end < 0 ? state : { ...state, touches: state.touches.slice(0, end) };
}
