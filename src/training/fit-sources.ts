/** Fits every retrieval source on a cut of the history, and brings them to life. */

import type { Catalog } from "../catalog/index.ts";
import type { Progress } from "../core/index.ts";
import { Random, silent } from "../core/index.ts";
import {
  type Columns,
  type Contribution,
  type Query,
  type Retriever,
  type Sequences,
  SOURCES,
} from "../retrieval/index.ts";

/** What the sources keep, by source name. */
export type FittedSources = Readonly<Record<string, Columns>>;

export async function fitSources(
  sequences: Sequences,
  seed: number,
  progress: Progress,
): Promise<FittedSources> {
  const fitted: Record<string, Columns> = {};
  for (const source of SOURCES) {
    if (source.fit === undefined) continue;
    progress.step(`fit ${source.name}`);
    fitted[source.name] = await source.fit({
      sequences,
      random: new Random(`${seed}/${source.name}`),
      progress: silent,
    });
  }
  return fitted;
}

/** A source that answers, with its vote in the blend. */
export interface LoadedSource {
  readonly retriever: Retriever;
  readonly weight: number;
}

export async function loadSources(fitted: FittedSources, catalog: Catalog): Promise<readonly LoadedSource[]> {
  return Promise.all(
    SOURCES.map(async (source) => ({
      retriever: await source.load(fitted[source.name] ?? {}, catalog),
      weight: source.weight,
    })),
  );
}

/** Asks every source for its `k` best. */
export async function retrieveAll(
  sources: readonly LoadedSource[],
  query: Query,
  k: number,
): Promise<readonly Contribution[]> {
  const contributions: Contribution[] = [];
  for (const { retriever, weight } of sources) {
    contributions.push({
      name: retriever.name,
      weight,
      signalNames: retriever.signalNames,
      retrieved: await retriever.retrieve(query, k),
    });
  }
  return contributions;
}
