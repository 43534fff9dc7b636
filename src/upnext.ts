/**
 * upnext as a library: opens a directory (log, state, bundles), follows the log, answers requests.
 *
 * This is the composition root: what is chosen by the configuration is put together here and nowhere else.
 */
import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Catalog, createCatalog } from "./catalog/index.ts";
import { type ResolvedConfig, resolveConfig, statePlaceOf, type UpnextConfig } from "./config/index.ts";
import {
  type Clock,
  type EpochMs,
  type EventId,
  type ItemId,
  type Ms,
  type Offset,
  type Progress,
  type RequestId,
  silent,
  systemClock,
  UpnextError,
  type UserId,
} from "./core/index.ts";
import { type ImportReport, type ImportRequest, importInto } from "./datasets/index.ts";
import {
  type AppendResult,
  type Event,
  type FileLog,
  type Impression,
  openFileLog,
  parseEvent,
} from "./events/index.ts";
import type { Metrics } from "./monitoring/index.ts";
import {
  answerOf,
  BundleWatch,
  checkLimit,
  checkRequest,
  checkUser,
  DEFAULT_LIMIT,
  type ErasureReceipt,
  Follower,
  impressionOf,
  type PathParts,
  type PathResult,
  type PathSettings,
  RankingCost,
  type Recommendation,
  type Recommender,
  type RecommendRequest as RequestOfPath,
  replayRequest,
  runPath,
  type ServingModels,
  type SimilarItems,
  type Status,
  similarItems,
  statusOf,
} from "./pipeline/index.ts";
import { DEFAULT_POLICY } from "./policy/index.ts";
import { HEADS } from "./ranking/index.ts";
import { openFileRegistry, type Registry } from "./registry/index.ts";
import { sourcesNamed } from "./retrieval/index.ts";
import { emptyState, openStateStore, type StateStore, type Touch, type UserState } from "./state/index.ts";
import { checkpointsIn, DEFAULT_TRAIN, type TrainReport, train } from "./training/index.ts";

export interface OpenOptions {
  /** Where log, state and bundles are; made where it is missing. The configuration's `directory` where absent. */
  readonly directory?: string;
  readonly config?: UpnextConfig;
  /** Reads beside a writer in another process: no events, no impressions. Training is reading. */
  readonly readOnly?: boolean;
  readonly clock?: Clock;
  readonly progress?: Progress;
  readonly metrics?: Metrics;
}

/** The same with plain strings and numbers for ids, times and units: what a caller writes. Checked where it comes in. */
type Plain<T> = T extends string & { readonly __brand: string }
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
}

export interface Upnext extends Recommender {
  readonly config: ResolvedConfig;
  /**
   * Appends one event or many, all or none: rejects with `invalid_event`, naming the first that is wrong. Resolves
   * when they are durable and reflected by catalog and state.
   */
  track(events: EventInput | readonly EventInput[]): Promise<AppendResult>;
  /** Rejects with `invalid_request` or `offset_ahead`; what is late or fails on the way is a reason in the answer. */
  recommend(request: RecommendRequest): Promise<Recommendation>;
  similar(item: string, limit?: number): Promise<SimilarItems>;
  state(user: string): Promise<UserState>;
  forget(user: string): Promise<ErasureReceipt>;
  /** Reads a data set into the log; see `upnext import`. */
  import(request: Omit<ImportRequest, "now">, progress?: Progress): Promise<ImportReport>;
  /**
   * Trains both stages on the log, publishes the bundle and serves it. Goes on where a training of the same directory
   * was killed.
   *
   * What `options` leave out is the configuration's.
   */
  train(progress?: Progress, options?: TrainOptions): Promise<TrainReport>;
  /** Computes a request of the log again, as of its moment: the same features and scores to the bit. */
  replay(request: string): Promise<PathResult>;
  /** Takes up the registry's current bundle, if it is another one. Called every two seconds while open. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

/** Guess: enough for the compiler to have seen the hot loops and for the cost of ranking to be learned. */
const WARM_UP_REQUESTS = 20;
/** Guess: as many as a user of some weeks has. */
const WARM_UP_TOUCHES = 50;
/** Rejects with what the log, the store, the registry or the configuration reject with. */
export async function open(options: OpenOptions = {}): Promise<Upnext> {
  const config = resolveConfig(options.config);
  checkNames(config);
  const directory = resolve(options.directory ?? config.directory);
  const clock = options.clock ?? systemClock;
  const readOnly = options.readOnly ?? false;
  if (!readOnly) await mkdir(directory, { recursive: true });
  const log = await openFileLog(join(directory, "log"), { clock, readOnly });
  let store: StateStore | undefined;
  try {
    const limits = { touches: config.state.touches, vetoes: config.state.vetoes };
    // A reader beside a writer folds its own states: two processes never write one file.
    const place = readOnly ? ({ store: "memory" } as const) : statePlaceOf(config.state, directory);
    store = await openStateStore(place, { limits });
    const registry = await openFileRegistry(join(directory, "bundles"), { clock });
    const instance = new Instance({
      config,
      directory,
      clock,
      readOnly,
      log,
      store,
      registry,
      metrics: options.metrics,
    });
    await instance.start(options.progress ?? silent);
    return instance;
  } catch (cause) {
    await store?.close();
    await log.close();
    throw cause;
  }
}

/** Names that the configuration's own schema cannot know. */
function checkNames({ retrieval, ranking }: ResolvedConfig): void {
  sourcesNamed(retrieval.sources);
  const heads = HEADS.map(({ name }) => name);
  for (const name of Object.keys(ranking.headWeights)) {
    if (heads.includes(name)) continue;
    throw new UpnextError(
      "invalid_config",
      `ranking.headWeights: expected names out of ${heads.join(", ")}, got "${name}"`,
    );
  }
}

interface Parts {
  readonly config: ResolvedConfig;
  readonly directory: string;
  readonly clock: Clock;
  readonly readOnly: boolean;
  readonly log: FileLog;
  readonly store: StateStore;
  readonly registry: Registry;
  readonly metrics: Metrics | undefined;
}

class Instance implements Upnext {
  readonly config: ResolvedConfig;
  private readonly parts: Parts;
  private readonly catalog: Catalog = createCatalog();
  private readonly follower: Follower;
  private readonly cost = new RankingCost();
  private readonly settings: PathSettings;
  private bundles!: BundleWatch;
  private foldProblem: string | null = null;
  /** Events on their way into the log. */
  private readonly pending = new Set<Promise<unknown>>();
  private closing: Promise<void> | undefined;

  constructor(parts: Parts) {
    const { config, log, store } = parts;
    this.parts = parts;
    this.config = config;
    this.follower = new Follower(log, this.catalog, store);
    this.settings = {
      candidates: config.retrieval.candidates,
      perSource: config.retrieval.perSource,
      headWeights: config.ranking.headWeights,
      policy: { ...DEFAULT_POLICY, ...config.policy },
    };
  }

  async start(progress: Progress): Promise<void> {
    const { log, store, registry, clock, metrics } = this.parts;
    if (store.applied > log.end) {
      throw new UpnextError(
        "store_unavailable",
        `state: expected at most the ${log.end} events of the log to be applied, got ${store.applied}: the states belong to another log. Delete the folder state/, it is rebuilt from the log at the next start.`,
      );
    }
    progress.step("replay the log", log.end, "events");
    await this.follower.reached(log.end, progress);
    this.bundles = await BundleWatch.begin({
      registry,
      catalog: this.catalog,
      clock,
      metrics,
      // A writer follows its own log; a reader has to look.
      catchUp: () => this.reflects(undefined),
      warmUp: (models) => this.warmUp(models),
    });
  }

  async track(input: EventInput | readonly EventInput[]): Promise<AppendResult> {
    this.assertWritable();
    const list = Array.isArray(input) ? input : [input];
    return this.append(
      list.map((event, i) => {
        const parsed = parseEvent(event, {
          now: this.parts.clock.now(),
          makeId: () => randomUUID() as EventId,
          ...(Array.isArray(input) && { where: `events[${i}]` }),
        });
        if (!parsed.ok) throw new UpnextError(parsed.problem.code, parsed.problem.message);
        return parsed.value;
      }),
    );
  }

  async recommend(wanted: RecommendRequest): Promise<Recommendation> {
    this.assertOpen();
    const limit = checkRequest(wanted);
    const request = wanted as RequestOfPath;
    await this.reflects(request.after);
    const budget = request.budgetMs ?? (this.config.budgetMs as Ms);
    // Taken once: a swap of the bundle in the middle must not mix two.
    return this.bundles.serving.use(async (models) => {
      const path = await runPath(request, limit, budget, this.pathParts(request.user, models));
      const id = request.request ?? (randomUUID() as RequestId);
      const answer = answerOf(request, id, budget, path, this.catalog, models);
      this.parts.metrics?.observeRecommendation(answer);
      if ((request.log ?? true) && !this.parts.readOnly && answer.items.length > 0) {
        this.logLater(impressionOf(request, answer, path, models));
      }
      return answer;
    });
  }

  async similar(id: string, limit = DEFAULT_LIMIT): Promise<SimilarItems> {
    this.assertOpen();
    checkLimit(limit);
    const item = id as ItemId;
    const row = this.catalog.rowOf(item);
    if (row === undefined) {
      throw new UpnextError(
        "unknown_item",
        "similar: expected an item of the catalog, there is none with this id",
      );
    }
    const now = this.parts.clock.now();
    return this.bundles.serving.use((models) => similarItems(item, row, limit, now, this.catalog, models));
  }

  async state(user: string): Promise<UserState> {
    this.assertOpen();
    return this.follower.state(checkUser(user));
  }

  async forget(id: string): Promise<ErasureReceipt> {
    this.assertWritable();
    const user = checkUser(id);
    const before = await this.state(user);
    const touches = [...before.touches, ...before.vetoes];
    // Clients' clocks may be ahead of this one: the erasure takes everything that is known, whatever its time.
    const newest = Math.max(this.parts.clock.now(), ...touches.map((touch) => touch.time));
    const time = newest as EpochMs;
    let { offset } = await this.erase(user, time);
    // Facts with a time ahead of that have outlived it; how far ahead, the log knows.
    if (this.catalog.userFacts(user) !== undefined) {
      ({ offset } = await this.erase(user, await this.newestFacts(user)));
    }
    const { bundle } = this.bundles.serving.models;
    return {
      user,
      time,
      offset,
      touches: touches.length,
      bundleMayReflectUser: bundle !== null && touches.length > 0,
    };
  }

  async import(request: Omit<ImportRequest, "now">, progress: Progress = silent): Promise<ImportReport> {
    this.assertWritable();
    const { log, clock } = this.parts;
    try {
      return await importInto(log, { ...request, now: clock.now() }, progress);
    } finally {
      // Also what an import that failed half-way made durable is in the log, and so in the folds.
      progress.step("apply", log.end, "events");
      await this.apply(log.end, progress);
    }
  }

  async train(progress: Progress = silent, options: TrainOptions = {}): Promise<TrainReport> {
    this.assertOpen();
    const { retrieval, ranking, state, training, seed } = this.config;
    const budget = options.timeBudget ?? training.timeBudget;
    const device = options.device ?? training.device;
    const maxLists = options.maxLists ?? training.maxLists;
    if (budget !== undefined && !(budget > 0)) {
      throw new UpnextError(
        "invalid_request",
        `timeBudget: expected milliseconds above 0, got ${String(budget)}`,
      );
    }
    const settings = {
      ...DEFAULT_TRAIN,
      seed,
      candidates: retrieval.candidates,
      perSource: retrieval.perSource,
      ...(retrieval.sources && { sources: retrieval.sources }),
      headWeights: ranking.headWeights,
      holdOut: training.holdOut,
      touches: state.touches,
      ...(training.rankerShare !== undefined && { rankerShare: training.rankerShare }),
      ...(maxLists !== undefined && { maxLists }),
      ...(budget !== undefined && { timeBudget: budget as Ms }),
      ...(device && { device }),
    };
    const { directory, log, registry, clock } = this.parts;
    await log.refresh();
    const checkpoints = checkpointsIn(join(directory, "training"), progress);
    const report = await train(log, registry, settings, clock, progress, checkpoints);
    await this.refresh();
    return report;
  }

  async replay(request: string): Promise<PathResult> {
    this.assertOpen();
    const { log, registry, store } = this.parts;
    // The answer may have been given just now, and its impression be on its way.
    await Promise.all(this.pending);
    let found: Impression | undefined;
    const erasures = new Map<UserId, number>();
    for await (const batch of log.read(0 as Offset)) {
      for (const { event } of batch) {
        if (event.kind === "impression" && event.request === request) found ??= event;
        if (event.kind !== "erasure") continue;
        erasures.set(event.user, Math.max(erasures.get(event.user) ?? -Infinity, event.time));
      }
    }
    // What was shown to a user who was forgotten since counts as not having happened.
    if (found === undefined || found.time <= (erasures.get(found.user) ?? -Infinity)) {
      throw new UpnextError(
        "unknown_request",
        "replay: expected a request of the log, there is no impression with this id, or its user was forgotten",
      );
    }
    return replayRequest(log, registry, found, store.limits, { ...this.settings, limit: DEFAULT_LIMIT });
  }

  async refresh(): Promise<void> {
    this.assertOpen();
    await this.bundles.refresh();
  }

  async status(): Promise<Status> {
    this.assertOpen();
    const { log, store } = this.parts;
    return statusOf({
      log,
      store,
      catalog: this.catalog,
      models: this.bundles.serving.models,
      bundleProblem: this.bundles.problem,
      foldProblem: this.foldProblem,
    });
  }

  close(): Promise<void> {
    this.closing ??= (async () => {
      // Requests under way first: their impressions are then among what is pending.
      await this.bundles.close();
      await Promise.all(this.pending);
      await this.parts.store.close();
      await this.parts.log.close();
    })();
    return this.closing;
  }

  private append(events: readonly Event[]): Promise<AppendResult> {
    const appended = this.appendAndApply(events);
    this.later(appended);
    return appended;
  }

  private async appendAndApply(events: readonly Event[]): Promise<AppendResult> {
    const result = await this.parts.log.append(events);
    this.parts.metrics?.observeAppend(result);
    await this.apply(result.offset);
    return result;
  }

  private async apply(offset: Offset, progress?: Progress): Promise<void> {
    try {
      await this.follower.reached(offset, progress);
      this.foldProblem = null;
    } catch (cause) {
      this.foldProblem = cause instanceof Error ? cause.message : String(cause);
      this.parts.metrics?.countStateError("apply");
      throw cause;
    }
  }

  /** The answer is out already: what fails here is counted, not thrown at anybody. */
  private logLater(impression: Event): void {
    this.append([impression]).catch(() => this.parts.metrics?.countStateError("impression"));
  }

  /** Lets `close` wait for `work`; how it ends is the business of others. */
  private later(work: Promise<unknown>): void {
    const gone = () => void this.pending.delete(done);
    const done: Promise<void> = work.then(gone, gone);
    this.pending.add(done);
  }

  private erase(user: UserId, time: EpochMs): Promise<AppendResult> {
    return this.append([{ kind: "erasure", id: randomUUID() as EventId, time, user }]);
  }

  private async newestFacts(user: UserId): Promise<EpochMs> {
    let newest = -Infinity;
    for await (const batch of this.parts.log.read(0 as Offset)) {
      for (const { event } of batch)
        if (event.kind === "user" && event.user === user && event.time > newest) newest = event.time;
    }
    return newest as EpochMs;
  }

  private async reflects(after: Offset | undefined): Promise<void> {
    const { log, readOnly } = this.parts;
    if (readOnly) await log.refresh();
    if (after !== undefined && after > log.end) {
      throw new UpnextError(
        "offset_ahead",
        `after: expected an offset up to the log's end ${log.end}, got ${after}; use the offset that track returned`,
      );
    }
    const wanted = readOnly ? log.end : after;
    if (wanted !== undefined) await this.apply(wanted);
  }

  /** Runs requests that nobody asked for, so that the first real one finds compiled code and learned costs. */
  private async warmUp(models: ServingModels): Promise<void> {
    const user = "" as UserId;
    const state = { ...emptyState(user), touches: this.touchesForWarmUp() };
    const readState = async () => ({ state, stale: () => false, release() {} });
    const parts = { ...this.pathParts(user, models), readState };
    for (let i = 0; i < WARM_UP_REQUESTS; i++) {
      await runPath({ user }, DEFAULT_LIMIT, Number.POSITIVE_INFINITY as Ms, parts);
    }
  }

  /** Somebody who has clicked some items: without touches, no source has work. */
  private touchesForWarmUp(): Touch[] {
    const { catalog } = this;
    const time = this.parts.clock.now();
    return Array.from({ length: Math.min(WARM_UP_TOUCHES, catalog.size) }, (_, row) => ({
      id: `${row}` as EventId,
      item: catalog.idOf(row),
      type: "click",
      value: Number.NaN,
      time,
    }));
  }

  private pathParts(user: UserId, models: ServingModels): PathParts {
    return {
      catalog: this.catalog,
      models,
      clock: this.parts.clock,
      cost: this.cost,
      settings: this.settings,
      readState: () => this.follower.read(user),
    };
  }

  private assertOpen(): void {
    if (this.closing !== undefined) throw new UpnextError("closed", "upnext: this instance was closed");
  }

  private assertWritable(): void {
    this.assertOpen();
    if (this.parts.readOnly) {
      throw new UpnextError(
        "read_only",
        "upnext: this instance was opened read-only; open it without readOnly to write",
      );
    }
  }
}

export { defineConfig, dynamodb, redis, redisCluster, type UpnextConfig } from "./config/index.ts";
export { UpnextError } from "./core/index.ts";
export type { Event } from "./events/index.ts";
export type {
  ErasureReceipt,
  Recommendation,
  SimilarItems,
  Status,
} from "./pipeline/index.ts";
