/**
 * What users do in each arm, as ratios: long watches per item shown, minutes per user.
 *
 * Users are what was assigned by chance, so they are what is counted: a metric is sum(n) / sum(d) over users, and its
 * variance is that of the users' residuals n - R d (the delta method; "clustered by user"). A user who goes on acting
 * replaces the own contribution, so the sums are those of everybody up to now.
 */
import { LogHistogram } from "./log-histogram.ts";

/** What is counted of a user since the first slate in the experiment. */
export interface Counts {
  feeds: number;
  /** Slots of these slates. */
  shown: number;
  clicks: number;
  watches: number;
  longWatches: number;
  /** Sum of shares watched. */
  watchedShare: number;
  minutes: number;
  approvals: number;
  vetoes: number;
  /** Slates on the best rung. */
  full: number;
  ms: number;
}

export const noCounts = (): Counts => ({
  feeds: 0,
  shown: 0,
  clicks: 0,
  watches: 0,
  longWatches: 0,
  watchedShare: 0,
  minutes: 0,
  approvals: 0,
  vetoes: 0,
  full: 0,
  ms: 0,
});

export interface Metric {
  readonly name: string;
  /** Follows "3 % more". */
  readonly noun: string;
  /** Whether more of it is what one wants. */
  readonly better: "more" | "less";
  /** About the system rather than about what users do. */
  readonly guardrail: boolean;
  readonly of: (counts: Counts) => number;
  readonly per: (counts: Counts) => number;
}

const shown = ({ shown: slots }: Counts) => slots;
const one = () => 1;
const outcome = { better: "more", guardrail: false } as const;

export const METRICS: readonly Metric[] = [
  {
    ...outcome,
    name: "long-watch-rate",
    noun: "long watches per item shown",
    of: (c) => c.longWatches,
    per: shown,
  },
  {
    ...outcome,
    name: "click-rate",
    noun: "items opened per item shown",
    // A platform that plays at once has watches and no clicks.
    of: (c) => Math.max(c.clicks, c.watches),
    per: shown,
  },
  {
    ...outcome,
    name: "watch-share",
    noun: "of each video watched",
    of: (c) => c.watchedShare,
    per: (c) => c.watches,
  },
  {
    ...outcome,
    name: "approval-rate",
    noun: "likes and other approval per item shown",
    of: (c) => c.approvals,
    per: shown,
  },
  { ...outcome, name: "watch-minutes", noun: "minutes watched per user", of: (c) => c.minutes, per: one },
  { ...outcome, name: "feeds", noun: "feeds asked for per user", of: (c) => c.feeds, per: one },
  {
    name: "veto-rate",
    noun: "dislikes, hides and blocks per item shown",
    better: "less",
    guardrail: true,
    of: (c) => c.vetoes,
    per: shown,
  },
  {
    name: "full-rung",
    noun: "answers on the best rung",
    better: "more",
    guardrail: true,
    of: (c) => c.full,
    per: (c) => c.feeds,
  },
  {
    name: "response-time",
    noun: "milliseconds per answer",
    better: "less",
    guardrail: true,
    of: (c) => c.ms,
    per: (c) => c.feeds,
  },
];

/** Of one metric in one arm. */
interface Sums {
  n: number;
  d: number;
  nn: number;
  nd: number;
  dd: number;
}

export interface Estimate {
  readonly value: number;
  readonly se: number;
}

/** The users of one arm. */
export class ArmOutcomes {
  readonly rungs: Record<string, number> = {};
  readonly times = new LogHistogram();
  /** Slates of users of the arm that the arm could not answer. */
  fallbacks = 0;
  users = 0;
  private readonly sums: readonly Sums[] = METRICS.map(() => ({ n: 0, d: 0, nn: 0, nd: 0, dd: 0 }));

  /** Adds a user's counts (`sign` 1), or takes them out again (-1). */
  count(counts: Counts, sign: 1 | -1): void {
    this.users += sign;
    for (let m = 0; m < METRICS.length; m++) {
      const { of, per } = METRICS[m]!;
      const n = of(counts);
      const d = per(counts);
      const sums = this.sums[m]!;
      sums.n += sign * n;
      sums.d += sign * d;
      sums.nn += sign * n * n;
      sums.nd += sign * n * d;
      sums.dd += sign * d * d;
    }
  }

  /** The ratio of a metric (its index in METRICS) and its standard error; null where nothing was there to count. */
  estimate(metric: number): Estimate | null {
    const { n, d, nn, nd, dd } = this.sums[metric]!;
    if (!(d > 0) || this.users < 2) return null;
    const value = n / d;
    const residuals = Math.max(0, nn - 2 * value * nd + value * value * dd);
    return { value, se: Math.sqrt((this.users / (this.users - 1)) * residuals) / d };
  }
}
