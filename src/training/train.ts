/**
 * `upnext train`: from the log to a published bundle.
 *
 * With a hold-out, both stages are first fitted without the newest share of the interactions and measured on it; the
 * sources are then fitted again on everything, and the ranker stays, since it reads what sources say, not which data
 * they saw.
 */
import {
  type BundleId,
  type Clock,
  Deadline,
  type Ms,
  type Offset,
  type Progress,
  Random,
  UpnextError,
} from "../core/index.ts";
import type { SystemScores } from "../evaluation/index.ts";
import type { EventLog } from "../events/index.ts";
import { encodeModels, type Registry } from "../registry/index.ts";
import type { FittedSources, Source } from "../retrieval/index.ts";
import type { Snapshot } from "../snapshots/index.ts";
import type { Checkpoints } from "./checkpoints.ts";
import { type Example, examplesBetween } from "./examples.ts";
import { featureSummaries } from "./feature-report.ts";
import { fitSources } from "./fit-sources.ts";
import {
  DEFAULT_TWO_STAGE,
  fitTwoStage,
  LAST_SHARE,
  sample,
  type TwoStage,
  type TwoStageSettings,
} from "./fit-two-stage.ts";
import { type History, readHistory } from "./history.ts";
import { measureSystems } from "./measure-systems.ts";
import { cutAt, everything, momentOf, sequencesOf } from "./replay.ts";

export interface TrainSettings extends TwoStageSettings {
  /** Share of the interactions, the newest, to measure on before the final fit; 0 skips it. */
  readonly holdOut: number;
  readonly headWeights: Readonly<Record<string, number>>;
  /** Why it is this rung that is trained, as JSON: the bundle keeps it with its metrics. */
  readonly evidence?: unknown;
}

export const DEFAULT_TRAIN: TrainSettings = { ...DEFAULT_TWO_STAGE, holdOut: 0.1, headWeights: {} };

export interface TrainReport {
  readonly bundle: BundleId;
  readonly logOffset: Offset;
  readonly users: number;
  readonly items: number;
  readonly interactions: number;
  /** Lists that the ranker learned from; 0 where there were too few to train one. */
  readonly rankerLists: number;
  /** Measured on the hold-out, full catalogue; empty where nothing was held out or it was too small. */
  readonly systems: readonly SystemScores[];
  /** Examples of the hold-out that were ranked. */
  readonly examples: number;
  readonly seconds: number;
}

/** What was measured without the newest part, for comparing it with another bundle on the same. */
export interface HeldOut {
  readonly examples: readonly Example[];
  /** (examples) 1-based rank that both stages gave to the item; Infinity where it was not among the candidates. */
  readonly ranks: Float64Array;
}

/** A training's report, and what a release gate goes on with. */
export interface Trained {
  readonly report: TrainReport;
  readonly history: History;
  /** null where nothing was measured. */
  readonly heldOut: HeldOut | null;
}

/** Share of the budget for the fits before the hold-out is measured; what is left then is for the last one (guess). */
const MEASURED_SHARE = 0.8;
/** Enough for a table with half-widths of about 0.01. */
const MAX_EXAMPLES = 4_000;

/**
 * Rejects with `not_enough_data` where no interaction shows interest, with `snapshot_corrupt` where the log does not
 * begin at 0 and there is no base, and `training_failed`. Publishes the bundle, and does not promote it.
 *
 * @param checkpoints where the next training goes on if this one is killed; empty afterwards
 * @param base what the history begins with where the log does not begin at 0
 */
export async function train(
  log: EventLog,
  registry: Registry,
  settings: TrainSettings,
  clock: Clock,
  progress: Progress,
  checkpoints?: Checkpoints,
  base?: Snapshot,
): Promise<Trained> {
  const started = clock.monotonic();
  progress.step("read the log");
  const history = await readHistory(log, base);
  if (!history.weights.some((weight) => weight > 0)) {
    throw new UpnextError(
      "not_enough_data",
      `train: expected at least one interaction that shows interest, the log has ${history.items.length} interactions and none. Import data (upnext import PATH) or send events (POST /v1/events).`,
    );
  }
  const all = everything(history);
  const learned = cutAt(history, momentOf(history, all, 1 - settings.holdOut), all);
  const measured = settings.holdOut > 0 && sequencesOf(history, learned).items.length > 0;
  const deadline = new Deadline(clock, settings.timeBudget);
  const models = measured
    ? await fitTwoStage(
        history,
        learned,
        { ...settings, timeBudget: (MEASURED_SHARE * settings.timeBudget) as Ms },
        clock,
        progress,
        checkpoints,
      )
    : await fitTwoStage(history, all, settings, clock, progress, checkpoints);
  const examples = measured
    ? sample(examplesBetween(history, learned, all), MAX_EXAMPLES, new Random(`${settings.seed}/hold-out`))
    : [];
  const ranks = new Float64Array(examples.length);
  const systems =
    examples.length === 0
      ? []
      : await measureSystems({
          history,
          models,
          statisticsCut: all,
          examples,
          candidates: settings.candidates,
          perSource: settings.perSource,
          limits: settings,
          headWeights: settings.headWeights,
          clock,
          progress,
          onRank: (example, rank) => {
            ranks[example] = rank;
          },
        });
  const fitted = measured
    ? await fitSources(models.sources, sequencesOf(history, all), {
        catalog: history.catalog,
        seed: settings.seed,
        clock,
        budget: Math.max(deadline.remaining(), LAST_SHARE * settings.timeBudget) as Ms,
        timeBudget: settings.timeBudget,
        device: settings.device,
        previous: models.fitted,
        progress,
        checkpoints: checkpoints && ((source) => checkpoints.of(`all-${source}`)),
      })
    : models.fitted;
  progress.step("publish");
  const bundle = await publish(history, { ...models, fitted }, registry, settings, clock, {
    systems,
    examples: examples.length,
    rung: models.ranker?.rung.kind.name ?? null,
    tradeoffs: settings.evidence,
    sources: summariesOf(models.sources, fitted),
  });
  await checkpoints?.clear();
  const report = {
    bundle,
    logOffset: history.logOffset,
    users: history.users.length,
    items: history.catalog.size,
    interactions: history.items.length,
    rankerLists: models.ranker === null ? 0 : models.lists.count,
    systems,
    examples: examples.length,
    seconds: (clock.monotonic() - started) / 1000,
  };
  return { report, history, heldOut: examples.length === 0 ? null : { examples, ranks } };
}

async function publish(
  history: History,
  models: TwoStage,
  registry: Registry,
  settings: TrainSettings,
  clock: Clock,
  metrics: unknown,
): Promise<BundleId> {
  const { catalog } = history;
  const { evidence: _, ...config } = settings;
  const files = encodeModels({
    items: Array.from({ length: catalog.size }, (_, row) => catalog.idOf(row)),
    features: {
      schema: models.featureSet.schema,
      summaries: featureSummaries(models.featureSet, models.lists),
    },
    sources: models.fitted,
    ranker: models.ranker?.files ?? null,
    cheaperRanker: models.cheaperRanker,
  });
  return registry.publish(
    {
      createdAt: clock.now(),
      logOffset: history.logOffset,
      seed: settings.seed,
      itemCount: catalog.size,
      fingerprint: models.featureSet.fingerprint,
      config: withoutInfinities({ ...config, sources: models.sources.map((source) => source.name) }),
      metrics: withoutInfinities(metrics),
    },
    files,
  );
}

/** What the fits of the sources have decided, by source. */
function summariesOf(sources: readonly Source[], fitted: FittedSources): Readonly<Record<string, unknown>> {
  const deciding = sources.filter(({ name, summary }) => summary !== undefined && fitted[name] !== undefined);
  return Object.fromEntries(deciding.map(({ name, summary }) => [name, summary!(fitted[name]!)]));
}

/** JSON has no infinities, and the half-width of an interval over one user is one: they become null. */
function withoutInfinities(metrics: unknown): unknown {
  return JSON.parse(JSON.stringify(metrics));
}
