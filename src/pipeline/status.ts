/** What the system says about itself: figures, and checks with their cures. */
import type { Catalog } from "../catalog/index.ts";
import type { Ms } from "../core/index.ts";
import type { FileLog } from "../events/index.ts";
import { headWeight } from "../ranking/index.ts";
import type { StateStore } from "../state/index.ts";
import { STAGE_ENDS } from "./budget.ts";
import { checksOf } from "./checks.ts";
import type { PathSettings } from "./path-parts.ts";
import type { Status } from "./recommender.ts";
import type { ServingModels } from "./serving-models.ts";

export interface StatusParts {
  readonly log: Pick<FileLog, "first" | "end" | "tail" | "warnings" | "problem" | "segments">;
  readonly store: Pick<StateStore, "name" | "applied">;
  /** What keeps a store that is elsewhere from answering, and how many events it lacks. */
  readonly storeHealth: { readonly problem: string | null; readonly behind: number };
  readonly keepingProblem: string | null;
  readonly catalog: Catalog;
  readonly models: ServingModels;
  readonly settings: PathSettings;
  readonly budgetMs: Ms;
  /** Why the current bundle is not in service, null where it is or there is none. */
  readonly bundleProblem: string | null;
  /** Why events could not be applied, null where they are. */
  readonly foldProblem: string | null;
  /** Why experiments do not run as they were started, null where they do. */
  readonly experimentProblem: string | null;
}

export function statusOf(parts: StatusParts): Status {
  const { log, store, storeHealth, catalog, models } = parts;
  const { bundleProblem, foldProblem, keepingProblem, experimentProblem } = parts;
  const { items, size, statistics } = catalog;
  let live = 0;
  let withoutFacts = 0;
  for (let row = 0; row < size; row++) {
    live += items.live[row]!;
    if (!catalog.hasFacts(row)) withoutFacts++;
  }
  const checks = checksOf({
    logEnd: log.end,
    tail: log.tail,
    logWarnings: log.warnings,
    logProblem: log.problem,
    catalog,
    live,
    withoutFacts,
    stateApplied: store.applied,
    storeProblem: storeHealth.problem,
    keepingProblem,
    models,
    bundleProblem,
    foldProblem,
    experimentProblem,
  });
  return {
    ready: checks.every(({ level }) => level !== "failure"),
    checks,
    log: {
      first: log.first,
      end: log.end,
      tail: log.tail,
      bytes: log.segments.reduce((sum, { bytes }) => sum + bytes, 0),
    },
    catalog: { items: size, live, withoutFacts, engagements: statistics.totalEngagements },
    state: { store: store.name, applied: store.applied, behind: storeHealth.behind },
    bundle: models.bundle,
    settings: settingsOf(parts),
  };
}

function settingsOf({ settings, budgetMs, models }: StatusParts): Status["settings"] {
  const { candidates, perSource } = settings;
  return {
    budgetMs,
    candidates,
    perSource,
    stageEnds: STAGE_ENDS,
    sources: models.sources.map(({ retriever }) => retriever.name),
    heads: (models.ranker?.heads ?? []).map((name) => ({
      name,
      weight: headWeight(name, settings.headWeights),
    })),
  };
}
