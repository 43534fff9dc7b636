/** `upnext evaluate`: split a log, train on the training part alone, rank the full catalogue for every test item. */
import {
  type Clock,
  type EpochMs,
  type Ms,
  type Progress,
  Random,
  systemClock,
  UpnextError,
} from "../core/index.ts";
import type { Split, SystemScores } from "../evaluation/index.ts";
import type { EventLog } from "../events/index.ts";
import { vocabularyOf } from "../ranking/index.ts";
import type { Snapshot } from "../snapshots/index.ts";
import { examplesBetween } from "./examples.ts";
import {
  DEFAULT_TWO_STAGE,
  fitTwoStage,
  sample,
  type TwoStage,
  type TwoStageSettings,
} from "./fit-two-stage.ts";
import { type History, readHistory, type Slate } from "./history.ts";
import { measureSystems } from "./measure-systems.ts";
import { Batches } from "./ranking/batches.ts";
import { rankingLists } from "./ranking/make-lists.ts";
import { measureRungs, type RankingEvaluation, type RankingPeer } from "./ranking/measure-rungs.ts";
import { RANKING_RUNGS } from "./ranking/rungs.ts";
import { type Cut, cutAt, cutLast, everything, momentOf, sequencesOf } from "./replay.ts";

export interface EvaluationOptions {
  readonly split: Split;
  readonly settings?: Partial<TwoStageSettings>;
  readonly headWeights?: Readonly<Record<string, number>>;
  /** More test examples than this are sampled. */
  readonly maxExamples?: number;
  /** What else is measured on what was shown. */
  readonly peers?: readonly RankingPeer[];
  /** What seconds are measured with; the system's where absent. */
  readonly clock?: Clock;
  /** What the history begins with where the log does not begin at 0. */
  readonly base?: Snapshot;
}

export interface Evaluation {
  readonly users: number;
  readonly items: number;
  readonly interactions: number;
  /** Test examples that were ranked, and how many there were. */
  readonly examples: number;
  readonly examplesFound: number;
  /** Lists that the ranker learned from; 0 where it was not trained. */
  readonly rankerLists: number;
  /** Wall time of fitting everything. */
  readonly fitSeconds: number;
  readonly systems: readonly SystemScores[];
  /** Of what users were shown after the split; null where nothing was logged, or a user's last items are tested. */
  readonly ranking: RankingEvaluation | null;
}

/** All users of the public leave-one-out sets; half-widths of about 0.003 at an NDCG of 0.15. */
const MAX_EXAMPLES = 50_000;

export async function evaluate(
  log: EventLog,
  options: EvaluationOptions,
  progress: Progress,
): Promise<Evaluation> {
  progress.step("read the log");
  const history = await readHistory(log, options.base);
  const { train, statistics, testFrom, moment } = cutsOf(history, options.split);
  const shown = history.slates.filter(({ time }) => time >= moment);
  const found = examplesBetween(history, testFrom, everything(history));
  if (found.length === 0) {
    throw new UpnextError(
      "not_enough_data",
      `evaluate: expected at least one item to test on after the split, got none out of ${history.items.length} interactions of ${history.users.length} users; choose another --split`,
    );
  }
  if (sequencesOf(history, train).items.length === 0) {
    throw new UpnextError(
      "not_enough_data",
      `evaluate: expected interactions that show interest before the split, got none out of ${history.items.length} interactions of ${history.users.length} users; choose another --split`,
    );
  }
  const settings = {
    ...DEFAULT_TWO_STAGE,
    // What was shown can tell rungs apart, so all of them are measured, however long they take.
    ...(shown.length > 0 && { rungs: RANKING_RUNGS.map(({ name }) => name), rankerTime: Infinity as Ms }),
    ...options.settings,
  };
  const examples = sample(
    found,
    options.maxExamples ?? MAX_EXAMPLES,
    new Random(`${settings.seed}/evaluation`),
  );
  const clock = options.clock ?? systemClock;
  const started = clock.monotonic();
  const models = await fitTwoStage(history, train, settings, clock, progress);
  const fitSeconds = (clock.monotonic() - started) / 1000;
  const systems = await measureSystems({
    history,
    models,
    statisticsCut: statistics,
    examples,
    candidates: settings.candidates,
    perSource: settings.perSource,
    limits: settings,
    headWeights: options.headWeights ?? {},
    clock,
    progress,
  });
  const ranking =
    shown.length === 0
      ? null
      : await rankingOf(history, models, shown, settings, moment, options.peers ?? [], progress);
  return {
    users: history.users.length,
    items: history.catalog.size,
    interactions: history.items.length,
    examples: examples.length,
    examplesFound: found.length,
    rankerLists: models.ranker === null ? 0 : models.lists.count,
    fitSeconds,
    systems,
    ranking,
  };
}

/** Lists of everything that was shown from `moment` on, each as it was at its time. */
async function rankingOf(
  history: History,
  models: TwoStage,
  slates: readonly Slate[],
  settings: TwoStageSettings,
  moment: number,
  peers: readonly RankingPeer[],
  progress: Progress,
): Promise<RankingEvaluation> {
  const { sources, fitted, featureSet, rungs, heads } = models;
  const tested = await rankingLists({
    history,
    sources,
    fitted,
    featureSet,
    cut: everything(history),
    examples: [],
    slates,
    asked: new Uint8Array(slates.length),
    candidates: settings.candidates,
    perSource: settings.perSource,
    limits: settings,
    random: new Random(settings.seed),
    progress,
  });
  const batches = new Batches(tested, heads, history.catalog, vocabularyOf(history.catalog));
  return measureRungs({
    rungs,
    heads,
    learned: models.lists,
    tested,
    batches,
    from: moment,
    peers,
    progress,
  });
}

interface Cuts {
  readonly train: Cut;
  readonly statistics: Cut;
  readonly testFrom: Cut;
  /** EpochMs of the split; Infinity where it is not one of time. */
  readonly moment: number;
}

/** What trains, what statistics may count as time goes on, and where the test examples begin. */
function cutsOf(history: History, split: Split): Cuts {
  const all = everything(history);
  if (split.kind === "leave-one-out") {
    const train = cutLast(history, 2);
    return { train, statistics: train, testFrom: cutLast(history, 1), moment: Number.POSITIVE_INFINITY };
  }
  const moment = split.kind === "share" ? momentOf(history, all, split.share) : (split.moment as EpochMs);
  const train = cutAt(history, moment, all);
  return { train, statistics: all, testFrom: train, moment };
}
