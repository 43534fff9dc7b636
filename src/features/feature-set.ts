/**
 * Features: what the ranker knows about a request and its candidates. One definition for serving and for training,
 * which replays the log and calls the same functions with the state as it was.
 *
 * A group computes some columns: of the request, once, or of all its candidates. A candidate's value depends on the
 * query and on its own candidate alone, never on which other candidates are in the batch.
 */
import { createHash } from "node:crypto";
import type { Catalog } from "../catalog/index.ts";
import type { SpareMemory } from "../core/index.ts";
import type { Candidates, Query } from "../retrieval/index.ts";
import { BLOCK_ROWS, ColumnBlock } from "../tensor/index.ts";
import { type CandidateBlock, GatheredBlock } from "./candidate-block.ts";
import type { FeatureSchema } from "./feature-schema.ts";
import type { Visits } from "./visits.ts";

export interface FeatureContext {
  readonly query: Query;
  readonly catalog: Catalog;
  readonly candidates: Candidates;
  /** Those of the query's history. */
  readonly visits: Visits;
}

/** What a column's numbers are. */
export type FeatureKind = "flag" | "share" | "log" | "log-odds" | "score" | "count" | "cycle";

/** A column of the request. */
export interface RequestColumn {
  readonly name: string;
  readonly kind: FeatureKind;
  /** The value that says "nothing is known"; absent where the column always says something. */
  readonly unknown?: number;
}

/** A column of candidates. */
export interface FeatureColumn extends RequestColumn {
  /**
   * Whether the column is the natural logarithm of what the group writes where that is > 0, and the opposite of it where
   * it is not: logarithms of whole columns cost a tenth of single ones.
   */
  readonly ln?: true;
  /** The head whose log-odds for the item alone, as far as statistics know them, the column is: what popularity ranks by. */
  readonly rateOf?: string;
}

interface GroupOf<Per extends "request" | "candidate"> {
  readonly name: string;
  /** Raised when the meaning of a column changes, so that old bundles are refused. */
  readonly version: number;
  readonly per: Per;
  /**
   * The smallest deviation by which its columns are scaled. A training window may hold one hour or one kind of user
   * only; without a floor, the next hour would be hundreds of deviations away. 0 where values vary by candidate.
   */
  readonly smallestDeviation: number;
}

export interface RequestGroup extends GroupOf<"request"> {
  readonly ofRetrieval?: never;
  columns(schema: FeatureSchema): readonly RequestColumn[];
  /** What of its work depends on the schema alone, done once. */
  prepare(schema: FeatureSchema): (context: FeatureContext) => FillRequest;
}

/** Writes value f of the request to values[f]. What it does not write is 0. Values are finite. */
export type FillRequest = (values: Float32Array) => void;

export interface CandidateGroup extends GroupOf<"candidate"> {
  /** Whether it tells what sources say of a candidate: nothing, where none was asked. */
  readonly ofRetrieval?: boolean;
  columns(schema: FeatureSchema): readonly FeatureColumn[];
  /**
   * What of its work depends on the schema alone, done once; then what depends on the request; then, for one block of its
   * candidates after the other, the columns. Value f of candidate i of the block goes to columns[f * BLOCK_ROWS + i].
   * What is not written is 0, and values are finite. Of one request all blocks are filled before the next one begins.
   *
   * @param columns (its own, BLOCK_ROWS)
   */
  prepare(
    schema: FeatureSchema,
    block: CandidateBlock,
    columns: Float32Array,
  ): (context: FeatureContext) => () => void;
}

export type FeatureGroup = RequestGroup | CandidateGroup;

export interface Features {
  /** (Fr) */
  readonly request: Float32Array;
  /** (n, Fc), row-major. */
  readonly candidates: Float32Array<ArrayBuffer>;
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
  /** @param memory that the candidates' features are in; new where absent */
  compute(context: FeatureContext, memory?: SpareMemory): Features;
}

export function featureSet(schema: FeatureSchema, groups: readonly FeatureGroup[]): FeatureSet {
  const request = ofRequests(
    schema,
    groups.filter((group) => group.per === "request"),
  );
  const candidates = ofCandidates(
    schema,
    groups.filter((group) => group.per === "candidate"),
  );
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
    compute: (context, memory) => ({
      request: request.fill(context),
      candidates: candidates.fill(context, memory),
    }),
  };
}

/** Of the groups of one kind: their columns side by side. */
function laidOut(schema: FeatureSchema, groups: readonly FeatureGroup[]) {
  const firsts: number[] = [];
  const features: Feature[] = [];
  const smallest: number[] = [];
  for (const group of groups) {
    const { per, ofRetrieval = false } = group;
    firsts.push(features.length);
    for (const column of group.columns(schema)) {
      features.push({ ...column, name: `${group.name}.${column.name}`, group: group.name, per, ofRetrieval });
      smallest.push(group.smallestDeviation);
    }
  }
  return { features, firsts, names: features.map(({ name }) => name), smallest: Float32Array.from(smallest) };
}

function ofRequests(schema: FeatureSchema, groups: readonly RequestGroup[]) {
  const layout = laidOut(schema, groups);
  const begins = groups.map((group) => group.prepare(schema));
  return {
    ...layout,
    fill(context: FeatureContext): Float32Array {
      const values = new Float32Array(layout.features.length);
      begins.forEach((begin, g) => {
        begin(context)(values.subarray(layout.firsts[g]!));
      });
      return values;
    },
  };
}

/** All groups fill a block before the next one: together with what they look up, it stays in the nearest caches. */
function ofCandidates(schema: FeatureSchema, groups: readonly CandidateGroup[]) {
  const layout = laidOut(schema, groups);
  const width = layout.features.length;
  const math = new ColumnBlock(layout.features.map(({ ln }) => ln === true));
  const block = new GatheredBlock(math);
  const begins = groups.map((group, g) =>
    group.prepare(schema, block, math.columns.subarray(layout.firsts[g]! * BLOCK_ROWS)),
  );
  return {
    ...layout,
    fill(context: FeatureContext, memory?: SpareMemory): Float32Array<ArrayBuffer> {
      const { rows } = context.candidates;
      const size = rows.length * width;
      const matrix = memory ? new Float32Array(memory.take(4 * size), 0, size) : new Float32Array(size);
      const fills = begins.map((begin) => begin(context));
      for (let from = 0; from < rows.length; from += BLOCK_ROWS) {
        block.take(rows, from, Math.min(rows.length - from, BLOCK_ROWS), context.catalog);
        for (let g = 0; g < fills.length; g++) fills[g]!();
        math.take(block.count, matrix, from * width);
      }
      return matrix;
    },
  };
}
