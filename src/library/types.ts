/** What a program sees of upnext: how it is opened, what is written to it, what it does. */
import type { ResolvedConfig, UpnextConfig } from "../config/index.ts";
import type { BundleId, Clock, Progress } from "../core/index.ts";
import type { ImportReport, ImportRequest } from "../datasets/index.ts";
import type { Event } from "../events/index.ts";
import type { ExperimentOverview, ExperimentStart } from "../experiments/index.ts";
import type { Metrics } from "../monitoring/index.ts";
import type {
  Arrival,
  BundleDetails,
  BundleOverview,
  ErasureReceipt,
  ItemOverview,
  ItemQuery,
  Moment,
  NewestSlates,
  PathResult,
  Recommendation,
  Recommender,
  RecommendRequest as RequestOfPath,
  SimilarItems,
  TrackResult,
} from "../pipeline/index.ts";
import type { GateReport } from "../release/index.ts";
import type { UserState } from "../state/index.ts";
import type { TrainReport } from "../training/index.ts";
import type { FeaturesRead } from "./feature-look.ts";

export interface OpenOptions {
  /** Where log, state and bundles are; made where it is missing. The configuration's `directory` where absent. */
  readonly directory?: string;
  readonly config?: UpnextConfig;
  /** Reads beside a writer in another process: no events, no impressions. Training is reading. */
  readonly readOnly?: boolean;
  /**
   * Serves beside a writer in another process on this machine: reads the same log and the same store of user states,
   * and hands events to the writer. With stores on this machine alone (`lmdb`, `memory`) it folds its own states.
   */
  readonly replica?: boolean;
  readonly clock?: Clock;
  readonly progress?: Progress;
  readonly metrics?: Metrics;
  /**
   * Threads that compute networks beside the calling one, where the configuration's `serving.threads` does not say; 0
   * where absent. A server wants them: what a thread computes does not keep other requests waiting.
   */
  readonly threads?: number;
}

/** The same with plain strings and numbers for ids, times and units: what a caller writes. Checked where it comes in. */
export type Plain<T> = T extends string & { readonly __brand: string }
  ? string
  : T extends number & { readonly __brand: string }
    ? number
    : T extends object
      ? { readonly [K in keyof T]: Plain<T[K]> }
      : T;

/** An event as a caller writes it: `id` and `time` are filled in where they are absent. */
export type EventInput = Event extends infer E
  ? E extends Event
    ? Plain<Omit<E, "id" | "time"> & Partial<Pick<E, "id" | "time">>>
    : never
  : never;

export type RecommendRequest = Plain<RequestOfPath>;

export interface TrainOptions {
  /** Milliseconds that fitting may take. */
  readonly timeBudget?: number;
  /** Where networks of retrieval are trained; on the CPU, with a note, where there is no such device. */
  readonly device?: "cpu" | "webgpu";
  /** At most so many lists of each kind for the ranker. */
  readonly maxLists?: number;
  /** The rung of rankers that serves, by name; the best of the usual ones where absent. */
  readonly rung?: string;
  /** Why it is that rung, as JSON: the bundle keeps it. */
  readonly evidence?: unknown;
}

export interface TrainResult extends TrainReport {
  /** What the release gate found; the bundle serves where it is accepted. */
  readonly release: GateReport;
}

export interface PromoteOptions {
  /** Why the bundle is to serve although a check refuses it. Kept in the registry. */
  readonly despite?: string;
  readonly progress?: Progress;
}

export interface Upnext extends Recommender {
  readonly config: ResolvedConfig;
  /**
   * Appends one event or many, all or none: rejects with `invalid_event`, naming the first that is wrong. Resolves
   * when they are durable and reflected by catalog and state.
   */
  track(events: EventInput | readonly EventInput[]): Promise<TrackResult>;
  /**
   * Rejects with `invalid_request` or `offset_ahead`; what is late or fails on the way is a reason in the answer. A
   * program that has requests wait in a queue of its own says in `arrival` since when (by `performance.now()`).
   */
  recommend(request: RecommendRequest, arrival?: Plain<Arrival>): Promise<Recommendation>;
  similar(item: string, limit?: number): Promise<SimilarItems>;
  /** Items by id, by a text or by an order, with what was counted of them. Rejects with `invalid_request`. */
  items(query: Plain<ItemQuery>): Promise<readonly ItemOverview[]>;
  /** What the newest slates held: for whom, which items, and who found them, or one item. Reads the end of the log. */
  newestSlates(item?: string): Promise<NewestSlates>;
  state(user: string): Promise<UserState>;
  /**
   * The state as it was: at a time, by the times of the events (those that came late are in it), or as a request saw it
   * that reflected every event before an offset. What was erased since is in neither. Reads the log: milliseconds to
   * seconds. Rejects with `invalid_request` where retention has dropped what would be needed.
   */
  stateAt(user: string, at: Plain<Moment>): Promise<UserState>;
  /**
   * Forgets a user: in every answer and training from now on, and in the files of log, snapshots and states. Resolves
   * when that is done, with what was removed where. Killed in the middle, the next start goes on.
   */
  forget(user: string): Promise<ErasureReceipt>;
  /** Reads a data set into the log; see `upnext import`. */
  import(request: Omit<ImportRequest, "now">, progress?: Progress): Promise<ImportReport>;
  /**
   * Trains both stages on the log, publishes the bundle, and serves it where the release gate accepts it: `release` of
   * the report says so, or why not. Goes on where a training of the same directory was killed.
   *
   * What `options` leave out is the configuration's.
   */
  train(progress?: Progress, options?: TrainOptions): Promise<TrainResult>;
  /** The bundles that there are, newest first, and what each of them is. */
  releases(): Promise<readonly BundleOverview[]>;
  /** One bundle in full: what its training measured, what the gate said. Rejects with `no_bundle`. */
  release(bundle: string): Promise<BundleDetails>;
  /**
   * Asks the release gate about a bundle, and serves it where nothing refuses it, or `despite` says why all the same; a
   * bundle that does not load is never served. Rejects with `no_bundle`.
   */
  promote(bundle: string, options?: PromoteOptions): Promise<GateReport>;
  /**
   * Serves the previous bundle again, or the given one, which served before; returns it. Rejects with `no_bundle` where
   * there is none, and with what loading rejects with: nothing changes then.
   */
  rollback(bundle?: string): Promise<BundleId>;
  /**
   * Gives users one of two arms from now on, by a hash of the experiment's name and the user, in every process of the
   * directory within seconds. Rejects with `invalid_request`, with `experiment_conflict` where the name is taken or a
   * running experiment changes the same, and with what loading a bundle of an arm rejects with.
   */
  startExperiment(start: Plain<ExperimentStart>): Promise<ExperimentOverview>;
  /**
   * Every feature of the bundle in service: how often it says something in the newest data, how its values are
   * distributed there, and how far they have moved since the training. Reads the whole log in a process of its own, with
   * the lowest priority; a report of the last five minutes is given again. Rejects with `not_enough_data`.
   */
  features(progress?: Progress): Promise<FeaturesRead>;
  /** Computes a request of the log again, as of its moment: the same features and scores to the bit. */
  replay(request: string): Promise<PathResult>;
  /** Takes up the registry's current bundle, if it is another one. Called every two seconds while open. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}
