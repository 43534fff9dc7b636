/**
 * Fits both stages on a cut of the history.
 *
 * The ranker must see what sources say about items that they were not fitted on, or it would learn to trust what they
 * remember. So sources are first fitted on the older part, the ranker learns from what came after, and then the
 * sources are fitted again on everything.
 */
import { type Clock, Deadline, MINUTE, type Ms, type Progress, Random } from "../core/index.ts";
import { type FeatureSet, featureSet, fitFeatureSchema } from "../features/index.ts";
import type { RankerFiles } from "../registry/index.ts";
import { type FittedSources, type Source, sourcesNamed } from "../retrieval/index.ts";
import { DEFAULT_LIMITS } from "../state/index.ts";
import type { Device } from "../tensor/index.ts";
import type { Checkpoints } from "./checkpoints.ts";
import { examplesBetween } from "./examples.ts";
import { fitSources } from "./fit-sources.ts";
import type { History, Slate } from "./history.ts";
import { chosenRung, type FittedRung, fitRungs, rungFiles, standIn } from "./ranking/fit-rungs.ts";
import type { RankingLists } from "./ranking/lists.ts";
import { rankingLists } from "./ranking/make-lists.ts";
import { type Cut, cutAt, momentOf, sequencesOf, type TouchLimits } from "./replay.ts";

/** Examples see no more of a user's touches than the state in serving keeps. */
export interface TwoStageSettings extends TouchLimits {
  readonly seed: number;
  /** Names of the retrieval sources; all where absent. */
  readonly sources?: readonly string[];
  /** Candidates of the blend, and how many each source is asked for. */
  readonly candidates: number;
  readonly perSource: number;
  /** Share of the entries, the newest, that the ranker learns from. */
  readonly rankerShare: number;
  /** At most so many lists of next items, ten times as many slots of slates, and sources asked of a third as many slates. */
  readonly maxLists: number;
  /** Names of the rungs that are fitted; the best of them that is no teacher serves. */
  readonly rungs: readonly string[];
  /** Instead of the best of them, the one with this name serves. */
  readonly serves?: string;
  /** How long the ranker may take beside the sources; where absent, what those leave of the time budget. */
  readonly rankerTime?: Ms;
  /** Wall time for fitting everything. What iterates ends with it; counting and the ranker take what they take. */
  readonly timeBudget: Ms;
  /** Where networks of sources are trained; the CPU where absent. */
  readonly device?: Device;
}

/** Of the time that is left, for the fit whose answers the ranker learns from: the later ones may go on from it. */
const OLDER_SHARE = 0.65;
/** Of the time that is left after the lists, for the ranker; and what it gets in any case (guesses). */
const RANKER_SHARE = 0.7;
const LEAST_RANKER_TIME = (2 * MINUTE) as Ms;
/** Of the whole budget, what the last fit always gets: it is the one that serves. */
export const LAST_SHARE = 0.1;

/** rankerShare and maxLists are guesses; both stages then train within a minute or two on two cores. */
export const DEFAULT_TWO_STAGE: TwoStageSettings = {
  seed: 1,
  candidates: 500,
  perSource: 1000,
  rankerShare: 0.1,
  maxLists: 12_000,
  rungs: ["popularity", "logistic", "feature-network"],
  touches: DEFAULT_LIMITS.touches,
  timeBudget: (7 * MINUTE) as Ms,
};

export interface TwoStage {
  readonly sources: readonly Source[];
  readonly fitted: FittedSources;
  /** null where there was too little to learn from: candidates then stay in the blend's order. */
  readonly ranker: TrainedRanker | null;
  /** What answers where there is no time for it; null where it costs little itself. */
  readonly cheaperRanker: RankerFiles | null;
  /** All that were fitted, from simple to complex. */
  readonly rungs: readonly FittedRung[];
  /** Indices into HEADS of those that the rungs have. */
  readonly heads: readonly number[];
  readonly featureSet: FeatureSet;
  /** What the ranker learned from. */
  readonly lists: RankingLists;
}

/** The rung that serves, with its files. */
export interface TrainedRanker {
  readonly rung: FittedRung;
  readonly files: RankerFiles;
}

/** Slots of slates that are learned from, the newest, for each list of `maxLists`. */
const SLOTS_A_LIST = 10;
/** Share of the users whose lists choose epochs and the rung. */
const VALIDATION = 0.07;

export async function fitTwoStage(
  history: History,
  cut: Cut,
  settings: TwoStageSettings,
  clock: Clock,
  progress: Progress,
  checkpoints?: Checkpoints,
): Promise<TwoStage> {
  const deadline = new Deadline(clock, settings.timeBudget);
  const sources = sourcesNamed(settings.sources);
  const older = cutAt(history, momentOf(history, cut, 1 - settings.rankerShare), cut);
  const random = new Random(`${settings.seed}/lists`);
  const examples = sample(examplesBetween(history, older, cut), settings.maxLists, random);
  const slates = newestSlots(slatesBefore(history, cut), SLOTS_A_LIST * settings.maxLists);
  const asked = askedOf(history, slates, older, Math.ceil(settings.maxLists / 3), random);
  const features = featureSet(
    fitFeatureSchema({
      sources,
      catalog: history.catalog,
      users: history.users,
      surfaces: slates.map(({ surface }) => surface),
      devices: slates.map(({ device }) => device),
    }),
  );
  const { seed, timeBudget, device } = settings;
  const common = { catalog: history.catalog, seed, timeBudget, clock, progress, device };
  const olderSources = await fitSources(sources, sequencesOf(history, older), {
    ...common,
    budget: (OLDER_SHARE * deadline.remaining()) as Ms,
    checkpoints: checkpoints && ((source) => checkpoints.of(`older-${source}`)),
  });
  const lists = await rankingLists({
    history,
    sources,
    fitted: olderSources,
    featureSet: features,
    cut,
    examples,
    slates,
    asked,
    candidates: settings.candidates,
    perSource: settings.perSource,
    limits: settings,
    random,
    progress,
  });
  const fittedRungs = await fitRungs({
    history,
    lists,
    featureSet: features,
    before: older,
    validation: VALIDATION,
    rungs: settings.rungs,
    seed,
    deadline: new Deadline(clock, settings.rankerTime ?? rankerTime(deadline)),
    progress,
  });
  const rung =
    fittedRungs &&
    (fittedRungs.rungs.find(({ kind }) => kind.name === settings.serves) ??
      chosenRung(fittedRungs.rungs, fittedRungs.judges));
  const cheaper = rung && standIn(fittedRungs.rungs, rung);
  return {
    sources,
    fitted: await fitSources(sources, sequencesOf(history, cut), {
      ...common,
      budget: Math.max(deadline.remaining(), LAST_SHARE * settings.timeBudget) as Ms,
      previous: olderSources,
      checkpoints: checkpoints && ((source) => checkpoints.of(`cut-${source}`)),
    }),
    ranker: rung && { rung, files: await rungFiles(rung, lists, fittedRungs.batches) },
    cheaperRanker: cheaper && (await rungFiles(cheaper, lists, fittedRungs!.batches)),
    rungs: fittedRungs?.rungs ?? [],
    heads: fittedRungs?.heads ?? [],
    featureSet: features,
    lists,
  };
}

function rankerTime(deadline: Deadline): Ms {
  return Math.max(deadline.remaining() * RANKER_SHARE, LEAST_RANKER_TIME) as Ms;
}

/** At most `count` of the items, drawn without replacement, in their order. */
export function sample<T>(items: readonly T[], count: number, random: Random): readonly T[] {
  if (items.length <= count) return items;
  const chosen = new Uint8Array(items.length).fill(1, 0, count);
  random.shuffle(chosen);
  return items.filter((_, i) => chosen[i] === 1);
}

/** Slates that were shown before the cut of their user ends. */
function slatesBefore(history: History, cut: Cut): readonly Slate[] {
  return history.slates.filter(({ user, time }) => {
    const end = cut[user]!;
    return end > history.offsets[user]! && time <= history.times[end - 1]!;
  });
}

/** The newest, so that they have at most `count` slots together. */
function newestSlots(slates: readonly Slate[], count: number): readonly Slate[] {
  let first = slates.length;
  for (let left = count; first > 0 && left >= slates[first - 1]!.items.length; first--) {
    left -= slates[first - 1]!.items.length;
  }
  return slates.slice(first);
}

/** (slates) 1 for `count` of those that sources fitted on `older` have not seen. */
function askedOf(
  history: History,
  slates: readonly Slate[],
  older: Cut,
  count: number,
  random: Random,
): Uint8Array {
  const newer = slates.flatMap(({ user, time }, s) => {
    const end = older[user]!;
    return end === history.offsets[user]! || time > history.times[end - 1]! ? [s] : [];
  });
  const asked = new Uint8Array(slates.length);
  for (const s of sample(newer, count, random)) asked[s] = 1;
  return asked;
}
