/** Sources brought to life, and asked together. */
import type { Catalog } from "../catalog/index.ts";
import type { ModelLoader } from "../tensor/index.ts";
import type { Contribution } from "./blend.ts";
import type { Columns, Encodings, Query, Retriever, Source, Touches } from "./retriever.ts";

/** What fitted sources keep, by source name. */
export type FittedSources = Readonly<Record<string, Columns>>;

/** A source that answers, with its vote in the blend and how deep it is asked (`Source`). */
export interface LoadedSource {
  readonly retriever: Retriever;
  readonly weight: number;
  readonly depth: number;
}

/**
 * Sources that have a fit but no columns in `fitted` are left out: they would have nothing to say. Rejects where one
 * cannot be loaded, and leaves none open then.
 */
export async function loadSources(
  sources: readonly Source[],
  fitted: FittedSources,
  catalog: Catalog,
  model?: ModelLoader,
): Promise<readonly LoadedSource[]> {
  const loaded: LoadedSource[] = [];
  try {
    for (const source of sources) {
      if (source.fit !== undefined && fitted[source.name] === undefined) continue;
      const retriever = await source.load(fitted[source.name] ?? {}, catalog, model);
      loaded.push({ retriever, weight: source.weight, depth: source.depth });
    }
  } catch (cause) {
    await closeSources(loaded);
    throw cause;
  }
  return loaded;
}

export async function closeSources(sources: readonly LoadedSource[]): Promise<void> {
  await Promise.all(sources.map(({ retriever }) => retriever.close?.()));
}

/** What the sources compute of a user, all of it; rejects where one fails. For callers who have the time. */
export async function encodeAll(sources: readonly LoadedSource[], touches: Touches): Promise<Encodings> {
  const encodings: Record<string, Float32Array> = {};
  if (touches.items.length === 0) return encodings;
  for (const { retriever } of sources) {
    if (retriever.encode !== undefined) encodings[retriever.name] = await retriever.encode(touches);
  }
  return encodings;
}

/**
 * How many candidates a source is asked for, of `perSource`. Who has no history hears of statistics alone, and then of as
 * many as there may be.
 */
export function countOf({ depth }: LoadedSource, { items }: Touches, perSource: number): number {
  return items.length === 0 ? perSource : Math.ceil(depth * perSource);
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

/** Asks every source for its part of `perSource`. */
export function retrieveAll(
  sources: readonly LoadedSource[],
  query: Query,
  perSource: number,
): readonly Contribution[] {
  return sources.map((source) => contributionOf(source, query, countOf(source, query, perSource)));
}
