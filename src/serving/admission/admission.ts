/**
 * Which request is answered when, how well, and which one not at all.
 *
 * Every request waits in a line that can be seen, one line a lane, and a turn of the event loop takes out one request, or
 * a few that are answered cheaply; one a turn computes for long (long-turns.ts). Between two turns the loop reads what has
 * come in on the sockets: what is not in the line would wait in the kernel, where nobody knows how old it is. Three things
 * keep the answers in time, in this order:
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
import { LongTurns } from "./long-turns.ts";
import { SlowAnswers } from "./slow-answers.ts";
import { type Waiting, WaitingLine } from "./waiting-line.ts";

/** Share of the budget after which a full answer is not begun at the latest, and at the soonest (guesses). */
export const LATE_AFTER = 0.6;
const LATE_NOT_BEFORE = 0.1;
/**
 * Where so many of the newest requests got a cheap answer, full ones have to be there within a smaller share of the
 * budget (guesses): one more of them late is worth nothing to those who get none.
 */
const RUSH = 0.1;
const WITHIN_IN_A_RUSH = 0.8;
/** Share of it that a newcomer may be expected to wait; the rest is for the answer and for noise. */
const WAIT_AT_MOST = 0.7;
/** Budgets after which nobody waits for an answer any more (guess); up to then a late one is better than none. */
const OVER_AFTER = 4;
/** Weight of the newest request in the share of those that got a cheap answer; a second without any, and it is calm. */
const NEWEST = 0.02;
const CALM_AFTER_MS = 1_000;
/** Requests that a turn begins to answer cheaply, and that it looks at, some of which nobody waits for: its work, not more. */
const CHEAP_A_TURN = 4;
const LOOKED_AT_A_TURN = 16;
/** Requests that have been read as far as to compute next: the others wait in the line (guess). */
const AHEAD = 2;

/** Why a request was not answered; all but `gone` are told to the client as `overloaded`. */
export type Rejection = "line_full" | "too_late" | "expired" | "connection_busy" | "gone";

/** A request that waits. */
export interface Job extends Waiting {
  readonly lane: Lane;
  /** Whether nobody waits for the answer any more. */
  gone(): boolean;
  /** Its turn has come. */
  start(grant: Grant): void;
  /** Its time is over. */
  refuse(reason: Rejection): void;
}

/** What a request may do whose turn has come. */
export interface Grant {
  /** 1 where the answer is to be the cheapest one, else 0. */
  readonly pressure: number;
  /** Milliseconds in the line. */
  readonly waited: Ms;
  /** To be waited for before anything is computed for milliseconds; resolves with the pressure by then. */
  readonly turn: () => Promise<number>;
  /** To be waited for between two parts of that. */
  readonly pause: () => Promise<void>;
  /** To be called once when the answer is there. */
  readonly done: () => void;
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
  /** Of answers that compute for long. */
  readonly turns: LongTurns;
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
    this.turns = new LongTurns(parts.clock, () => this.schedule());
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
    if (line.age(this.parts.clock.monotonic()) < LATE_AFTER * patience) return undefined;
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
    let cheap = 0;
    for (let looked = 0; looked < LOOKED_AT_A_TURN && cheap < CHEAP_A_TURN; looked++) {
      const now = this.parts.clock.monotonic();
      const state = this.nextLane(now) ?? this.lateLane(now);
      if (state === undefined) {
        this.wakeLater(now);
        return;
      }
      const what = this.starts(state.line.shift(now)!, state, now);
      if (what === "whole") break;
      if (what === "cheap") cheap++;
    }
    if (this.states.some(({ line }) => line.length > 0)) this.schedule();
  };

  /** One whose oldest request has waited too long, although there is no room to answer it. */
  private lateLane(now: Ms): LaneState | undefined {
    return this.states.find(({ line }) => line.left(now) <= 0);
  }

  /** Somebody waits for room that may not come: who is late is told so then, and not only at the next turn. */
  private wakeLater(now: Ms): void {
    clearTimeout(this.alarm);
    this.alarm = undefined;
    const times = this.states.flatMap(({ line, limit }) => [
      line.left(now),
      // Who is too late for a full answer already waits for something else.
      ...(limit !== undefined && this.untilLate(line, now) > 0 ? [this.untilLate(line, now)] : []),
    ]);
    const left = Math.min(...times);
    if (left === Number.POSITIVE_INFINITY) return;
    this.alarm = setTimeout(() => {
      this.alarm = undefined;
      this.schedule();
    }, left);
  }

  /** The one with work and room whose turn comes first. */
  private nextLane(now: Ms): LaneState | undefined {
    let next: LaneState | undefined;
    for (const state of this.states) {
      if (state.line.length === 0 || state.atOnce >= (state.limit?.value ?? state.cap)) continue;
      if (state.limit !== undefined && this.turns.depth >= AHEAD && this.untilLate(state.line, now) > 0)
        continue;
      if (next === undefined || state.pass < next.pass) next = state;
    }
    return next;
  }

  /** Starts it, unless nobody waits for it or its time is over. */
  private starts(job: Job, state: LaneState, now: Ms): "nothing" | "cheap" | "whole" {
    const waited = (now - job.since) as Ms;
    if (job.gone()) {
      this.parts.metrics.countRejection("gone");
      return "nothing";
    }
    this.parts.metrics.observeWait(job.lane, waited);
    if (state.line.leftOf(job, now) <= 0) {
      this.parts.metrics.countRejection("expired");
      job.refuse("expired");
      return "nothing";
    }
    this.passed = state.pass;
    state.pass += state.stride;
    state.atOnce++;
    const adapts = state.limit !== undefined;
    let late = adapts && this.isLate(job, now);
    // Who computes for long is timed from there on.
    let began = now;
    const turn = async () => {
      late ||= await this.turns.take(job.since, () => this.isLate(job, this.parts.clock.monotonic()));
      began = this.parts.clock.monotonic();
      return late ? 1 : 0;
    };
    if (late || !adapts) state.line.counts(now);
    let over = false;
    const done = () => {
      if (over) return;
      over = true;
      state.atOnce--;
      if (adapts) this.learn(late, began, state);
      if (state.line.length > 0) this.schedule();
    };
    job.start({ pressure: late ? 1 : 0, waited, turn, pause: () => this.turns.pause(), done });
    return late ? "cheap" : "whole";
  }

  private learn(late: boolean, began: Ms, { limit, atOnce }: LaneState): void {
    const now = this.parts.clock.monotonic();
    this.pressed += NEWEST * ((late ? 1 : 0) - this.pressed);
    if (late) this.pressedAt = now;
    // What is answered cheaply says nothing about how long an answer usually takes.
    if (late) return;
    const ms = (now - began) as Ms;
    limit?.observe(ms, atOnce + 1);
    this.slow.observe(ms, now);
  }

  private isLate(job: Waiting, now: Ms): boolean {
    return now - job.since >= this.lateAfter(job, now);
  }

  /** Milliseconds until the oldest one in the line is too late for a full answer. */
  private untilLate(line: WaitingLine<Job>, now: Ms): number {
    return line.oldest === undefined
      ? Number.POSITIVE_INFINITY
      : line.oldest.since + this.lateAfter(line.oldest, now) - now;
  }

  /** Milliseconds after which a full answer that has not begun to be computed would be too late. */
  private lateAfter({ budget: own }: Waiting, now: Ms): number {
    const budget = Math.min(own, this.parts.budgetMs);
    const within = this.pressed > RUSH ? WITHIN_IN_A_RUSH : 1;
    return Math.max(
      LATE_NOT_BEFORE * budget,
      Math.min(LATE_AFTER * budget, within * budget - this.slow.ms(now)),
    );
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
