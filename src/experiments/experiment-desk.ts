/** Experiments for people who run and watch them. */
import type { EpochMs } from "../core/index.ts";
import type { Definition, ExperimentStart } from "./experiment.ts";
import type { HistoryPoint } from "./measurement.ts";
import type { ExperimentReport } from "./report.ts";

export interface ExperimentOverview extends Definition {
  readonly stoppedAt: EpochMs | null;
  /** The verdict it was stopped with; null while it runs. */
  readonly sentence: string | null;
  /** Why an arm cannot be served here; null where both can. */
  readonly problem: string | null;
}

export interface ExperimentDetails extends ExperimentOverview {
  readonly report: ExperimentReport;
  /** The difference in one metric as it was over time, oldest first. */
  readonly history: readonly HistoryPoint[];
}

export interface ExperimentDesk {
  /** Newest first. */
  experiments(): Promise<readonly ExperimentOverview[]>;
  /**
   * Rejects with `unknown_experiment`.
   *
   * @param metric whose history is wanted; the one that decides where absent, and of one that is stopped
   */
  experiment(name: string, metric?: string): Promise<ExperimentDetails>;
  /**
   * Rejects with `invalid_request`, with `experiment_conflict` where the name is taken or a running experiment changes
   * the same, and with what loading a bundle of an arm rejects with. Other processes follow within seconds.
   */
  startExperiment(start: ExperimentStart): Promise<ExperimentOverview>;
  /** Keeps what was measured. Rejects with `unknown_experiment`, or `experiment_conflict` where it was stopped before. */
  stopExperiment(name: string): Promise<ExperimentDetails>;
}
