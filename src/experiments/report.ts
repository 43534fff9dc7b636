/** What an experiment has shown so far, as numbers and in words. */
import type { EpochMs } from "../core/index.ts";
import { mixtureFor } from "./confidence.ts";
import type { Definition } from "./experiment.ts";
import type { Difference, Measurement } from "./measurement.ts";
import { METRICS } from "./outcomes.ts";
import { RATIO_ALPHA } from "./sample-ratio.ts";
import { type Verdict, verdictOf } from "./verdict.ts";

export interface ExperimentReport {
  /** Up to when; null where nobody came yet. */
  readonly measuredAt: EpochMs;
  readonly users: number;
  readonly arms: readonly ArmReport[];
  /** The one that decides is first. */
  readonly metrics: readonly MetricReport[];
  /** Whether as many users came to each arm as its share says. */
  readonly ratio: { readonly p: number; readonly mismatch: boolean; readonly alpha: number };
  readonly verdict: Verdict;
}

export interface ArmReport {
  readonly name: string;
  readonly users: number;
  readonly answers: number;
  /** Answers that the arm could not give, and that were as everybody's. */
  readonly fallbacks: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** Answers by rung. */
  readonly rungs: Readonly<Record<string, number>>;
}

export interface MetricReport {
  readonly name: string;
  readonly noun: string;
  readonly better: "more" | "less";
  readonly guardrail: boolean;
  /** By arm; null where there was nothing to count. */
  readonly values: readonly (number | null)[];
  /** How much more the second arm has; null where there is too little to say. */
  readonly difference: Difference | null;
}

export function mixtureOf({ smallest }: Pick<Definition, "smallest">): number {
  return mixtureFor(Math.log1p(smallest));
}

export function reportOf(experiment: Definition, measured: Measurement, now: EpochMs): ExperimentReport {
  const { arms, ratio, users } = measured;
  const metrics = METRICS.map((metric, m): MetricReport => {
    const { name, noun, better, guardrail } = metric;
    const values = arms.map((arm) => arm.estimate(m)?.value ?? null);
    return { name, noun, better, guardrail, values, difference: measured.difference(m) };
  });
  const primary = metrics.find(({ name }) => name === experiment.metric)!;
  const mismatch = ratio.mismatch;
  return {
    measuredAt: now,
    users,
    arms: arms.map((arm, a) => ({
      name: experiment.arms[a]!.name,
      users: arm.users,
      answers: Object.values(arm.rungs).reduce((sum, count) => sum + count, 0),
      fallbacks: arm.fallbacks,
      p50Ms: arm.times.quantile(0.5),
      p99Ms: arm.times.quantile(0.99),
      rungs: { ...arm.rungs },
    })),
    metrics: [primary, ...metrics.filter((metric) => metric !== primary)],
    ratio: { p: ratio.p, mismatch, alpha: RATIO_ALPHA },
    verdict: verdictOf(experiment, {
      primary,
      guardrails: metrics.filter(({ guardrail }) => guardrail),
      users,
      mismatch,
      perArm: arms.map((arm) => arm.users),
    }),
  };
}
