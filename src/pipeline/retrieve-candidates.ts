/** Asks the sources for candidates, in turn, while there is time. */
import {
  type Contribution,
  contributionOf,
  countOf,
  type LoadedSource,
  type Query,
} from "../retrieval/index.ts";
import type { StageBudget } from "./budget.ts";
import type { PathParts } from "./path-parts.ts";
import type { Reason } from "./recommender.ts";
import type { Trace } from "./trace.ts";

/** What a source is asked for where its answer is not ranked, for one item of the slate: the policy leaves out some. */
const A_SLOT = 5;

/** How the sources are asked. */
export interface Retrieval {
  readonly sources: readonly LoadedSource[];
  /** Of a source. */
  readonly count: (source: LoadedSource) => number;
  /** Whether the others are not asked once one has found something. */
  readonly one: boolean;
}

/** The sources of the last rung: live statistics, the first that has something. Of the others: all. */
export function retrievalOf(
  { models, settings }: PathParts,
  query: Query,
  popular: boolean,
  limit: number,
): Retrieval {
  const { perSource } = settings;
  const sources = popular ? models.sources.filter(({ retriever }) => !retriever.personal) : models.sources;
  // A bundle may have been trained without any of them: then what there is answers.
  if (!popular || sources.length === 0) {
    return { sources: models.sources, count: (source) => countOf(source, query, perSource), one: false };
  }
  return { sources, count: () => Math.min(perSource, A_SLOT * Math.max(limit, 20)), one: true };
}

/** The ones for whom there is no time, or that fail, contribute nothing, and that is said. */
export function retrieveCandidates(
  parts: PathParts,
  { sources, count, one }: Retrieval,
  query: Query,
  allowed: number,
  budget: StageBudget,
  trace: Trace,
): readonly Contribution[] {
  return trace.now("retrieve", allowed, () => {
    let fallback: Reason | undefined;
    let answered = 0;
    const contributions = sources.map((source): Contribution => {
      const { retriever } = source;
      const silent = {
        name: retriever.name,
        weight: source.weight,
        signalNames: retriever.signalNames,
        retrieved: null,
      };
      if (one && answered > 0) return silent;
      // A first source that found something is asked of every request, however late it is: it is the last rung.
      if (budget.left("retrieve") < 0 && answered > 0) {
        fallback = trace.reason("source_late");
        return silent;
      }
      const started = parts.clock.monotonic();
      try {
        const contribution = contributionOf(source, query, count(source));
        const found = contribution.retrieved?.rows.length ?? 0;
        if (found > 0) answered++;
        trace.source(retriever.name, found, started);
        return guarded(contribution, trace);
      } catch {
        fallback = trace.reason("source_failed");
        return silent;
      }
    });
    return { value: contributions, out: sumFound(contributions), ...(fallback && { fallback }) };
  });
}

/** The same, with signals that say nothing where the source fails to tell them. */
function guarded(contribution: Contribution, trace: Trace): Contribution {
  const { retrieved } = contribution;
  if (retrieved === null) return contribution;
  return {
    ...contribution,
    retrieved: {
      ...retrieved,
      signals(rows, out) {
        try {
          retrieved.signals(rows, out);
        } catch {
          trace.reason("source_failed");
          for (const column of out) column.fill(0);
        }
      },
    },
  };
}

export function sumFound(contributions: readonly Contribution[]): number {
  return contributions.reduce((sum, { retrieved }) => sum + (retrieved?.rows.length ?? 0), 0);
}
