/** `upnext evaluate`: split a log, train on the training part alone, rank the full catalogue for every test item. */
import { type Progress, systemClock } from "../core/index.ts";
import type { SystemScores } from "../evaluation/index.ts";
import type { EventLog } from "../events/index.ts";
import { measureSystems } from "./measure-systems.ts";
import { fitOlderPart, measureShown, type OlderPartOptions } from "./older-part.ts";
import type { RankingEvaluation, RankingPeer } from "./ranking/measure-rungs.ts";

export interface EvaluationOptions extends OlderPartOptions {
  readonly headWeights?: Readonly<Record<string, number>>;
  /** What else is measured on what was shown. */
  readonly peers?: readonly RankingPeer[];
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

export async function evaluate(
  log: EventLog,
  options: EvaluationOptions,
  progress: Progress,
): Promise<Evaluation> {
  const older = await fitOlderPart(log, options, progress);
  const { history, settings, models, fitSeconds, statistics, examples, examplesFound } = older;
  const systems = await measureSystems({
    history,
    models,
    statisticsCut: statistics,
    examples,
    candidates: settings.candidates,
    perSource: settings.perSource,
    limits: settings,
    headWeights: options.headWeights ?? {},
    clock: options.clock ?? systemClock,
    progress,
  });
  const ranking = await measureShown(older, options.peers ?? [], progress);
  return {
    users: history.users.length,
    items: history.catalog.size,
    interactions: history.items.length,
    examples: examples.length,
    examplesFound,
    rankerLists: models.ranker === null ? 0 : models.lists.count,
    fitSeconds,
    systems,
    ranking,
  };
}
