/** Trade-offs made of a few numbers a rung, for what reads them. */
import type { EpochMs } from "../../src/core/index.ts";
import { type Contender, chooseRung } from "../../src/release/choose-rung.ts";
import type { Cost } from "../../src/release/measure-requests.ts";
import type { Spread } from "../../src/release/spread.ts";
import type { RungTradeoffs, Tradeoffs } from "../../src/release/tradeoffs.ts";

export interface RungSpec {
  readonly name: string;
  /** Mean of the deciding metric; null where there is none. */
  readonly quality: number | null;
  readonly p99: number;
  readonly cpu: number;
  readonly noun?: string;
}

export interface TradeoffSpec {
  readonly rungs: readonly [RungSpec, ...RungSpec[]];
  readonly p99Ms?: number;
  readonly margin?: number;
  /** Half-width of the intervals of paired differences; pairs have none where it is null. */
  readonly noise?: number | null;
  readonly candidates?: number;
  readonly otherCosts?: (spec: RungSpec) => readonly Cost[];
}

export const around = (value: number, halfWidth: number): Spread => ({
  value,
  lower: value - halfWidth,
  upper: value + halfWidth,
});

export function costOf(p99: number, cpu: number, more: Partial<Cost> = {}): Cost {
  return {
    candidates: 500,
    visits: 50,
    requests: 200,
    rounds: 6,
    ranked: 500,
    p50Ms: around(p99 * 0.48, p99 * 0.02),
    p99Ms: around(p99, p99 * 0.08),
    rankP50Ms: around(p99 * 0.3, p99 * 0.02),
    rankP99Ms: around(p99 * 0.4, p99 * 0.02),
    cpuMs: around(cpu, cpu * 0.02),
    requestsPerSecondAndCore: 1000 / cpu,
    ...more,
  };
}

export function madeTradeoffs(spec: TradeoffSpec): Tradeoffs {
  const { p99Ms = 50, margin = 0.2, noise = 0.001, candidates = 500 } = spec;
  const rungs = spec.rungs.map((rung): RungTradeoffs => {
    const others = spec.rungs.filter(({ name }) => name !== rung.name);
    return {
      name: rung.name,
      noun: rung.noun ?? `the ${rung.name}`,
      about: `what ${rung.name} is`,
      teacher: false,
      trainSeconds: 12.3,
      bytes: 123_456,
      memoryBytes: 7_654_321,
      quality: rung.quality === null ? {} : { "NDCG@10": around(rung.quality, 0.004) },
      differences: Object.fromEntries(
        others.flatMap(({ name, quality }) =>
          noise === null || quality === null || rung.quality === null
            ? []
            : [[name, around(rung.quality - quality, noise)]],
        ),
      ),
      cost: costOf(rung.p99, rung.cpu, { candidates, ranked: candidates }),
      otherCosts: spec.otherCosts?.(rung) ?? [],
    };
  });
  const [first, ...others] = rungs.map(
    (rung): Contender => ({
      name: rung.name,
      p99Ms: rung.cost.p99Ms.value,
      cpuMs: rung.cost.cpuMs,
      differenceTo: (other) => rung.differences[other] ?? null,
    }),
  );
  const choice = chooseRung([first!, ...others], { p99Ms, margin });
  return {
    format: 1,
    measuredAt: Date.UTC(2026, 0, 1) as EpochMs,
    data: { name: "made", split: "time:0.9", users: 100, items: 1, interactions: 12_345, tests: 2_000 },
    machine: { cpu: "a core", cores: 2, memoryGiB: 4, node: "v20.19.0", platform: "linux x64" },
    objective: { p99Ms, margin, candidates, visits: 50 },
    metrics: ["NDCG@10"],
    rungs: choice.verdicts.map(({ rung }) => rungs.find(({ name }) => name === rung)!),
    choice,
  };
}

/** The ladder as it may come out on a log of impressions. */
export const LADDER: TradeoffSpec["rungs"] = [
  { name: "popularity", quality: 0.552, p99: 24, cpu: 11.1, noun: "popularity" },
  { name: "logistic", quality: 0.671, p99: 25, cpu: 11.6, noun: "the logistic regression" },
  { name: "feature-network", quality: 0.685, p99: 26.5, cpu: 12.4, noun: "the feature network" },
  { name: "target-attention", quality: 0.691, p99: 31, cpu: 15, noun: "the target-attention network" },
  { name: "transformer", quality: 0.699, p99: 58, cpu: 34, noun: "the transformer" },
  { name: "ensemble", quality: 0.7055, p99: 212, cpu: 190, noun: "the ensemble" },
  { name: "student", quality: 0.7032, p99: 28.4, cpu: 13.8, noun: "the student" },
  { name: "student-int8", quality: 0.7027, p99: 27.9, cpu: 13.4, noun: "the int8 student" },
];
