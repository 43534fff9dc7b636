/** What `doctor` and /readyz look at: each check says what is, and how to mend it. */
import type { Catalog } from "../catalog/index.ts";
import type { Offset } from "../core/index.ts";
import type { Check } from "./recommender.ts";
import type { ServingModels } from "./serving-models.ts";

export interface Health {
  readonly logEnd: Offset;
  readonly tail: string | null;
  /** What cannot be known of the log any more, in words. */
  readonly logWarnings: readonly string[];
  /** Why appends fail at this moment, null where they do not. */
  readonly logProblem: string | null;
  readonly catalog: Catalog;
  readonly live: number;
  readonly withoutFacts: number;
  readonly stateApplied: Offset;
  /** What keeps a store that is elsewhere from answering, null where nothing does. */
  readonly storeProblem: string | null;
  /** Why snapshots, retention or erasures do not come to their end, null where they do. */
  readonly keepingProblem: string | null;
  readonly models: ServingModels;
  /** Why the current bundle is not in service, null where it is or there is none. */
  readonly bundleProblem: string | null;
  /** Why events could not be applied, null where they are. */
  readonly foldProblem: string | null;
  /** Why experiments do not run as they were started, null where they do. */
  readonly experimentProblem: string | null;
}

/** A bundle is old once the log has grown by this share since. */
const STALE_SHARE = 0.2;

export function checksOf(health: Health): readonly Check[] {
  const checks = [
    ...[logCheck, foldCheck, storeCheck, keepingCheck],
    ...[catalogCheck, factsCheck, bundleCheck, experimentCheck],
  ];
  return checks.flatMap((check) => check(health) ?? []);
}

function logCheck({ logEnd, tail, logWarnings, logProblem }: Health): Check {
  if (logProblem !== null) {
    return {
      name: "log",
      level: "failure",
      message: `Events cannot be made durable and are refused; answers go on: ${logProblem}`,
      cure: "Free space or mend the disk. After a sync that failed, restart: what is on the disk is read again.",
    };
  }
  if (tail !== null) {
    return {
      name: "log",
      level: "warning",
      message: `The end of the log was cut at start: ${tail}. Nothing that was acknowledged is lost.`,
    };
  }
  if (logWarnings.length > 0) return { name: "log", level: "warning", message: logWarnings.join(" ") };
  if (logEnd === 0) {
    return { name: "log", level: "warning", message: "The log is empty.", cure: "npx upnext import PATH" };
  }
  return { name: "log", level: "ok", message: `The log holds ${logEnd} events.` };
}

function foldCheck({ logEnd, catalog, stateApplied, foldProblem }: Health): Check {
  if (foldProblem !== null) {
    return {
      name: "state",
      level: "failure",
      message: `Events are not being applied: ${foldProblem}`,
      cure: "Mend the cause, or delete the folder state/: it is rebuilt from the log at the next start.",
    };
  }
  const behind = logEnd - Math.min(catalog.applied, stateApplied);
  if (behind > 0)
    return { name: "state", level: "warning", message: `State and catalog are ${behind} events behind.` };
  return { name: "state", level: "ok", message: "State and catalog reflect the whole log." };
}

/** Answers go on without the store, so this is no reason to take the server out of service. */
function storeCheck({ storeProblem }: Health): Check | undefined {
  if (storeProblem === null) return undefined;
  return {
    name: "store",
    level: "warning",
    message: `The state store does not answer as it should: ${storeProblem}`,
    cure: "Mend the store. What it lacks is written to it from the log by itself.",
  };
}

function keepingCheck({ keepingProblem }: Health): Check | undefined {
  if (keepingProblem === null) return undefined;
  return {
    name: "housekeeping",
    level: "warning",
    message: `Snapshots, retention or erasures could not be carried out: ${keepingProblem}`,
    cure: "Free space or mend the disk; it is tried again every ten seconds.",
  };
}

function catalogCheck({ catalog, live }: Health): Check {
  if (live > 0)
    return { name: "catalog", level: "ok", message: `${live} of ${catalog.size} items may be recommended.` };
  return {
    name: "catalog",
    level: "warning",
    message: "There is no item to recommend.",
    cure: "Add items (PUT /v1/items/ID) or import data: npx upnext import PATH",
  };
}

function factsCheck({ catalog, withoutFacts }: Health): Check {
  if (withoutFacts === 0) return { name: "facts", level: "ok", message: "Every item has facts." };
  return {
    name: "facts",
    level: "warning",
    message: `${withoutFacts} of ${catalog.size} items are known from interactions alone: no title, creator or category.`,
    cure: "npx upnext import PATH --items ITEMS_FILE, or PUT /v1/items/ID",
  };
}

function bundleCheck({ models, bundleProblem, logEnd }: Health): Check {
  const cure = "npx upnext train";
  if (bundleProblem !== null) {
    return {
      name: "bundle",
      level: "failure",
      message: `The current bundle was refused: ${bundleProblem}`,
      cure,
    };
  }
  if (models.bundle === null) {
    return {
      name: "bundle",
      level: "warning",
      message: "Nothing is trained: answers are popular, trending and fresh items, the same for everyone.",
      cure,
    };
  }
  const { id, logOffset } = models.bundle;
  if (models.ranker === null) {
    return {
      name: "bundle",
      level: "warning",
      message: `Bundle ${id} has no ranker: when it was trained there was too little to learn ranking from.`,
      cure: `Collect more interactions, then: ${cure}`,
    };
  }
  const since = logEnd - logOffset;
  if (since > STALE_SHARE * logOffset) {
    return { name: "bundle", level: "warning", message: `Bundle ${id} is ${since} events old.`, cure };
  }
  return { name: "bundle", level: "ok", message: `Bundle ${id} is in service, ${since} events old.` };
}

function experimentCheck({ experimentProblem }: Health): Check | undefined {
  if (experimentProblem === null) return undefined;
  return {
    name: "experiments",
    level: "warning",
    message: `An experiment does not run as it was started: ${experimentProblem}`,
    cure: "npx upnext experiment list; stop it, or mend the cause: it is tried again each minute.",
  };
}
