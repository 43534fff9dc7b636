/**
 * What each rung is worth and what it costs, on one machine and one log, and the rung that serves.
 *
 * Everything that is printed, drawn and written is read off the one value `Tradeoffs`, which is plain JSON.
 */
import { cpus, totalmem } from "node:os";
import type { Catalog } from "../catalog/index.ts";
import { type EpochMs, type Ms, type Progress, Random } from "../core/index.ts";
import { MAX_VISITS } from "../features/index.ts";
import { type Choice, type Contender, chooseRung, type Objective } from "./choose-rung.ts";
import { measureMemory } from "./measure-memory.ts";
import { type Condition, type Cost, type Meter, measureRequests } from "./measure-requests.ts";
import type { MeasuredRung, System } from "./measured-rung.ts";
import type { Spread } from "./spread.ts";

/** Raised when a reader of the old layout would misread the new one. */
const FORMAT = 1;

export interface Tradeoffs {
  readonly format: typeof FORMAT;
  readonly measuredAt: EpochMs;
  /** What was measured: the data, its split, and how much of it tested. */
  readonly data: DataMeasured;
  readonly machine: Machine;
  readonly objective: Objective & Condition;
  /** Names of the metrics in `RungTradeoffs.quality`; the first decides. */
  readonly metrics: readonly [string, ...(readonly string[])];
  /** From simple to complex, as the choice took them. */
  readonly rungs: readonly RungTradeoffs[];
  readonly choice: Choice;
}

export interface DataMeasured {
  readonly name: string;
  readonly split: string;
  readonly users: number;
  readonly items: number;
  readonly interactions: number;
  /** Lists or examples that the quality is a mean over. */
  readonly tests: number;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  readonly platform: string;
}

export interface RungTradeoffs {
  readonly name: string;
  readonly noun: string;
  readonly about: string;
  readonly teacher: boolean;
  readonly trainSeconds: number;
  /** Of its models' files. */
  readonly bytes: number;
  /** What a fresh process takes more when it has loaded it and scored once, under the condition of the objective. */
  readonly memoryBytes: number;
  /** By metric; a metric that it has no value of is not there. */
  readonly quality: Readonly<Record<string, Spread>>;
  /** Of the deciding metric, by the name of the other rung: this one minus the other; pairs without one are not there. */
  readonly differences: Readonly<Record<string, Spread>>;
  /** Under the condition of the objective. */
  readonly cost: Cost;
  /** Under other conditions: other numbers of candidates, then shorter histories. */
  readonly otherCosts: readonly Cost[];
}

export interface TradeoffOptions {
  readonly objective: Objective;
  readonly data: DataMeasured;
  /** How long requests are measured. */
  readonly time: Ms;
  readonly meter: Meter;
  readonly seed: number;
  readonly progress: Progress;
}

const FEWER_VISITS = [0, 10] as const;
const CANDIDATES = [50, 100, 200, 500, 1000] as const;

export async function measureTradeoffs(system: System, options: TradeoffOptions): Promise<Tradeoffs> {
  const { objective, data, time, meter, seed, progress } = options;
  const conditions = conditionsOf(liveItems(system.catalog), system.settings.candidates);
  const costs = await measureRequests(system, {
    conditions,
    time,
    meter,
    random: new Random(`${seed}/tradeoffs`),
    progress,
  });
  progress.step("measure memory", system.rungs.length, "rungs");
  const rungs: RungTradeoffs[] = [];
  for (const [i, rung] of system.rungs.entries()) {
    const memoryBytes = await measureMemory(rung.files, conditions[0]);
    rungs.push(tradeoffsOf(rung, system, costs[i]!, memoryBytes));
    progress.update(i + 1);
  }
  const [first, ...others] = rungs.map(contenderOf);
  const choice = chooseRung([first!, ...others], objective);
  return {
    format: FORMAT,
    measuredAt: meter.clock.now(),
    data,
    machine: thisMachine(),
    objective: { ...objective, ...conditions[0] },
    metrics: system.metrics,
    rungs: choice.verdicts.map(({ rung }) => rungs.find(({ name }) => name === rung)!),
    choice,
  };
}

/** The objective's condition first; a catalogue of 30 items has 30 candidates, not 50. */
export function conditionsOf(
  live: number,
  configured: number,
): readonly [Condition, ...(readonly Condition[])] {
  const candidates = Math.max(1, Math.min(live, configured));
  return [
    { candidates, visits: MAX_VISITS },
    ...CANDIDATES.filter((n) => n <= live && n !== candidates).map((n) => ({
      candidates: n,
      visits: MAX_VISITS,
    })),
    ...FEWER_VISITS.map((visits) => ({ candidates, visits })),
  ];
}

function liveItems({ size, items }: Catalog): number {
  let live = 0;
  for (let row = 0; row < size; row++) live += items.live[row]!;
  return live;
}

function tradeoffsOf(
  rung: MeasuredRung,
  system: System,
  costs: readonly Cost[],
  memoryBytes: number,
): RungTradeoffs {
  const { name, noun, about, teacher, trainSeconds, files } = rung;
  const [cost, ...otherCosts] = costs;
  const known = (pairs: readonly (readonly [string, Spread | null])[]) =>
    Object.fromEntries(pairs.flatMap(([key, spread]) => (isKnown(spread) ? [[key, spread] as const] : [])));
  return {
    name,
    noun,
    about,
    teacher,
    trainSeconds,
    bytes: files.models.reduce((sum, { length }) => sum + length, 0),
    memoryBytes,
    quality: known(system.metrics.map((metric, i) => [metric, rung.quality[i] ?? null])),
    differences: known(
      system.rungs
        .filter((other) => other !== rung)
        .map((other) => [other.name, rung.differenceTo(other.name)]),
    ),
    cost: cost!,
    otherCosts,
  };
}

/** The interval of a mean over one user is infinite, and JSON has no infinities. */
function isKnown(spread: Spread | null): spread is Spread {
  return spread !== null && [spread.value, spread.lower, spread.upper].every(Number.isFinite);
}

function contenderOf(rung: RungTradeoffs): Contender {
  return {
    name: rung.name,
    p99Ms: rung.cost.p99Ms.value,
    cpuMs: rung.cost.cpuMs,
    differenceTo: (other) => rung.differences[other] ?? null,
  };
}

function thisMachine(): Machine {
  const [core] = cpus();
  return {
    cpu: core?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
  };
}
