/**
 * Features: what the ranker knows about a candidate. One definition for serving and for training, which replays the
 * log and calls the same functions with the state as it was.
 *
 * A group computes some columns for all candidates of a request at once. A value depends on the query and on its own
 * candidate alone, never on which other candidates are in the batch.
 */
import { createHash } from "node:crypto";
import type { Catalog } from "../catalog/index.ts";
import type { Candidates, Query } from "../retrieval/index.ts";

export interface FeatureContext {
  readonly query: Query;
  readonly catalog: Catalog;
  readonly candidates: Candidates;
}

/** Where a group writes: value f of candidate i goes to matrix[i * width + first + f]. */
export interface FeatureTarget {
  /** (n, width), row-major. */
  readonly matrix: Float32Array;
  readonly width: number;
  readonly first: number;
}

export interface FeatureGroup {
  readonly name: string;
  /** Raised when the meaning of a column changes, so that old bundles are refused. */
  readonly version: number;
  /** Names of its columns, given the sources and signals that candidates come with. */
  columns(sources: readonly string[], signals: readonly string[]): readonly string[];
  /**
   * The smallest deviation by which its columns are scaled. A training window may hold one hour or one kind of user
   * only; without a floor, the next hour would be hundreds of deviations away. 0 where values vary by candidate.
   */
  readonly smallestDeviation: number;
  /** Fills its columns for every candidate. Values are finite. */
  fill(context: FeatureContext, target: FeatureTarget): void;
}

export interface FeatureSet {
  readonly names: readonly string[];
  /** Digest of groups, versions, columns, sources and signals: bundle and code must agree on it. */
  readonly fingerprint: string;
  /** (names.length) the smallest deviation by which each is scaled. */
  readonly smallestDeviations: Float32Array;
  /** (n, names.length), row-major, for the n candidates. */
  compute(context: FeatureContext): Float32Array;
}

export function featureSet(
  groups: readonly FeatureGroup[],
  sources: readonly string[],
  signals: readonly string[],
): FeatureSet {
  const columns = groups.map((group) => group.columns(sources, signals));
  const names = columns.flatMap((names, g) => names.map((name) => `${groups[g]!.name}.${name}`));
  const description = JSON.stringify([
    groups.map((group) => [group.name, group.version]),
    names,
    sources,
    signals,
  ]);
  const firsts: number[] = [];
  let width = 0;
  for (const names of columns) {
    firsts.push(width);
    width += names.length;
  }
  return {
    names,
    fingerprint: createHash("sha256").update(description).digest("hex").slice(0, 16),
    smallestDeviations: Float32Array.from(
      groups.flatMap((group, g) => columns[g]!.map(() => group.smallestDeviation)),
    ),
    compute(context) {
      const matrix = new Float32Array(context.candidates.rows.length * width);
      for (let g = 0; g < groups.length; g++) groups[g]!.fill(context, { matrix, width, first: firsts[g]! });
      return matrix;
    },
  };
}
