/**
 * The course of a training: which learning rate the next step has, and when it is over.
 *
 * The rate warms up, stays at its peak until nothing gets better or time runs out, and then falls to zero ("WSD", Hu et
 * al. 2024, MiniCPM). Unlike a cosine, that needs no end that is known beforehand: the fall may begin at any step.
 */
import { warmupConstant } from "../../tensor/index.ts";

/**
 * How much longer a fall may take, of the time that is left, before time has a say in the rate: so a training for which
 * the time suffices does not depend on how fast its machine was.
 */
const SLACK = 1.25;

export interface CourseOptions {
  readonly peak: number;
  /** Steps of the warm-up. */
  readonly warmup: number;
  /** Steps of the fall, as a share of those before it. */
  readonly fall: number;
  /** Evaluations without a better one after which the fall begins. */
  readonly patience: number;
  /** Where the fall begins with the first step: how many steps it has. */
  readonly steps?: number;
}

/** JSON: what a course goes on from. */
export interface CourseState {
  readonly steps: number;
  /** Steps before the fall; null while the rate is at its peak. */
  readonly fallFrom: number | null;
  readonly fallSteps: number;
  /** Share of the time that was gone when the fall began. */
  readonly fallTime: number;
  /** The best evaluation so far (the lowest number before any: JSON has no infinities), and how many came after it. */
  readonly best: number;
  readonly since: number;
}

export class Course {
  private readonly options: CourseOptions;
  private readonly warm: (done: number) => number;
  private current: CourseState;

  constructor(options: CourseOptions, state?: CourseState) {
    this.options = options;
    this.warm = warmupConstant(options);
    const { steps } = options;
    this.current = state ?? {
      steps: 0,
      fallFrom: steps === undefined ? null : 0,
      fallSteps: steps ?? 0,
      fallTime: 0,
      best: -Number.MAX_VALUE,
      since: 0,
    };
  }

  get state(): CourseState {
    return this.current;
  }

  /** Whether the rate has not begun to fall. */
  get rising(): boolean {
    return this.current.fallFrom === null;
  }

  /** The rate of the next step, at a share 0 .. 1 of the time; 0 where the training is over. */
  rate(time: number): number {
    const { fall } = this.options;
    if (this.rising && time >= 1 / (1 + fall)) this.fall(time);
    const { steps, fallFrom, fallSteps, fallTime } = this.current;
    if (fallFrom === null) return this.warm(steps);
    const left = Math.min(
      1 - (steps - fallFrom) / fallSteps,
      (SLACK * (1 - time)) / Math.max(1e-9, 1 - fallTime),
    );
    return Math.max(0, left) * this.warm(steps);
  }

  stepped(): void {
    this.current = { ...this.current, steps: this.current.steps + 1 };
  }

  /** Takes note of an evaluation, and says whether it is the best so far. */
  evaluated(value: number, time: number): boolean {
    const better = value > this.current.best;
    this.current = better
      ? { ...this.current, best: value, since: 0 }
      : { ...this.current, since: this.current.since + 1 };
    if (this.rising && this.current.since >= this.options.patience) this.fall(time);
    return better;
  }

  /** Begins the fall. */
  fall(time: number): void {
    if (!this.rising) return;
    const { steps } = this.current;
    const fallSteps = Math.max(1, Math.ceil(this.options.fall * steps));
    this.current = { ...this.current, fallFrom: steps, fallSteps, fallTime: Math.min(1, time) };
  }
}
