/**
 * A remote store within reach of a request: it may be slow, hang, fail or come back empty, and a request loses at most
 * some milliseconds to it and never gets a wrong state.
 *
 * Events are applied in memory and written to the store behind (write-behind.ts). A read asks the store and adds what
 * the store cannot have yet (near-overlay.ts): the state of exactly the events that were applied here. Where the store
 * does not answer in time, the user's copy (near-copies.ts) is the same state; where there is none either, the read
 * fails, and the caller knows that it knows nothing. After some failures in a row the store is not asked any more until
 * it answers a probe (circuit-breaker.ts).
 */
import { type Clock, type Offset, systemClock, UpnextError, type UserId } from "../core/index.ts";
import type { EventLog, LoggedEvent } from "../events/index.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import { changeState, changesOf, type UserChange } from "./fold-batch.ts";
import { withoutExpired } from "./merge-touches.ts";
import { Copies } from "./near-copies.ts";
import { Overlay } from "./near-overlay.ts";
import { Pause } from "./pause.ts";
import type { StateStore } from "./state-store.ts";
import type { StateLimits, UserState } from "./user-state.ts";
import { WriteBehind } from "./write-behind.ts";
import type { BaseStates } from "./write-states.ts";

/** Of a request's 50 ms, what one read may cost; a round trip in a data centre takes less than one. */
const TIMEOUT_MS = 8;
/** Failures in a row after which the store is not asked any more (guess: more than one lost connection has). */
const FAILURES = 5;
const PROBE_MS = 100;
/**
 * How long what was applied waits for more of its kind before it is written. Nobody waits for that, and each write begins
 * with a read of the log: measured, half a millisecond of CPU.
 */
const GATHER_MS = 50;
/** From one look at what another process has written to the next. */
const POLL_MS = 20;
/** From a failed write to the next. */
const RETRY_MS = 100;
const COPY_BYTES = 64 * 2 ** 20;
/** Some 40 MB of touches. */
const OVERLAY_TOUCHES = 200_000;
/** A write of what waits takes milliseconds; after so long, it is not going to happen. */
const FLUSH_LIMIT_MS = 2000;

export interface NearStoreOptions {
  /** Where what the store lacks is read from. */
  readonly log: Pick<EventLog, "first" | "read">;
  /** False where another process writes to the store, and this one only reads it. */
  readonly writes: boolean;
  readonly clock?: Clock;
  /** What one read may cost. Default 8. */
  readonly timeoutMs?: number;
  /** For the copies of states. Default 64 MiB. */
  readonly copyBytes?: number;
  /** Touches that are kept until the store has them. Default 200,000. */
  readonly overlayTouches?: number;
  /** What the store is filled with where the log no longer begins at 0. */
  readonly base?: () => Promise<BaseStates | undefined>;
}

export interface NearHealth {
  /** `open`: the store is not asked, since it does not answer. `filling`: it does not have everybody's state yet. */
  readonly state: "ok" | "open" | "filling";
  /** Events that were applied here and are not in the store. */
  readonly behind: number;
  /** Touches and erasures among them that are kept here. */
  readonly kept: number;
  /** What failed last, while it does. */
  readonly problem: string | null;
  /** Users of whom there is a copy. */
  readonly copies: number;
  readonly copyBytes: number;
}

/** What happened since the start. */
export interface NearCounters {
  /** Each ended in one of `answered`, `fromCopies` and `rejected`. */
  readonly reads: number;
  /** By the store. */
  readonly answered: number;
  readonly fromCopies: number;
  readonly rejected: number;
  /** Of what was asked of the store: not in time, and with an error. */
  readonly timeouts: number;
  readonly failures: number;
  /** How often the store was given up on for a while. */
  readonly openings: number;
  /** How often the store came back without what it had held. */
  readonly losses: number;
}

/** The part of a store that a fold and a request need. */
export interface NearStore
  extends Pick<StateStore, "name" | "limits" | "read" | "apply" | "applied" | "close"> {
  /**
   * The state of `user` after exactly the events that were applied here when it resolves. Takes `timeoutMs` at most.
   * Rejects with `store_unavailable` where neither the store nor a copy tells.
   */
  read(user: UserId): Promise<UserState>;
  /** Takes the events in memory; the store gets them behind. Never waits. */
  apply(batch: readonly LoggedEvent[]): Promise<void>;
  /** Where the next event for `apply` has to be. It begins where the store stands, or the log, whichever is later. */
  readonly applied: Offset;
  /** Resolves once the store has every event before `offset`; rejects with `store_unavailable` after `limitMs`. */
  flushed(offset: Offset, limitMs?: number): Promise<void>;
  health(): NearHealth;
  readonly counters: NearCounters;
  /** Closes the store too. What it lacks by then, it gets at the next start. */
  close(): Promise<void>;
}

/** @param store this one's alone from now on */
export function nearStore(store: StateStore, options: NearStoreOptions): NearStore {
  return new StoreNearby(store, options);
}

/** A question to the store. What is applied while it is on its way is added, so that its answer is of its own moment. */
interface Question {
  readonly since: UserChange;
  /** Undefined where the store does not tell. */
  answer: Promise<UserState | undefined>;
}

class StoreNearby implements NearStore {
  readonly name: string;
  readonly limits: StateLimits;
  private readonly store: StateStore;
  private readonly clock: Clock;
  private readonly timeoutMs: number;
  private readonly writes: boolean;
  private readonly overlay: Overlay;
  private readonly copies: Copies;
  private readonly breaker: CircuitBreaker;
  private readonly behind: WriteBehind;
  private readonly questions = new Map<UserId, Question>();
  /** Whom the store did not answer last: a probe asks the same. */
  private unanswered = "" as UserId;
  private readProblem: string | null = null;
  private writeProblem: string | null = null;
  private readonly pause = new Pause();
  private following: Promise<void> | undefined;
  private readonly waiting = new Set<{ readonly offset: Offset; readonly done: () => void }>();
  private closing: Promise<void> | undefined;
  private readonly counts = { reads: 0, answered: 0, fromCopies: 0, rejected: 0, timeouts: 0, failures: 0 };

  constructor(store: StateStore, options: NearStoreOptions) {
    this.store = store;
    this.name = store.name;
    this.limits = store.limits;
    this.clock = options.clock ?? systemClock;
    this.timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.writes = options.writes;
    const first = Math.max(store.applied, options.log.first) as Offset;
    this.overlay = new Overlay(store.applied, first, options.overlayTouches ?? OVERLAY_TOUCHES);
    this.copies = new Copies(store.limits, options.copyBytes ?? COPY_BYTES);
    this.breaker = new CircuitBreaker({
      failures: FAILURES,
      probeMs: PROBE_MS,
      probe: () => this.probe(),
    });
    this.behind = new WriteBehind(store, options.log, this.overlay, options.base);
    this.follow();
  }

  get applied(): Offset {
    return this.overlay.applied;
  }

  get counters(): NearCounters {
    return { ...this.counts, openings: this.breaker.openings, losses: this.overlay.losses };
  }

  async read(user: UserId): Promise<UserState> {
    this.mustBeOpen();
    this.counts.reads++;
    if (!this.breaker.open && this.overlay.covers(user)) {
      const answer = await (this.questions.get(user) ?? this.ask(user)).answer;
      if (answer !== undefined) {
        this.counts.answered++;
        return answer;
      }
    }
    const copy = this.copies.get(user);
    if (copy === undefined) {
      this.counts.rejected++;
      throw this.unavailable();
    }
    this.counts.fromCopies++;
    return this.unexpired(copy);
  }

  async apply(batch: readonly LoggedEvent[]): Promise<void> {
    this.mustBeOpen();
    const changes = changesOf(batch, this.overlay.applied);
    this.overlay.add(changes);
    for (const [user, change] of changes.users) {
      this.copies.change(user, change);
      const since = this.questions.get(user)?.since;
      if (since !== undefined) addTo(since, change);
    }
    this.follow();
  }

  async flushed(offset: Offset, limitMs = FLUSH_LIMIT_MS): Promise<void> {
    this.mustBeOpen();
    if (this.overlay.stored >= offset) return;
    this.follow();
    this.pause.end();
    await new Promise<void>((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        this.waiting.delete(entry);
        if (this.overlay.stored >= offset) resolve();
        else reject(this.unavailable());
      };
      const timer = setTimeout(done, limitMs);
      const entry = { offset, done };
      this.waiting.add(entry);
    });
  }

  health(): NearHealth {
    const { overlay, breaker, copies } = this;
    return {
      state: breaker.open ? "open" : overlay.complete ? "ok" : "filling",
      behind: Math.max(0, overlay.applied - overlay.stored),
      kept: overlay.size,
      problem: this.writeProblem ?? (breaker.open ? this.readProblem : null),
      copies: copies.size,
      copyBytes: copies.bytes,
    };
  }

  close(): Promise<void> {
    this.closing ??= (async () => {
      this.breaker.stop();
      this.pause.close();
      for (const { done } of this.waiting) done();
      await this.store.close();
      await this.following;
    })();
    return this.closing;
  }

  /** Asks the store, once for all who want the same at the same time. */
  private ask(user: UserId): Question {
    const since = this.overlay.changeOf(user);
    const question: Question = { since, answer: Promise.resolve(undefined) };
    this.questions.set(user, question);
    question.answer = this.answer(user, since);
    return question;
  }

  private async answer(user: UserId, since: UserChange): Promise<UserState | undefined> {
    const { losses } = this.overlay;
    const stored = await this.askStore(user);
    // From here on nothing is added to `since`, so nobody may join any more.
    this.questions.delete(user);
    // What was read around a loss may be what is left of a state.
    if (stored === undefined || this.overlay.losses > losses) return undefined;
    const state = this.unexpired(changeState(stored, since, this.limits));
    this.copies.keep(state);
    return state;
  }

  /** What the store says, or undefined where it does not or says it late. */
  private async askStore(user: UserId): Promise<UserState | undefined> {
    const { losses } = this.overlay;
    try {
      const state = await inTime(this.store.read(user), this.timeoutMs);
      if (state !== LATE) {
        this.breaker.succeeded();
        return state;
      }
      this.counts.timeouts++;
      this.readProblem = `${this.name} state store: a read took longer than ${this.timeoutMs} ms`;
    } catch (cause) {
      this.counts.failures++;
      this.readProblem = messageOf(cause);
      if (isLoss(cause)) {
        // It is there. That it is empty, others may have said before.
        this.breaker.succeeded();
        if (this.overlay.losses === losses) this.overlay.lose();
        this.follow();
        return undefined;
      }
    }
    this.unanswered = user;
    this.breaker.failed();
    return undefined;
  }

  private async probe(): Promise<boolean> {
    await this.askStore(this.unanswered);
    return !this.breaker.open;
  }

  /** Sees to it that somebody looks after what the store lacks. */
  private follow(): void {
    if (this.closing !== undefined || this.overlay.settled) return;
    this.following ??= this.followOn().finally(() => {
      this.following = undefined;
    });
  }

  private async followOn(): Promise<void> {
    const regular = this.writes ? GATHER_MS : POLL_MS;
    while (!this.overlay.settled) {
      await this.pause.take(this.writeProblem === null ? regular : RETRY_MS);
      if (this.closing !== undefined) return;
      const { losses } = this.overlay;
      try {
        if (this.writes) await this.behind.flush(() => this.confirmed());
        else this.overlay.confirm(await this.store.readApplied());
        this.confirmed();
      } catch (cause) {
        if (this.closing !== undefined) return;
        this.writeProblem = messageOf(cause);
        if (isLoss(cause) && this.overlay.losses === losses) this.overlay.lose();
      }
    }
  }

  private confirmed(): void {
    this.writeProblem = null;
    for (const { offset, done } of this.waiting) if (this.overlay.stored >= offset) done();
  }

  private unexpired(state: UserState): UserState {
    return withoutExpired(state, this.limits, this.clock.now());
  }

  private unavailable(): UpnextError {
    const { state, behind, problem } = this.health();
    const why = problem ?? this.readProblem ?? "it did not answer in time";
    return new UpnextError(
      "store_unavailable",
      `${this.name} state store (${state}, ${behind} events behind): ${why}; see that the server runs and is reachable. States come back by themselves.`,
    );
  }

  private mustBeOpen(): void {
    if (this.closing === undefined) return;
    throw new UpnextError("store_unavailable", `${this.name} state store: it was closed; open it again`);
  }
}

function addTo(all: UserChange, { touches, erasedAt }: UserChange): void {
  for (const touch of touches) all.touches.push(touch);
  if (erasedAt > all.erasedAt) all.erasedAt = erasedAt;
}

function isLoss(cause: unknown): boolean {
  return cause instanceof UpnextError && cause.code === "store_lost";
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

const LATE = Symbol("late");

/** The promise's value, or `LATE`; what comes of it then is nobody's business any more. */
async function inTime<T>(promise: Promise<T>, ms: number): Promise<T | typeof LATE> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof LATE>((resolve) => {
    // A process that was busy finds timer and answer at once: what has arrived goes first.
    timer = setTimeout(() => setImmediate(resolve, LATE), ms);
  });
  promise.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
