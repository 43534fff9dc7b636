/**
 * Training beside a server: every so often `upnext train` in a process of its own, with the lowest priority, that
 * stands still while requests wait.
 *
 * The priority alone leaves the training some 1 % of a busy core; but it also holds memory bandwidth and caches, and
 * the kernel lets it run on for milliseconds where a request comes. So it is stopped (SIGSTOP) as soon as the server's
 * line has an age, and goes on (SIGCONT) when there was none for a while.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { constants, setPriority } from "node:os";
import type { EpochMs, Ms } from "../core/index.ts";
import { REFUSED } from "./failure.ts";

export interface TrainingPlan {
  /** From one training to the next. */
  readonly every: Ms;
  /** When the bundle in service was trained; undefined where there is none. */
  lastTrained(): Promise<EpochMs | undefined>;
  now(): EpochMs;
  /** The command line of a training: the program and its arguments. */
  readonly command: readonly [string, ...string[]];
  /** Whether requests wait at this moment. */
  pressed(): boolean;
  say(line: string): void;
}

/** How often it is looked whether requests wait: within the share of the budget that they may (a guess). */
const LOOK_MS = 10;
/** So long nothing may have waited before the training goes on (a guess). */
const CALM_MS = 250;
/** A timer's largest delay is 24.8 days. */
const LONGEST_WAIT_MS = 24 * 3_600_000;
/** Windows has no SIGSTOP; there the priority has to do. */
const CAN_STAND_STILL = process.platform !== "win32";

export class TrainingBeside {
  private readonly plan: TrainingPlan;
  private timer: NodeJS.Timeout | undefined;
  private running: ChildProcess | undefined;
  private closed = false;

  constructor(plan: TrainingPlan) {
    this.plan = plan;
  }

  /** Trains when it is time to, for ever. */
  async begin(): Promise<void> {
    const { every, now } = this.plan;
    const last = await this.plan.lastTrained();
    this.wait(last === undefined ? 0 : last + every - now());
  }

  /** Ends a training under way; the next one goes on where it was. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    const child = this.running;
    if (child === undefined) return;
    const ended = once(child, "exit");
    // Also where it stands still; what it has learned is in its checkpoints.
    child.kill("SIGKILL");
    await ended;
  }

  private wait(ms: number): void {
    const part = Math.min(Math.max(ms, 0), LONGEST_WAIT_MS);
    this.timer = setTimeout(() => {
      if (part < ms) this.wait(ms - part);
      else void this.train();
    }, part);
    this.timer.unref();
  }

  private async train(): Promise<void> {
    const [program, ...args] = this.plan.command;
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
    this.running = child;
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaint = (complaint + text).slice(0, 2_000);
    });
    const ended = new Promise<number | null>((resolve) => {
      child.once("error", () => resolve(null));
      child.once("exit", (code) => resolve(code));
    });
    if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
    const stopYielding = this.yields(child);
    const code = await ended;
    stopYielding();
    this.running = undefined;
    if (this.closed) return;
    if (code === 0) this.plan.say("trained beside the server; the bundle is in service within seconds");
    else if (code === REFUSED)
      this.plan.say("trained beside the server; the release gate refused the bundle");
    else this.plan.say(`warning: the training beside the server failed: ${complaint.trim()}`);
    this.wait(this.plan.every);
  }

  /** Has `child` stand still while requests wait; the function returned ends that. */
  private yields(child: ChildProcess): () => void {
    if (!CAN_STAND_STILL) return () => {};
    let still = false;
    let calmSince = Number.NEGATIVE_INFINITY;
    const look = setInterval(() => {
      const now = performance.now();
      if (this.plan.pressed()) {
        calmSince = now;
        if (!still) still = child.kill("SIGSTOP");
      } else if (still && now - calmSince > CALM_MS) {
        still = !child.kill("SIGCONT");
      }
    }, LOOK_MS);
    look.unref();
    return () => clearInterval(look);
  }
}
