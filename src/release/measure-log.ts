/** `upnext tradeoffs`: fits every rung on the older part of a log, and measures all of them on its newest part. */
import { type EpochMs, type Ms, type Progress, UpnextError } from "../core/index.ts";
import type { EventLog } from "../events/index.ts";
import { MAX_VISITS } from "../features/index.ts";
import type { PathSettings } from "../pipeline/index.ts";
import { type NetworkRanker, networkRanker } from "../ranking/index.ts";
import { closeSources, loadSources } from "../retrieval/index.ts";
import {
  fitOlderPart,
  measureShown,
  type OlderPart,
  type OlderPartOptions,
  RANKING_RUNGS,
} from "../training/index.ts";
import type { Objective } from "./choose-rung.ts";
import type { Meter } from "./measure-requests.ts";
import type { MeasuredRung } from "./measured-rung.ts";
import { MAX_NEXT_ITEMS, qualityOfNextItems } from "./next-items.ts";
import { type Quality, qualityOfExposures } from "./quality.ts";
import { realStates } from "./real-states.ts";
import { type DataMeasured, measureTradeoffs, type Tradeoffs } from "./tradeoffs.ts";

export interface LogOptions {
  readonly objective: Objective;
  /** How the log is divided, and what the fits are given. */
  readonly evaluation: Pick<OlderPartOptions, "split" | "settings" | "base">;
  /** What requests are measured with. */
  readonly path: PathSettings;
  readonly data: Pick<DataMeasured, "name" | "split">;
  /** How long requests are measured. */
  readonly time: Ms;
  readonly meter: Meter;
  readonly progress: Progress;
}

/** Rejects with `not_enough_data` where the log has too little to fit rankers on, or nothing to measure them on. */
export async function measureLog(log: EventLog, options: LogOptions): Promise<Tradeoffs> {
  const { objective, evaluation, path, data, time, meter, progress } = options;
  const older = await fitOlderPart(
    log,
    {
      ...evaluation,
      clock: meter.clock,
      settings: {
        rungs: RANKING_RUNGS.map(({ name }) => name),
        // A rung that is left out for want of time cannot be compared.
        rankerTime: Number.POSITIVE_INFINITY as Ms,
        ...evaluation.settings,
      },
    },
    progress,
  );
  const { history, models, settings } = older;
  const { catalog } = history;
  const [first, ...others] = models.rungs;
  if (first === undefined) {
    throw new UpnextError(
      "not_enough_data",
      `tradeoffs: expected enough of what users took or were shown before the split to fit rankers on, got ${models.lists.count} lists; import more data, or choose another --split`,
    );
  }
  const rankers: { readonly name: string; readonly ranker: NetworkRanker }[] = [];
  const sources = await loadSources(models.sources, models.fitted, catalog);
  try {
    for (const { kind, header, models: files } of models.rungs) {
      rankers.push({ name: kind.name, ranker: await networkRanker(header, files) });
    }
    const { quality, tests } = await qualityOf(older, rankers, path, progress);
    const measured = ({ kind, header, models: files, trainSeconds }: typeof first): MeasuredRung => ({
      name: kind.name,
      noun: kind.noun,
      about: kind.about,
      teacher: kind.teacher,
      ranker: rankers.find(({ name }) => name === kind.name)!.ranker,
      files: { header, models: files },
      trainSeconds,
      quality: quality.of(kind.name),
      differenceTo: (other) => quality.difference(kind.name, other),
    });
    return await measureTradeoffs(
      {
        catalog,
        sources,
        featureSet: models.featureSet,
        settings: path,
        states: realStates(history, MAX_VISITS, settings.seed),
        now: (catalog.statistics.newest + 1) as EpochMs,
        metrics: quality.metrics,
        rungs: [measured(first), ...others.map(measured)],
      },
      {
        objective,
        data: {
          ...data,
          users: history.users.length,
          items: catalog.size,
          interactions: history.items.length,
          tests,
        },
        time,
        meter,
        seed: settings.seed,
        progress,
      },
    );
  } finally {
    await Promise.all([closeSources(sources), ...rankers.map(({ ranker }) => ranker.close())]);
  }
}

/** On what was shown after the split, or, where nothing was logged of that, on the items that were taken next. */
async function qualityOf(
  older: OlderPart,
  rankers: readonly { readonly name: string; readonly ranker: NetworkRanker }[],
  path: PathSettings,
  progress: Progress,
): Promise<{ readonly quality: Quality; readonly tests: number }> {
  const { history, models, settings, statistics, examples } = older;
  const shown = await measureShown(older, [], progress);
  if (shown !== null) {
    return { quality: qualityOfExposures(shown, path.headWeights), tests: shown.exposures };
  }
  const { sources, fitted, featureSet } = models;
  const quality = await qualityOfNextItems({
    history,
    statistics,
    sources,
    fitted,
    featureSet,
    rankers,
    examples,
    settings: path,
    limits: settings,
    seed: settings.seed,
    progress,
  });
  return { quality, tests: Math.min(examples.length, MAX_NEXT_ITEMS) };
}
