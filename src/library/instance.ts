/** An opened directory: takes events, answers requests, trains, forgets. */
import { randomUUID } from "node:crypto";
import { freemem, totalmem } from "node:os";
import { join } from "node:path";
import type { ResolvedConfig } from "../config/index.ts";
import {
  type BundleId,
  type EventId,
  type ItemId,
  type Ms,
  type Progress,
  silent,
  UpnextError,
  type UserId,
} from "../core/index.ts";
import { type ImportReport, type ImportRequest, importInto } from "../datasets/index.ts";
import { type AppendServer, type Event, parseEvent, serveAppends } from "../events/index.ts";
import {
  type ExperimentDetails,
  type ExperimentOverview,
  type ExperimentStart,
  Experiments,
} from "../experiments/index.ts";
import {
  type Arrival,
  type BundleDetails,
  type BundleOverview,
  BundleWatch,
  checkLimit,
  checkMoment,
  checkUser,
  DEFAULT_LIMIT,
  type ErasureReceipt,
  Erasures,
  type Exposure,
  exposureOf,
  findItems,
  Housekeeping,
  type ItemOverview,
  type ItemQuery,
  type Moment,
  type NewestSlates,
  newestSlates,
  type PathResult,
  type RecentUser,
  type Recommendation,
  recentUsers,
  type SimilarItems,
  type Status,
  stateAt,
  statusOf,
  type TrackResult,
  type TrainingRun,
  takingTurns,
} from "../pipeline/index.ts";
import { HEADS } from "../ranking/index.ts";
import { type GateReport, releaseDetails, releases, rollback } from "../release/index.ts";
import type { UserState } from "../state/index.ts";
import { checkpointsIn, train } from "../training/index.ts";
import { Answers } from "./answers.ts";
import { bundleOf } from "./arms.ts";
import { FeatureLook, type FeaturesRead } from "./feature-look.ts";
import { forget } from "./forget.ts";
import { Intake } from "./intake.ts";
import type { Parts } from "./parts.ts";
import { type ReleaseParts, releaseNamed, releaseTrained } from "./releases.ts";
import { recorded, trainingRunIn } from "./run-record.ts";
import { Scoring } from "./scoring.ts";
import { trainSettings } from "./train-settings.ts";
import type {
  EventInput,
  Plain,
  PromoteOptions,
  RecommendRequest,
  TrainOptions,
  TrainResult,
  Upnext,
} from "./types.ts";
import { warmUp } from "./warm-up.ts";

export class Instance implements Upnext {
  readonly config: ResolvedConfig;
  private readonly parts: Parts;
  private readonly intake: Intake;
  private readonly scoring: Scoring;
  private readonly erasures: Erasures;
  /** Compaction, snapshots and retention one after the other. */
  private readonly alone = takingTurns();
  private bundles!: BundleWatch;
  private readonly desk: Experiments;
  private readonly answers: Answers;
  private readonly look: FeatureLook;
  /** A writer's alone. */
  private keeper: Housekeeping | undefined;
  private others: AppendServer | undefined;
  private closing: Promise<void> | undefined;

  constructor(parts: Parts) {
    const { config, directory, log, catalog, snapshots, registry } = parts;
    this.parts = parts;
    this.config = config;
    const read = (user: UserId) => this.intake.read(user);
    const maxAge = config.state.maxAge as Ms | undefined;
    const { threads, clock } = parts;
    this.look = new FeatureLook(clock);
    const encodingBytes = config.serving.encodings;
    this.scoring = new Scoring({ threads, encodingBytes, clock, catalog, maxAge, read });
    this.intake = new Intake(parts, (users, gone) => this.scoring.applied(users, gone));
    this.erasures = new Erasures({
      log,
      catalog,
      snapshots,
      registry,
      checkpoints: join(directory, "training"),
      alone: this.alone,
    });
    this.desk = new Experiments({
      directory,
      clock,
      log,
      items: catalog,
      heads: HEADS.map(({ name }) => name),
      catchUp: () => this.intake.reflects(undefined),
      current: () => this.bundles.serving.models.bundle?.id ?? null,
      take: (wanted) => this.takeUp(wanted),
      problemOf: (bundle) => messageOf(this.bundles.failureOf(bundle)),
    });
    const { intake, scoring, desk } = this;
    this.answers = new Answers({ ...parts, intake, scoring, desk, bundles: () => this.bundles });
  }

  async start(progress: Progress): Promise<void> {
    const { log, registry, clock, metrics, catalog, snapshots, states, role, config } = this.parts;
    metrics?.watchStorage(() => ({
      logBytes: log.segments.reduce((sum, { bytes }) => sum + bytes, 0),
      logFirst: log.first,
      logEnd: log.end,
      stateBehind: states.health().behind,
      stateReads: states.reads(),
    }));
    progress.step("replay the log", log.end, "events");
    await this.intake.apply(log.end, progress);
    this.bundles = await BundleWatch.begin({
      registry,
      catalog,
      clock,
      metrics,
      // A writer follows its own log; the others have to look.
      catchUp: () => this.intake.reflects(undefined),
      load: this.scoring.load,
      warmUp: (models) => warmUp(this.answers.partsOf("" as UserId, models)),
      // A tenth of the machine stays free (guess).
      hasRoom: () => freemem() > 0.1 * totalmem(),
      wanted: async () => {
        await this.desk.look();
        return this.desk.bundles;
      },
    });
    this.scoring.begin(this.bundles.serving, (user) => {
      const bundle = bundleOf(this.desk.armsOf(user));
      return bundle === undefined ? undefined : this.bundles.modelsOf(bundle);
    });
    metrics?.watchScoring(() => this.scoring.figures());
    if (role !== "writer") return;
    this.keeper = await Housekeeping.begin({
      log,
      catalog,
      snapshots,
      clock,
      retention: retentionOf(config),
      erasures: this.erasures,
      alone: this.alone,
      states: (from) => states.each(from),
    });
    this.others = await serveAppends(log.directory, {
      append: (events) => this.intake.append(events),
      forget: (user) => this.forget(user),
    });
  }

  async track(input: EventInput | readonly EventInput[]): Promise<TrackResult> {
    this.assertWritable();
    const list = Array.isArray(input) ? input : [input];
    return this.intake.append(
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

  async recommend(wanted: RecommendRequest, arrival: Arrival = {}): Promise<Recommendation> {
    this.assertOpen();
    return this.answers.recommend(wanted, arrival);
  }

  async similar(item: string, limit = DEFAULT_LIMIT): Promise<SimilarItems> {
    this.assertOpen();
    return this.answers.similar(item, limit);
  }

  async items(query: Plain<ItemQuery>): Promise<readonly ItemOverview[]> {
    this.assertOpen();
    return findItems(this.parts.catalog, query as ItemQuery);
  }

  async recentUsers(limit: number): Promise<readonly RecentUser[]> {
    this.assertOpen();
    checkLimit(limit);
    return recentUsers(this.parts.log, this.parts.catalog, limit);
  }

  async exposure(): Promise<Exposure> {
    this.assertOpen();
    return exposureOf(this.parts.catalog, this.parts.clock.now());
  }

  async newestSlates(item?: string): Promise<NewestSlates> {
    this.assertOpen();
    const { log, catalog } = this.parts;
    await this.intake.reflects(undefined);
    const touchesOf = async (user: UserId) => (await this.intake.state(user)).touches.length;
    return newestSlates({ log, catalog, touchesOf }, item as ItemId | undefined);
  }

  async state(user: string): Promise<UserState> {
    this.assertOpen();
    return this.intake.state(checkUser(user));
  }

  async stateAt(id: string, at: { readonly time: number } | { readonly offset: number }): Promise<UserState> {
    this.assertOpen();
    const user = checkUser(id);
    const { log, snapshots, states } = this.parts;
    await log.refresh();
    return stateAt(log, snapshots, states.limits, user, checkMoment(at as Moment, log.end));
  }

  async forget(id: string): Promise<ErasureReceipt> {
    this.assertWritable();
    const user = checkUser(id);
    const { writer } = this.parts;
    if (writer !== undefined) {
      const receipt = await writer.forget(user);
      await this.intake.reflects(receipt.offset);
      return receipt;
    }
    return forget(user, {
      ...this.parts,
      erasures: this.erasures,
      stateOf: () => this.state(user),
      erase: (_user, time) =>
        this.intake.append([{ kind: "erasure", id: randomUUID() as EventId, time, user }]),
    });
  }

  async import(request: Omit<ImportRequest, "now">, progress: Progress = silent): Promise<ImportReport> {
    this.assertWritable();
    const { log, clock } = this.parts;
    const append = async (events: readonly Event[]) => {
      const { forgotten, ...result } = await this.intake.appendTaken(events);
      // To an import it is all one why an event changes nothing.
      return { ...result, duplicates: result.duplicates + forgotten };
    };
    try {
      return await importInto({ append }, { ...request, now: clock.now() }, progress);
    } finally {
      // Also what an import that failed half-way made durable is in the log, and so in the folds.
      await log.refresh();
      progress.step("apply", log.end, "events");
      await this.intake.apply(log.end, progress);
    }
  }

  async train(progress: Progress = silent, options: TrainOptions = {}): Promise<TrainResult> {
    this.assertOpen();
    const settings = trainSettings(this.config, options);
    const { directory, log, snapshots, registry, clock } = this.parts;
    await log.refresh();
    return recorded(directory, progress, async (seen) => {
      const checkpoints = checkpointsIn(join(directory, "training"), seen);
      const base = log.first > 0 ? await snapshots.base() : undefined;
      const trained = await train(log, registry, settings, clock, seen, checkpoints, base);
      // The gate tries the bundle with requests, over a catalog that knows all of its items.
      await this.intake.apply(log.end, seen);
      const release = await releaseTrained(trained, this.releaseParts(), seen);
      await this.refresh();
      return { ...trained.report, release };
    });
  }

  async trainingRun(): Promise<TrainingRun | null> {
    this.assertOpen();
    return trainingRunIn(this.parts.directory);
  }

  releases(): Promise<readonly BundleOverview[]> {
    this.assertOpen();
    return releases(this.parts.registry);
  }

  release(bundle: string): Promise<BundleDetails> {
    this.assertOpen();
    return releaseDetails(bundle as BundleId, this.parts.registry);
  }

  async promote(bundle: string, options: PromoteOptions = {}): Promise<GateReport> {
    this.assertOpen();
    await this.intake.reflects(undefined);
    const { despite, progress = silent } = options;
    const report = await releaseNamed(bundle as BundleId, despite, this.releaseParts(), progress);
    await this.refresh();
    return report;
  }

  async rollback(bundle?: string): Promise<BundleId> {
    this.assertOpen();
    await this.intake.reflects(undefined);
    const current = await rollback(this.parts, bundle as BundleId | undefined);
    await this.refresh();
    return current;
  }

  async experiments(): Promise<readonly ExperimentOverview[]> {
    this.assertOpen();
    return this.desk.experiments();
  }

  async experiment(name: string, metric?: string): Promise<ExperimentDetails> {
    this.assertOpen();
    return this.desk.experiment(name, metric);
  }

  async startExperiment(start: Plain<ExperimentStart>): Promise<ExperimentOverview> {
    this.assertOpen();
    return this.desk.startExperiment(start as ExperimentStart);
  }

  async stopExperiment(name: string): Promise<ExperimentDetails> {
    this.assertOpen();
    return this.desk.stopExperiment(name);
  }

  async features(progress: Progress = silent): Promise<FeaturesRead> {
    this.assertOpen();
    const { directory, registry, states } = this.parts;
    const bundle = (await registry.current()) ?? null;
    const { candidates, perSource } = this.answers.settings;
    return this.look.read({ directory, bundle, candidates, perSource, limits: states.limits }, progress);
  }

  async replay(request: string): Promise<PathResult> {
    this.assertOpen();
    return this.answers.replay(request);
  }

  async refresh(): Promise<void> {
    this.assertOpen();
    await this.bundles.refresh();
  }

  async status(): Promise<Status> {
    this.assertOpen();
    const { log, states, catalog } = this.parts;
    return statusOf({
      log,
      store: states,
      storeHealth: states.health(),
      catalog,
      models: this.bundles.serving.models,
      settings: this.answers.settings,
      budgetMs: this.config.budgetMs as Ms,
      bundleProblem: this.bundles.problem,
      foldProblem: this.intake.problem,
      keepingProblem: this.keeper?.problem ?? null,
      experimentProblem: this.desk.problem ?? this.desk.bundleProblem,
    });
  }

  close(): Promise<void> {
    this.closing ??= (async () => {
      await this.look.close();
      // Requests under way first: their impressions are then among what is pending.
      await this.scoring.rest();
      await this.bundles.close();
      await this.scoring.close();
      await this.others?.close();
      await this.intake.settled();
      await this.keeper?.close();
      await this.parts.states.close();
      await this.parts.writer?.close();
      await this.parts.log.close();
    })();
    return this.closing;
  }

  /** Loads what experiments want; rejects where one of `wanted` cannot be. */
  private async takeUp(wanted: readonly BundleId[]): Promise<void> {
    await this.bundles.refresh();
    for (const bundle of wanted) {
      const failure = this.bundles.failureOf(bundle);
      if (failure !== undefined) throw failure;
    }
  }

  private releaseParts(): ReleaseParts {
    return {
      ...this.parts,
      settings: this.answers.settings,
      // As the instance that writes the log reads states: the others look for newer events first.
      partsOf: (user, models) => ({
        ...this.answers.partsOf(user, models),
        // Bundles that do not serve take no room among those that do.
        encodings: undefined,
        readState: () => this.intake.read(user),
      }),
    };
  }

  private assertOpen(): void {
    if (this.closing !== undefined) throw new UpnextError("closed", "upnext: this instance was closed");
  }

  private assertWritable(): void {
    this.assertOpen();
    if (this.parts.role === "reader") {
      throw new UpnextError(
        "read_only",
        "upnext: this instance was opened read-only; open it without readOnly to write",
      );
    }
  }
}

function messageOf(failure: unknown): string | null {
  if (failure === undefined) return null;
  return failure instanceof Error ? failure.message : String(failure);
}

function retentionOf({ log }: ResolvedConfig) {
  const { maxAge, maxBytes } = log.retention;
  return {
    ...(maxAge !== undefined && { maxAge: maxAge as Ms }),
    ...(maxBytes !== undefined && { maxBytes }),
  };
}
