/**
 * One kind of work, ended again and again in one directory: start, see how long it takes until it is ready, compare
 * everything with the mirror, let it work, end it at a random moment, start again. Some are ended before they are
 * ready. Every few times a new directory is begun, so that what is compared stays small.
 */
import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../../src/core/index.ts";
import type { StatePlace } from "../../src/state/index.ts";
import { Mirror, type Report, type Wrongs } from "./mirror.ts";
import { quantile } from "./outcome.ts";
import type { PlainStates } from "./plain-states.ts";

/** A process under way, whatever it is: a library's or a server's. */
export interface Running {
  /** Resolves once it would take requests; with false where it has ended without. */
  ready(): Promise<boolean>;
  /** What it says of itself once it has done what an earlier one has left; undefined where it has ended without. */
  settled(): Promise<Report | undefined>;
  /**
   * Lets it work, and resolves when it does; where `aimed`, when it begins with what the kind is named for.
   *
   * @param again ids of events that it shall send first, as clients repeat them
   */
  begin(again: readonly string[], aimed: boolean): Promise<void>;
  progress(): Progress;
  kill(): Promise<void>;
  complaint(): string;
  readonly pid: number;
}

/** Ids that were acknowledged, users whose erasure was, and what it was at. */
export interface Progress {
  readonly acknowledged: readonly string[];
  readonly forgotten: readonly string[];
  readonly phase: string;
}

export interface Kind {
  readonly name: string;
  /** Whether `powercut` has it too. */
  readonly inPowerCuts: boolean;
  /** Where the states of a directory are. */
  placeOf(directory: string): StatePlace;
  /** Starts the server that they are in, before the first directory. */
  readonly rent?: () => Promise<{ stop(): Promise<void> }>;
  start(directory: string, run: string): Running;
  /** Compares what else the work leaves with what the states must be: how many users are otherwise there. */
  readonly differences?: (directory: string, model: PlainStates) => Promise<number>;
}

export interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Where the work happens, and how it is ended. */
export interface Ground {
  /** The end comes so many milliseconds after the work began, at most. */
  readonly windowMs: number;
  /** A new, empty directory. */
  begin(generation: number): Promise<string>;
  /** Ends the process; resolves when the directory is as it is found by who comes next. */
  end(running: Running): Promise<void>;
}

export interface Tally {
  readonly ends: number;
  readonly acknowledged: number;
  readonly forgotten: number;
  readonly wrongs: Wrongs;
  /** From the start of the process until it is ready: by the clock, and of processor time, which others do not lengthen. */
  readonly readyMs: Spread;
  readonly readyCpuMs: Spread;
  /** In the middle of what the ends came. */
  readonly hits: Readonly<Record<string, number>>;
  readonly refusedToStart: readonly string[];
}

/** A new directory after so many ends. */
const GENERATION = 20;
/** So many of the ends come before the process is ready. */
const EARLY = 0.2;
/** So many of the others wait for the work that the kind is named for. */
const AIMED = 0.6;
/** What an earlier process has left is done after it is ready: so much longer than until then. */
const BEYOND_READY = 1.5;
/** Ids that are sent again after an end. */
const AGAIN = 300;
/** Characters of what a process says that does not start. */
const COMPLAINT = 600;

export class Lane {
  private readonly kind: Kind;
  private readonly random: Random;
  private readonly ground: Ground;
  private directory = "";
  private generation = 0;
  private mirror!: Mirror;
  private acknowledged = new Set<string>();
  private forgotten = new Set<string>();
  private recent: readonly string[] = [];
  private readonly readyMs: number[] = [];
  private readonly readyCpuMs: number[] = [];
  private readonly hits: Record<string, number> = {};
  private readonly refused: string[] = [];
  private readonly wrongs: Wrongs = { lost: 0, repeated: 0, states: 0, catalogs: 0, remembered: 0 };
  private readonly sums = { ends: 0, acknowledged: 0, forgotten: 0 };

  constructor(kind: Kind, ground: Ground, random: Random) {
    this.kind = kind;
    this.ground = ground;
    this.random = random;
  }

  async run(ends: number, told: (done: number) => void): Promise<Tally> {
    const server = await this.kind.rent?.();
    try {
      await this.all(ends, told);
    } finally {
      await server?.stop();
    }
    return {
      ...this.sums,
      wrongs: this.wrongs,
      readyMs: spreadOf(this.readyMs),
      readyCpuMs: spreadOf(this.readyCpuMs),
      hits: this.hits,
      refusedToStart: this.refused,
    };
  }

  private async all(ends: number, told: (done: number) => void): Promise<void> {
    for (let n = 0; n < ends; n++) {
      if (n % GENERATION === 0) await this.begin();
      const early = this.readyMs.length > 0 && this.random.next() < EARLY;
      await this.once(`${this.kind.name}-${n}`, early);
      if (n % GENERATION === GENERATION - 1 || n === ends - 1)
        await this.lastLook(`${this.kind.name}-${n}-end`);
      told(n + 1);
    }
  }

  private async begin(): Promise<void> {
    this.directory = await this.ground.begin(this.generation++);
    this.mirror = new Mirror(this.directory, this.kind.placeOf(this.directory));
    this.acknowledged = new Set();
    this.forgotten = new Set();
    this.recent = [];
  }

  private async once(run: string, early: boolean): Promise<void> {
    const running = this.kind.start(this.directory, run);
    if (early) {
      const typical = quantile(this.readyMs, 0.5);
      await sleep(this.random.next() * typical * BEYOND_READY);
    } else {
      if (!(await this.becomesReady(running))) {
        await running.kill();
        await this.giveUp(running.complaint());
        return;
      }
      const aimed = this.random.next() < AIMED;
      await running.begin(this.recent, aimed);
      // Aimed ones mostly come soon: what they are to hit may take some milliseconds.
      await sleep(this.random.next() * (aimed ? this.random.next() : 1) * this.ground.windowMs);
    }
    await this.ground.end(running);
    this.sums.ends++;
    const { acknowledged, forgotten, phase } = running.progress();
    for (const id of acknowledged) this.acknowledged.add(id);
    for (const user of forgotten) this.forgotten.add(user);
    this.sums.acknowledged += acknowledged.length;
    this.sums.forgotten += forgotten.length;
    if (acknowledged.length > 0) this.recent = acknowledged.slice(-AGAIN);
    this.hit(phase);
    try {
      await this.mirror.follow();
    } catch (error) {
      await this.giveUp(error instanceof Error ? error.message : String(error));
    }
    if (await hasUnfinished(this.directory)) this.hit("(left an unfinished file)");
  }

  /** Opens the directory once more and compares. */
  private async lastLook(run: string): Promise<void> {
    const running = this.kind.start(this.directory, run);
    const ready = await this.becomesReady(running);
    await running.kill();
    if (!ready) await this.giveUp(running.complaint());
  }

  /** Waits until it is ready, and compares what it found with what must be. False where it does not start. */
  private async becomesReady(running: Running): Promise<boolean> {
    const begin = performance.now();
    const ready = await running.ready();
    this.readyMs.push(performance.now() - begin);
    this.readyCpuMs.push(cpuMsOf(running.pid));
    const report = ready ? await running.settled() : undefined;
    if (report === undefined) return false;
    const wrongs = await this.mirror.check(report, this.acknowledged, this.forgotten);
    for (const name of Object.keys(wrongs) as (keyof Wrongs)[]) this.wrongs[name] += wrongs[name];
    this.wrongs.states += (await this.kind.differences?.(this.directory, this.mirror.states)) ?? 0;
    if (wrongs.lost > 0) {
      // What is lost is counted once.
      this.acknowledged = new Set();
      this.forgotten = new Set();
    }
    return true;
  }

  /** Nothing more is to be had from this directory. It may be right in refusing: what it was to keep is lost all the same. */
  private async giveUp(complaint: string): Promise<void> {
    this.refused.push(complaint.trim().slice(0, COMPLAINT));
    this.wrongs.lost += await this.mirror.lost(this.acknowledged, this.forgotten);
    await this.begin();
  }

  private hit(phase: string): void {
    this.hits[phase] = (this.hits[phase] ?? 0) + 1;
  }
}

function spreadOf(values: readonly number[]): Spread {
  const at = (q: number) => Math.round(quantile(values, q));
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** Processor time of a process so far; NaN where the system does not tell. Linux counts it in ticks of 10 ms. */
function cpuMsOf(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [user, system] = text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .slice(11, 13);
    return (Number(user) + Number(system)) * 10;
  } catch {
    return Number.NaN;
  }
}

async function hasUnfinished(directory: string): Promise<boolean> {
  return (await readdir(directory, { recursive: true })).some((name) => name.endsWith(".tmp"));
}
