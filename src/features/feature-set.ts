/**
 * Features: what the ranker knows about a request and its candidates. One definition for serving and for training,
 * which replays the log and calls the same functions with the state as it was.
 *
 * A group computes some columns: of the request, once, or of all its candidates. A candidate's value depends on the
 * query and on its own candidate alone, never on which other candidates are in the batch.
 */
import { createHash } from "node:crypto";
import type { Catalog } from "../catalog/index.ts";
import type { Candidates, Query } from "../retrieval/index.ts";
import { logRows } from "../tensor/index.ts";
import type { FeatureSchema } from "./feature-schema.ts";
import type { Visits } from "./visits.ts";

export interface FeatureContext {
  readonly query: Query;
  readonly catalog: Catalog;
  readonly candidates: Candidates;
  /** Those of the query's history. */
  readonly visits: Visits;
}

/**
 * Where a group writes: value f of row i goes to matrix[i * width + first + f]. What it does not write is 0. A request has
 * one row.
 */
export interface FeatureTarget {
  /** (rows, width), row-major. */
  readonly matrix: Float32Array;
  readonly width: number;
  readonly first: number;
}

/** What a column's numbers are. */
export type FeatureKind = "flag" | "share" | "log" | "log-odds" | "score" | "count" | "cycle";

export interface FeatureColumn {
  readonly name: string;
  readonly kind: FeatureKind;
  /** The value that says "nothing is known"; absent where the column always says something. */
  readonly unknown?: number;
  /**
   * Whether the column is the natural logarithm of what the group writes where that is > 0, and the opposite of it where
   * it is not: logarithms of whole columns cost a tenth of single ones.
   */
  readonly ln?: true;
  /** The head whose log-odds for the item alone, as far as statistics know them, the column is: what popularity ranks by. */
  readonly rateOf?: string;
}

export interface FeatureGroup {
  readonly name: string;
  /** Raised when the meaning of a column changes, so that old bundles are refused. */
  readonly version: number;
  readonly per: "request" | "candidate";
  /** Whether it tells what sources say of a candidate: nothing, where none was asked. */
  readonly ofRetrieval?: boolean;
  columns(schema: FeatureSchema): readonly FeatureColumn[];
  /**
   * The smallest deviation by which its columns are scaled. A training window may hold one hour or one kind of user
   * only; without a floor, the next hour would be hundreds of deviations away. 0 where values vary by candidate.
   */
  readonly smallestDeviation: number;
  /**
   * What of its work depends on the schema alone, done once; then what depends on the request. Of one request all rows
   * are filled before the next one begins.
   */
  prepare(schema: FeatureSchema): (context: FeatureContext) => FillFeatures;
}

/**
 * Fills the columns of a group, for the request or for some candidates: those from `from` on, before `to`, of which the
 * first is row 0 of the target. Values are finite.
 */
export type FillFeatures = (target: FeatureTarget, from: number, to: number) => void;

export interface Features {
  /** (Fr) */
  readonly request: Float32Array;
  /** (n, Fc), row-major. */
  readonly candidates: Float32Array;
}

/** A column as it is listed. */
export interface Feature extends FeatureColumn {
  readonly group: string;
  readonly per: FeatureGroup["per"];
  readonly ofRetrieval: boolean;
}

export interface FeatureSet {
  readonly schema: FeatureSchema;
  /** All columns, those of requests first. */
  readonly features: readonly Feature[];
  readonly requestNames: readonly string[];
  readonly candidateNames: readonly string[];
  /** By head: index into candidateNames of the column that is its `rateOf`. */
  readonly popularityColumns: Readonly<Record<string, number>>;
  /** Digest of groups, versions, columns and schema: bundle and code must agree on it. */
  readonly fingerprint: string;
  /** (Fr), (Fc) the smallest deviation by which each is scaled. */
  readonly smallestDeviations: { readonly request: Float32Array; readonly candidates: Float32Array };
  compute(context: FeatureContext): Features;
}

export function featureSet(schema: FeatureSchema, groups: readonly FeatureGroup[]): FeatureSet {
  const request = laidOut(schema, groups, "request");
  const candidates = laidOut(schema, groups, "candidate");
  const description = JSON.stringify([
    groups.map((group) => [group.name, group.version, group.per]),
    request.names,
    candidates.names,
    schema,
  ]);
  return {
    schema,
    features: [...request.features, ...candidates.features],
    requestNames: request.names,
    candidateNames: candidates.names,
    popularityColumns: Object.fromEntries(
      candidates.features.flatMap(({ rateOf }, f) => (rateOf === undefined ? [] : [[rateOf, f] as const])),
    ),
    fingerprint: createHash("sha256").update(description).digest("hex").slice(0, 16),
    smallestDeviations: { request: request.smallest, candidates: candidates.smallest },
    compute: (context) => ({
      request: request.fill(context, 1),
      candidates: candidates.fill(context, context.candidates.rows.length),
    }),
  };
}

/**
 * Rows that are filled by all groups before the next ones: together with what groups look up, they stay in the nearest
 * caches. Many enough for the processor to wait for the data of several candidates at a time.
 */
export const MOST_ROWS = 32;

/** The groups of one kind side by side. */
function laidOut(schema: FeatureSchema, all: readonly FeatureGroup[], per: FeatureGroup["per"]) {
  const groups = all.filter((group) => group.per === per);
  const begins = groups.map((group) => group.prepare(schema));
  const firsts: number[] = [];
  const features: Feature[] = [];
  const smallest: number[] = [];
  for (const group of groups) {
    const { ofRetrieval = false } = group;
    firsts.push(features.length);
    for (const column of group.columns(schema)) {
      features.push({ ...column, name: `${group.name}.${column.name}`, group: group.name, per, ofRetrieval });
      smallest.push(group.smallestDeviation);
    }
  }
  const width = features.length;
  const block = logRows(
    features.map(({ ln }) => ln === true),
    MOST_ROWS,
  );
  const targets = firsts.map((first): FeatureTarget => ({ matrix: block.rows, width, first }));
  return {
    features,
    names: features.map(({ name }) => name),
    smallest: Float32Array.from(smallest),
    fill(context: FeatureContext, rows: number): Float32Array {
      const matrix = new Float32Array(rows * width);
      const fills = begins.map((begin) => begin(context));
      for (let from = 0; from < rows; from += MOST_ROWS) {
        const to = Math.min(rows, from + MOST_ROWS);
        for (let g = 0; g < fills.length; g++) fills[g]!(targets[g]!, from, to);
        block.take(to - from, matrix, from * width);
      }
      return matrix;
    },
  };
}
