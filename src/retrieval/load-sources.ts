/** Sources brought to life, and asked together. */
import type { Catalog } from "../catalog/index.ts";
import type { Contribution } from "./blend.ts";
import type { Columns, Query, Retriever, Source } from "./retriever.ts";

/** What fitted sources keep, by source name. */
export type FittedSources = Readonly<Record<string, Columns>>;

/** A source that answers, with its vote in the blend. */
export interface LoadedSource {
  readonly retriever: Retriever;
  readonly weight: number;
}

/** Sources that have a fit but no columns in `fitted` are left out: they would have nothing to say. */
export function loadSources(
  sources: readonly Source[],
  fitted: FittedSources,
  catalog: Catalog,
): Promise<readonly LoadedSource[]> {
  return Promise.all(
    sources
      .filter((source) => source.fit === undefined || fitted[source.name] !== undefined)
      .map(async (source) => ({
        retriever: await source.load(fitted[source.name] ?? {}, catalog),
        weight: source.weight,
      })),
  );
}

/** Asks one source for its `k` best. */
export function contributionOf({ retriever, weight }: LoadedSource, query: Query, k: number): Contribution {
  return {
    name: retriever.name,
    weight,
    signalNames: retriever.signalNames,
    retrieved: retriever.retrieve(query, k),
  };
}

/** Asks every source for its `k` best. */
export function retrieveAll(
  sources: readonly LoadedSource[],
  query: Query,
  k: number,
): readonly Contribution[] {
  return sources.map((source) => contributionOf(source, query, k));
}
