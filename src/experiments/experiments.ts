/** The experiments of a directory: who is in which arm, how they are started, watched and stopped. */
import { stat } from "node:fs/promises";
import type { Catalog } from "../catalog/index.ts";
import {
  type BundleId,
  type Clock,
  errorCode,
  type Offset,
  UpnextError,
  type UserId,
} from "../core/index.ts";
import type { EventLog } from "../events/index.ts";
import { armOf } from "./assignment.ts";
import { type Checked, checkStart, settingsNamed } from "./check-start.ts";
import type { Arm, ExperimentStart } from "./experiment.ts";
import type { ExperimentDesk, ExperimentDetails, ExperimentOverview } from "./experiment-desk.ts";
import { type Experiment, experimentsFile, readExperiments, writeExperiments } from "./experiment-file.ts";
import { Measurement } from "./measurement.ts";
import { METRICS } from "./outcomes.ts";
import { mixtureOf, reportOf } from "./report.ts";

export interface ExperimentParts {
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Pick<EventLog, "end" | "read">;
  readonly items: Pick<Catalog, "rowOf" | "items">;
  /** Names of heads that rankers have. */
  readonly heads: readonly string[];
  /** Called before anything is measured: what others have written is to be seen. */
  readonly catchUp: () => Promise<void>;
  /** The bundle in service. */
  readonly current: () => BundleId | null;
  /** Takes up what the experiments want now; rejects where it cannot be loaded and `bundles` are to be. */
  readonly take: (bundles: readonly BundleId[]) => Promise<void>;
  /** Why a bundle cannot serve here, null where it can. */
  readonly problemOf: (bundle: BundleId) => string | null;
}

/** A user's arm in a running experiment. */
export interface Assigned {
  readonly experiment: string;
  readonly arm: Arm;
}

interface Measuring {
  readonly measured: Measurement;
  next: Offset;
}

export class Experiments implements ExperimentDesk {
  /** Why the file cannot be read; null where it can. */
  problem: string | null = null;
  private readonly parts: ExperimentParts;
  private all: readonly Experiment[] = [];
  private running: readonly Experiment[] = [];
  private seen = "";
  /** Of an experiment that is being started: they have to be loaded before it is. */
  private coming: readonly BundleId[] = [];
  private readonly measuring = new Map<string, Measuring>();
  /** Who measures, and who starts or stops: one after the other. */
  private turn: Promise<unknown> = Promise.resolve();
  private starting: Promise<unknown> = Promise.resolve();

  constructor(parts: ExperimentParts) {
    this.parts = parts;
  }

  /** The user's arms in running experiments, in the order in which these were started. */
  armsOf(user: UserId): readonly Assigned[] {
    const { running } = this;
    if (running.length === 0) return [];
    return running.flatMap((experiment) => {
      const arm = experiment.arms[armOf(experiment, user)];
      return arm === undefined ? [] : [{ experiment: experiment.name, arm }];
    });
  }

  /** The arm of an experiment by name, whether it runs or not. */
  armNamed(experiment: string, name: string): Arm | undefined {
    return this.all.find((each) => each.name === experiment)?.arms.find((arm) => arm.name === name);
  }

  /** Those that running experiments answer with. */
  get bundles(): readonly BundleId[] {
    return [...this.running.flatMap(bundlesOf), ...this.coming];
  }

  /** Why one of them cannot serve here; null where all can. */
  get bundleProblem(): string | null {
    const problems = this.bundles.map((bundle) => this.parts.problemOf(bundle));
    return problems.find((problem) => problem !== null) ?? null;
  }

  /** Reads the file where it is another one. What cannot be read changes nothing. */
  async look(): Promise<void> {
    await this.readAnew().catch(() => {});
  }

  private async readAnew(): Promise<void> {
    const { directory } = this.parts;
    try {
      const stamp = await stampOf(experimentsFile(directory));
      if (stamp !== this.seen) {
        this.take(await readExperiments(directory));
        this.seen = stamp;
      }
      this.problem = null;
    } catch (cause) {
      this.problem = cause instanceof Error ? cause.message : String(cause);
      throw cause;
    }
  }

  async experiments(): Promise<readonly ExperimentOverview[]> {
    await this.look();
    return this.all.map((experiment) => this.overview(experiment)).reverse();
  }

  async experiment(name: string, metric?: string): Promise<ExperimentDetails> {
    await this.look();
    const found = this.named(name);
    const index = METRICS.findIndex((known) => known.name === (metric ?? found.metric));
    if (index < 0) {
      const known = METRICS.map((each) => each.name).join(", ");
      throw new UpnextError("invalid_request", `experiment: metric: expected one of ${known}`);
    }
    return this.details(found, index);
  }

  async startExperiment(start: ExperimentStart): Promise<ExperimentOverview> {
    const checked = checkStart(start, this.parts.heads);
    return this.alone(async () => {
      await this.readAnew();
      this.refuseConflicts(checked);
      const arms = this.pinned(checked.arms);
      this.coming = bundlesOf({ arms });
      try {
        await this.parts.take(this.coming);
        const { clock, log } = this.parts;
        const experiment = { ...checked, arms, startedAt: clock.now(), from: log.end, stopped: null };
        await this.write([...this.all, experiment]);
        return this.overview(experiment);
      } finally {
        this.coming = [];
      }
    });
  }

  async stopExperiment(name: string): Promise<ExperimentDetails> {
    return this.alone(async () => {
      await this.readAnew();
      const found = this.named(name);
      if (found.stopped !== null) {
        throw new UpnextError(
          "experiment_conflict",
          `experiment: expected one that runs, ${name} was stopped`,
        );
      }
      const { report, history } = await this.measured(found, indexOf(found.metric));
      const stopped = { time: report.measuredAt, offset: this.measuring.get(name)!.next, report, history };
      const after = { ...found, stopped };
      await this.write(this.all.map((each) => (each === found ? after : each)));
      this.measuring.delete(name);
      return this.details(after, 0);
    });
  }

  private async details(experiment: Experiment, metric: number): Promise<ExperimentDetails> {
    const overview = this.overview(experiment);
    if (experiment.stopped === null) return { ...overview, ...(await this.measured(experiment, metric)) };
    const { report, history } = experiment.stopped;
    return { ...overview, report, history };
  }

  /** What the log says up to now; of what was read before, it is still known. */
  private measured(experiment: Experiment, metric: number) {
    const { parts } = this;
    const read = async () => {
      await parts.catchUp();
      const { name, from } = experiment;
      const state = this.measuring.get(name) ?? {
        measured: new Measurement(experiment, mixtureOf(experiment), parts.items),
        next: from,
      };
      this.measuring.set(name, state);
      for await (const batch of parts.log.read(state.next)) {
        state.measured.apply(batch);
        state.next = (batch.at(-1)!.offset + 1) as Offset;
      }
      const now = parts.clock.now();
      const { measured } = state;
      return { report: reportOf(experiment, measured, now), history: measured.historyOf(metric, now) };
    };
    const done = this.turn.then(read, read);
    this.turn = done.catch(() => {});
    return done;
  }

  private refuseConflicts(checked: Checked): void {
    if (this.all.some(({ name }) => name === checked.name)) {
      throw new UpnextError(
        "experiment_conflict",
        `experiment: expected a new name, there was an experiment ${checked.name} before; the name salts the assignment`,
      );
    }
    const own = settingsNamed(checked);
    for (const other of this.running) {
      const both = [...settingsNamed(other)].find((setting) => own.has(setting));
      if (both === undefined) continue;
      throw new UpnextError(
        "experiment_conflict",
        `experiment: ${both}: expected what no running experiment changes, ${other.name} does; stop it first`,
      );
    }
  }

  /** Where one arm has a bundle, the other one keeps that in service now: a training must not change what is compared. */
  private pinned([a, b]: Experiment["arms"]): Experiment["arms"] {
    if ((a.bundle === undefined) === (b.bundle === undefined)) return [a, b];
    const bundle = this.parts.current();
    if (bundle === null) {
      throw new UpnextError(
        "no_bundle",
        "experiment: expected a bundle in service to compare with, there is none; train one: upnext train",
      );
    }
    return [
      { bundle, ...a },
      { bundle, ...b },
    ];
  }

  private overview({ stopped, ...experiment }: Experiment): ExperimentOverview {
    const bundles = stopped === null ? bundlesOf(experiment) : [];
    const problem = bundles.map((bundle) => this.parts.problemOf(bundle)).find((text) => text !== null);
    return {
      ...experiment,
      stoppedAt: stopped?.time ?? null,
      sentence: stopped?.report.verdict.sentence ?? null,
      problem: problem ?? null,
    };
  }

  private named(name: string): Experiment {
    const found = this.all.find((each) => each.name === name);
    if (found !== undefined) return found;
    throw new UpnextError(
      "unknown_experiment",
      "experiment: expected the name of one, there is none of this name; upnext experiment list has them",
    );
  }

  private async write(experiments: readonly Experiment[]): Promise<void> {
    const { directory, take } = this.parts;
    await writeExperiments(directory, experiments);
    await this.look();
    await take([]);
  }

  private take(experiments: readonly Experiment[]): void {
    this.all = experiments;
    this.running = experiments.filter(({ stopped }) => stopped === null);
    for (const name of this.measuring.keys()) {
      if (!this.running.some((each) => each.name === name)) this.measuring.delete(name);
    }
  }

  /** One start or stop after the other. */
  private alone<T>(act: () => Promise<T>): Promise<T> {
    const done = this.starting.then(act, act);
    this.starting = done.catch(() => {});
    return done;
  }
}

function bundlesOf({ arms }: Pick<Experiment, "arms">): readonly BundleId[] {
  return arms.flatMap(({ bundle }) => bundle ?? []);
}

function indexOf(metric: string): number {
  return METRICS.findIndex(({ name }) => name === metric);
}

/** Another one for every file that was ever there, and for none. */
async function stampOf(path: string): Promise<string> {
  try {
    const { mtimeMs, ino, size } = await stat(path);
    return `${mtimeMs} ${ino} ${size}`;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return "none";
    throw error;
  }
}
