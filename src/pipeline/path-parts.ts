/** What a request runs with, beside what it asks. */
import type { Catalog } from "../catalog/index.ts";
import type { Clock, Ms, SpareMemory } from "../core/index.ts";
import type { PolicySettings } from "../policy/index.ts";
import type { RankingCost } from "./budget.ts";
import type { EncodingCache } from "./encoding-cache.ts";
import type { StateRead } from "./follower.ts";
import type { ServingModels } from "./serving-models.ts";

export interface PathSettings {
  readonly candidates: number;
  readonly perSource: number;
  readonly headWeights: Readonly<Record<string, number>>;
  /** A touch exists while it is younger than so many milliseconds; for ever where absent. */
  readonly maxAge?: Ms;
  readonly policy: PolicySettings;
}

export interface PathParts {
  readonly catalog: Catalog;
  readonly models: ServingModels;
  readonly clock: Clock;
  readonly cost: RankingCost;
  readonly settings: PathSettings;
  /** What was encoded before; everything is encoded for the request where absent. */
  readonly encodings?: EncodingCache | undefined;
  /** For a request whose result is given back; memory is new where absent. */
  readonly memory?: SpareMemory | undefined;
  readonly readState: () => Promise<StateRead>;
}
