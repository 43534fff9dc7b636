/**
 * Which request is answered when, how well, and which one not at all.
 *
 * Every request waits in a line that can be seen, one line a lane, and one request is taken out a turn of the event
 * loop. Between two turns the loop reads what has come in on the sockets: what is not in the line would wait in the
 * kernel, where nobody knows how old it is. Three things keep the answers in time, in this order:
 *
 * 1. `ConcurrencyLimit`: as many at once as make no request slower; the others stay in the line.
 * 2. Pressure: who has waited so long that a full answer would be late, as the slow ones among them go at the moment,
 *    gets the cheapest answer, everybody else the best one. While more comes in than can be answered in full, the line
 *    stays as long as that, and what is left of the time after the cheap answers goes into full ones: no rate has to be
 *    estimated for that.
 * 3. Refusal, where even cheap answers would come too late: at once, before a body is read, by the length of the line
 *    and its pace; and in the line, when nobody can still be waiting.
 */
import type { Clock, Ms } from "../../core/index.ts";
import { ConcurrencyLimit } from "./concurrency-limit.ts";
import { LANE_RULES, LANES, type Lane } from "./lanes.ts";
import { SlowAnswers } from "./slow-answers.ts";
import { type Waiting, WaitingLine } from "./waiting-line.ts";

/** Share of the budget after which a request in the line gets a cheap answer at the latest, and at the soonest (guesses). */
export const CHEAP_AFTER = 0.4;
const CHEAP_NOT_BEFORE = 0.1;
/** Share of it in which a full answer has to be there; the rest is for writing it and for noise (guess). */
const FULL_WITHIN = 0.85;
/** Share of it that a newcomer may be expected to wait; the rest is for the answer and for noise. */
const WAIT_AT_MOST = 0.7;
/** Budgets after which nobody waits for an answer any more (guess); up to then a late one is better than none. */
const OVER_AFTER = 4;
/** Weight of the newest request in the share of those that got a cheap answer; a second without any, and it is calm. */
const NEWEST = 0.02;
const CALM_AFTER_MS = 1_000;
/** Requests of a turn that are dropped because their time is over or their client gone: a turn's work, not more. */
const DROPPED_A_TURN = 16;

/** Why a request was not answered; all but `gone` are told to the client as `overloaded`. */
export type Rejection = "line_full" | "too_late" | "expired" | "connection_busy" | "gone";

/** A request that waits. */
export interface Job extends Waiting {
  readonly lane: Lane;
  /** Whether nobody waits for the answer any more. */
  gone(): boolean;
  /** Its turn has come; `done` is to be called once when the answer is there. */
  start(pressure: number, waited: Ms, done: () => void): void;
  /** Its time is over. */
  refuse(reason: Rejection): void;
}

interface LaneFigures {
  readonly depth: number;
  /** Milliseconds that the oldest one has waited. */
  readonly age: Ms;
  readonly atOnce: number;
  readonly limit: number;
}

export interface AdmissionFigures {
  readonly lanes: Readonly<Record<Lane, LaneFigures>>;
  /** Share of the newest interactive requests that got the cheapest answer; 0 where none did in the last second. */
  readonly pressure: number;
}

interface AdmissionParts {
  readonly clock: Clock;
  /** Milliseconds that an interactive request may take, where it does not say so itself. */
  readonly budgetMs: Ms;
  /** Requests that may wait in one lane. */
  readonly maxWaiting: number;
  readonly metrics: {
    observeWait(lane: Lane, ms: Ms): void;
    countRejection(reason: Rejection): void;
  };
}

interface LaneState {
  readonly line: WaitingLine<Job>;
  readonly limit: ConcurrencyLimit | undefined;
  readonly cap: number;
  readonly stride: number;
  /** Virtual time of its next turn: stride scheduling (Waldspurger and Weihl, 1995). */
  pass: number;
  atOnce: number;
}

export class Admission {
  private readonly parts: AdmissionParts;
  private readonly lanes: Readonly<Record<Lane, LaneState>>;
  private readonly states: readonly LaneState[];
  private readonly slow = new SlowAnswers();
  private scheduled = false;
  private alarm: NodeJS.Timeout | undefined;
  private passed = 0;
  private pressed = 0;
  private pressedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: AdmissionParts) {
    this.parts = parts;
    this.lanes = Object.fromEntries(LANES.map((lane) => [lane, stateOf(lane)])) as Record<Lane, LaneState>;
    this.states = Object.values(this.lanes);
  }

  /** Why a request that has just come should not even be read; undefined where it may enter. */
  refusalOf(lane: Lane | undefined): Rejection | undefined {
    if (lane === undefined) return undefined;
    const { line } = this.lanes[lane];
    if (line.length >= this.parts.maxWaiting) return "line_full";
    const patience = this.patienceOf(lane);
    // A pace that was learned from one long pause refuses nobody while the line is short.
    if (line.age(this.parts.clock.monotonic()) < CHEAP_AFTER * patience) return undefined;
    return line.expectedWait() > WAIT_AT_MOST * patience ? "too_late" : undefined;
  }

  /** Puts a request at the end of its line. */
  enter(job: Job): void {
    const state = this.lanes[job.lane];
    if (state.line.length === 0) state.pass = Math.max(state.pass, this.passed);
    state.line.push(job);
    this.schedule();
  }

  countRejection(reason: Rejection): void {
    this.parts.metrics.countRejection(reason);
  }

  /** Milliseconds after which the line of a lane is over, as far as is known. */
  clearedIn(lane: Lane | undefined): Ms {
    return lane === undefined ? (0 as Ms) : this.lanes[lane].line.expectedWait();
  }

  /** How long a request of the lane may wait where it does not say so itself. */
  patienceOf(lane: Lane): Ms {
    return (LANE_RULES[lane].patienceMs ?? this.parts.budgetMs) as Ms;
  }

  figures(): AdmissionFigures {
    const now = this.parts.clock.monotonic();
    const figuresOf = ({ line, atOnce, limit, cap }: LaneState): LaneFigures => ({
      depth: line.length,
      age: line.age(now),
      atOnce,
      limit: limit?.value ?? cap,
    });
    const lanes = Object.fromEntries(LANES.map((lane) => [lane, figuresOf(this.lanes[lane])]));
    return {
      lanes: lanes as Record<Lane, LaneFigures>,
      pressure: now - this.pressedAt > CALM_AFTER_MS ? 0 : this.pressed,
    };
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(this.turn);
  }

  private readonly turn = (): void => {
    this.scheduled = false;
    for (let dropped = 0; dropped < DROPPED_A_TURN; dropped++) {
      const now = this.parts.clock.monotonic();
      const state = this.nextLane() ?? this.lateLane(now);
      if (state === undefined) {
        this.wakeLater(now);
        return;
      }
      if (this.starts(state.line.shift(now)!, state, now)) break;
    }
    if (this.states.some(({ line }) => line.length > 0)) this.schedule();
  };

  /** One whose oldest request has waited too long, although there is no room to answer it. */
  private lateLane(now: Ms): LaneState | undefined {
    return this.states.find(({ line }) => line.left(now) <= 0);
  }

  /** Somebody waits for room that may not come: who is late is told so then, and not only at the next turn. */
  private wakeLater(now: Ms): void {
    if (this.alarm !== undefined) return;
    const left = Math.min(...this.states.map(({ line }) => line.left(now)));
    if (left === Number.POSITIVE_INFINITY) return;
    this.alarm = setTimeout(() => {
      this.alarm = undefined;
      this.schedule();
    }, left);
  }

  /** The one with work and room whose turn comes first. */
  private nextLane(): LaneState | undefined {
    let next: LaneState | undefined;
    for (const state of this.states) {
      if (state.line.length === 0 || state.atOnce >= (state.limit?.value ?? state.cap)) continue;
      if (next === undefined || state.pass < next.pass) next = state;
    }
    return next;
  }

  /** Starts it, unless nobody waits for it or its time is over. */
  private starts(job: Job, state: LaneState, now: Ms): boolean {
    const waited = (now - job.since) as Ms;
    if (job.gone()) {
      this.parts.metrics.countRejection("gone");
      return false;
    }
    this.parts.metrics.observeWait(job.lane, waited);
    if (state.line.leftOf(job, now) <= 0) {
      this.parts.metrics.countRejection("expired");
      job.refuse("expired");
      return false;
    }
    this.passed = state.pass;
    state.pass += state.stride;
    state.atOnce++;
    const pressure = this.pressureOn(job, state, waited);
    if (pressure > 0 || state.limit === undefined) state.line.counts(now);
    let over = false;
    job.start(pressure, waited, () => {
      if (over) return;
      over = true;
      const ms = (this.parts.clock.monotonic() - now) as Ms;
      // What is answered cheaply says nothing about how long an answer usually takes.
      if (pressure === 0 && state.limit !== undefined) {
        state.limit.observe(ms, state.atOnce);
        this.slow.observe(Math.min(ms, this.parts.budgetMs) as Ms);
      }
      state.atOnce--;
      if (state.line.length > 0) this.schedule();
    });
    return true;
  }

  private pressureOn(job: Job, state: LaneState, waited: Ms): number {
    if (state.limit === undefined) return 0;
    const budget = Math.min(job.budget, this.parts.budgetMs);
    const inTime = Math.max(CHEAP_NOT_BEFORE * budget, FULL_WITHIN * budget - this.slow.ms);
    const pressure = waited < Math.min(CHEAP_AFTER * budget, inTime) ? 0 : 1;
    this.pressed += NEWEST * (pressure - this.pressed);
    if (pressure > 0) this.pressedAt = job.since + waited;
    return pressure;
  }
}

function stateOf(lane: Lane): LaneState {
  const { weight, atOnce } = LANE_RULES[lane];
  return {
    line: new WaitingLine(OVER_AFTER),
    limit: atOnce === undefined ? new ConcurrencyLimit() : undefined,
    cap: atOnce ?? 0,
    stride: 1 / weight,
    pass: 0,
    atOnce: 0,
  };
}
