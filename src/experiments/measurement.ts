/**
 * An experiment as the log tells it: a fold of what its users were shown and did, event by event.
 *
 * A user comes in with the first slate that says an arm, and from then on everything counts that the user does, whether
 * it answers a slate or not: what one arm takes away from elsewhere must not look like a gain. The arm is the one that
 * was assigned, also where it could not be served.
 */
import type { Catalog } from "../catalog/index.ts";
import type { EpochMs, Ms, UserId } from "../core/index.ts";
import {
  ACTIONS,
  actionsOf,
  type Impression,
  type Interaction,
  isVeto,
  type LoggedEvent,
} from "../events/index.ts";
import { halfWidth } from "./confidence.ts";
import type { Arm } from "./experiment.ts";
import { ArmOutcomes, type Counts, type Estimate, METRICS, noCounts } from "./outcomes.ts";
import { SampleRatio } from "./sample-ratio.ts";
import { servedIn } from "./served.ts";

/** Users that each arm needs before an interval is drawn: what holds in the limit holds well enough (simulated). */
export const FEWEST_USERS = 50;

/** How much more of a metric the second arm has, as a share of the first arm's. */
export interface Difference {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
}

export interface HistoryPoint extends Difference {
  readonly time: EpochMs;
  readonly users: number;
}

/** The part of an experiment that measuring knows. */
export interface Measured {
  readonly name: string;
  readonly arms: readonly Arm[];
}

/** The differences at a moment, by metric in the order of METRICS. */
interface Point {
  readonly time: EpochMs;
  readonly users: number;
  readonly differences: readonly (Difference | null)[];
}

const LONG_WATCH = 1 << ACTIONS.findIndex(({ name }) => name === "long-watch");
const APPROVE = 1 << ACTIONS.findIndex(({ name }) => name === "approve");
/** More points than anybody sees. When there are as many, every second one goes. */
const MOST_POINTS = 200;
const FIRST_STEP = 2_000 as Ms;

interface Member {
  readonly arm: number;
  readonly counts: Counts;
}

export class Measurement {
  readonly arms: readonly ArmOutcomes[];
  readonly ratio: SampleRatio;
  private readonly experiment: Measured;
  private readonly mixture: number;
  private readonly items: Pick<Catalog, "rowOf" | "items">;
  private readonly members = new Map<UserId, Member>();
  private history: Point[] = [];
  /** Whether there was enough for an interval. */
  private begun = false;
  private step = FIRST_STEP;

  /** @param mixture see confidence.ts */
  constructor(experiment: Measured, mixture: number, items: Pick<Catalog, "rowOf" | "items">) {
    this.experiment = experiment;
    this.mixture = mixture;
    this.items = items;
    this.arms = experiment.arms.map(() => new ArmOutcomes());
    this.ratio = new SampleRatio(experiment.arms.map(({ share }) => share));
  }

  get users(): number {
    return this.members.size;
  }

  /** The difference in a metric (by its index) at moments up to `now`, oldest first. */
  historyOf(metric: number, now: EpochMs): readonly HistoryPoint[] {
    return [...this.history, this.point(now)].flatMap(({ time, users, differences }) => {
      const difference = differences[metric];
      return difference == null ? [] : [{ time, users, ...difference }];
    });
  }

  apply(batch: readonly LoggedEvent[]): void {
    for (const { event } of batch) {
      if (event.kind === "impression") this.shown(event);
      else if (event.kind === "interaction") this.did(event);
      else if (event.kind === "erasure") this.forget(event.user);
    }
  }

  /** Of a metric by its index; null where one of the arms has too little. */
  difference(metric: number): Difference | null {
    if (!this.isEnough) return null;
    const [a, b] = this.arms as [ArmOutcomes, ArmOutcomes];
    return relative(a.estimate(metric), b.estimate(metric), this.mixture);
  }

  private get isEnough(): boolean {
    return this.arms.every(({ users }) => users >= FEWEST_USERS);
  }

  private point(time: EpochMs): Point {
    return { time, users: this.users, differences: METRICS.map((_, m) => this.difference(m)) };
  }

  private shown(event: Impression): void {
    const served = servedIn(event.context?.request);
    const entry = served?.arms.find(({ experiment }) => experiment === this.experiment.name);
    const arm = this.experiment.arms.findIndex(({ name }) => name === entry?.arm);
    if (served === undefined || entry === undefined || arm < 0) return;
    const outcomes = this.arms[arm]!;
    const rung = event.rung ?? "";
    outcomes.rungs[rung] = (outcomes.rungs[rung] ?? 0) + 1;
    outcomes.times.add(served.ms);
    if (!entry.served) outcomes.fallbacks++;
    if (!this.members.has(event.user)) {
      this.members.set(event.user, { arm, counts: noCounts() });
      outcomes.count(noCounts(), 1);
      this.ratio.add(arm);
    }
    this.change(event.user, (counts) => {
      counts.feeds++;
      counts.shown += event.slots.length;
      counts.ms += served.ms;
      if (rung === "full") counts.full++;
    });
    this.remember(event.time);
  }

  private did({ user, item, type, value = Number.NaN }: Interaction): void {
    if (!this.members.has(user)) return;
    const row = this.items.rowOf(item);
    const duration = row === undefined ? Number.NaN : this.items.items.duration[row]!;
    const actions = actionsOf(type, value, duration);
    this.change(user, (counts) => {
      if (type === "click") counts.clicks++;
      if (type === "watch") {
        counts.watches++;
        if (value >= 0) {
          counts.watchedShare += value;
          if (duration > 0) counts.minutes += (value * duration) / 60;
        }
      }
      if (actions & LONG_WATCH) counts.longWatches++;
      if (actions & APPROVE) counts.approvals++;
      if (isVeto(type)) counts.vetoes++;
    });
  }

  private forget(user: UserId): void {
    const member = this.members.get(user);
    if (member === undefined) return;
    this.arms[member.arm]!.count(member.counts, -1);
    this.members.delete(user);
  }

  private change(user: UserId, act: (counts: Counts) => void): void {
    const { arm, counts } = this.members.get(user)!;
    const outcomes = this.arms[arm]!;
    outcomes.count(counts, -1);
    act(counts);
    outcomes.count(counts, 1);
  }

  private remember(time: EpochMs): void {
    const newest = this.history.at(-1);
    // The first interval that there is, and then one at each step.
    const first = !this.begun && this.isEnough;
    this.begun ||= first;
    if (!first && newest !== undefined && time < newest.time + this.step) return;
    this.history.push(this.point(time));
    if (this.history.length < MOST_POINTS) return;
    this.history = this.history.filter((_, i) => i % 2 === 1);
    this.step = (2 * this.step) as Ms;
  }
}

/** b / a - 1, with the interval of the logarithm of the ratio, whose error does not know the metric's unit. */
function relative(a: Estimate | null, b: Estimate | null, mixture: number): Difference | null {
  if (a === null || b === null || !(a.value > 0) || !(b.value > 0)) return null;
  const log = Math.log(b.value / a.value);
  const half = halfWidth(Math.hypot(a.se / a.value, b.se / b.value), mixture);
  if (!Number.isFinite(half)) return null;
  return { value: Math.expm1(log), lower: Math.expm1(log - half), upper: Math.expm1(log + half) };
}
