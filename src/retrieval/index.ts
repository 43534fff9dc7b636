import { UpnextError } from "../core/index.ts";
import { als } from "./als.ts";
import { covisitation } from "./covisitation.ts";
import { ease } from "./ease.ts";
import { fresh } from "./fresh.ts";
import { popular } from "./popular.ts";
import type { Source } from "./retriever.ts";
import { sequence } from "./sequence/sequence.ts";
import { sessionKnn } from "./session-knn.ts";
import { transitions } from "./transitions.ts";
import { trending } from "./trending.ts";

/** Every retrieval source. A new one is a file and a line here. */
export const SOURCES: readonly Source[] = [
  transitions,
  sessionKnn,
  ease,
  covisitation,
  als,
  sequence,
  popular,
  trending,
  fresh,
];

export { bestOf } from "../tensor/index.ts";
export { blend, type Candidates, type Contribution, candidatesOf, fuse, pickCandidates } from "./blend.ts";
/** The sources with these names, in the order of SOURCES; all where no names are given. */
export function sourcesNamed(names?: readonly string[]): readonly Source[] {
  if (names === undefined) return SOURCES;
  for (const name of names) {
    if (SOURCES.some((source) => source.name === name)) continue;
    const known = SOURCES.map((source) => source.name).join(", ");
    throw new UpnextError(
      "invalid_config",
      `retrieval.sources: expected names out of ${known}, got "${name}"`,
    );
  }
  return SOURCES.filter((source) => names.includes(source.name));
}

export {
  closeSources,
  contributionOf,
  countOf,
  encodeAll,
  type FittedSources,
  type LoadedSource,
  loadSources,
  retrieveAll,
} from "./load-sources.ts";
export type {
  Checkpoint,
  Columns,
  Encodings,
  FitContext,
  HistoryColumns,
  Query,
  RequestContext,
  Retrieved,
  Retriever,
  Source,
  TouchColumns,
  Touches,
  Unencoded,
} from "./retriever.ts";
export type { Sequences } from "./sequences.ts";
export { contextOf, type TouchesRead, touchesOf, withEvidence } from "./touches.ts";
