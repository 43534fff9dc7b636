/** A log that is divided: everything fitted on its older part, and what of the newest part there is to measure on. */
import {
  type Clock,
  type EpochMs,
  type Ms,
  type Progress,
  Random,
  systemClock,
  UpnextError,
} from "../core/index.ts";
import type { Split } from "../evaluation/index.ts";
import type { EventLog } from "../events/index.ts";
import { vocabularyOf } from "../ranking/index.ts";
import type { Snapshot } from "../snapshots/index.ts";
import { type Example, examplesBetween } from "./examples.ts";
import {
  DEFAULT_TWO_STAGE,
  fitTwoStage,
  sample,
  type TwoStage,
  type TwoStageSettings,
} from "./fit-two-stage.ts";
import { type History, readHistory, type Slate } from "./history.ts";
import { Batches } from "./ranking/batches.ts";
import { rankingLists } from "./ranking/make-lists.ts";
import { measureRungs, type RankingEvaluation, type RankingPeer } from "./ranking/measure-rungs.ts";
import { RANKING_RUNGS } from "./ranking/rungs.ts";
import { type Cut, cutAt, cutLast, everything, momentOf, sequencesOf } from "./replay.ts";

export interface OlderPartOptions {
  readonly split: Split;
  readonly settings?: Partial<TwoStageSettings>;
  /** More test examples than this are sampled. */
  readonly maxExamples?: number;
  /** What seconds are measured with; the system's where absent. */
  readonly clock?: Clock;
  /** What the history begins with where the log does not begin at 0. */
  readonly base?: Snapshot;
}

export interface OlderPart {
  readonly history: History;
  readonly settings: TwoStageSettings;
  /** Fitted on what came before the split. */
  readonly models: TwoStage;
  /** Wall time of that. */
  readonly fitSeconds: number;
  /** What statistics may count as time goes on. */
  readonly statistics: Cut;
  /** Of the newest part, and how many there were before they were sampled. */
  readonly examples: readonly Example[];
  readonly examplesFound: number;
  /** What users were shown after the split; empty where a user's last items are tested. */
  readonly shown: readonly Slate[];
  /** EpochMs of the split; Infinity where it is not one of time. */
  readonly moment: number;
}

/** All users of the public leave-one-out sets; half-widths of about 0.003 at an NDCG of 0.15. */
const MAX_EXAMPLES = 25_000;

/** Rejects with `not_enough_data` where there is nothing to fit on, or nothing to test on. */
export async function fitOlderPart(
  log: EventLog,
  options: OlderPartOptions,
  progress: Progress,
): Promise<OlderPart> {
  progress.step("read the log");
  const history = await readHistory(log, options.base);
  const { train, statistics, testFrom, moment } = cutsOf(history, options.split);
  const shown = history.slates.filter(({ time }) => time >= moment);
  const found = examplesBetween(history, testFrom, everything(history));
  const size = `${history.items.length} interactions of ${history.users.length} users`;
  if (found.length === 0) {
    throw new UpnextError(
      "not_enough_data",
      `split: expected at least one item to test on after it, got none out of ${size}; choose another --split`,
    );
  }
  if (sequencesOf(history, train).items.length === 0) {
    throw new UpnextError(
      "not_enough_data",
      `split: expected interactions that show interest before it, got none out of ${size}; choose another --split`,
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
  const examplesFound = found.length;
  return { history, settings, models, fitSeconds, statistics, examples, examplesFound, shown, moment };
}

/** Every rung on everything that was shown after the split, each list as it was at its time; null where nothing was. */
export async function measureShown(
  { history, settings, models, shown, moment }: OlderPart,
  peers: readonly RankingPeer[],
  progress: Progress,
): Promise<RankingEvaluation | null> {
  if (shown.length === 0) return null;
  const { sources, fitted, featureSet, rungs, heads } = models;
  const tested = await rankingLists({
    history,
    sources,
    fitted,
    featureSet,
    cut: everything(history),
    examples: [],
    slates: shown,
    asked: new Uint8Array(shown.length),
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
    features: featureSet.features,
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
