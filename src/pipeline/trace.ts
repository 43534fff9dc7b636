/** What a request says of its stages: how long each took, what came in and out, and why something is missing. */
import type { Clock, Ms } from "../core/index.ts";
import type { Reason, Stage, StageTrace } from "./recommender.ts";

/** What a stage hands back: its value, how many came out, and whether a fallback answered. */
export interface Staged<T> {
  readonly value: T;
  readonly out: number;
  readonly fallback?: Reason;
}

export class Trace {
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
