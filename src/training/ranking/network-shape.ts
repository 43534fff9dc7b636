/** What a ranking network is made for: scalings and base rates of the lists that train it. */
import type { FeatureSet } from "../../features/index.ts";
import { MAX_VISITS } from "../../features/index.ts";
import type { FeatureScaling, RankingArchitecture, RankingShape } from "../../models/index.ts";
import { HEADS, NEXT_HEAD, VISIT_COLUMNS, type Vocabulary } from "../../ranking/index.ts";
import { isCounted, nextItemsApart } from "./list-heads.ts";
import { listsWhere, NEXT_ITEM, type RankingLists, SLATE } from "./lists.ts";

/** Ranges of a feature's piecewise-linear code. */
const RANGES = 4;
/** Rows that quantiles are taken from. */
const MOST_ROWS = 50_000;
/** A head with fewer actions in the lists is left out: its probabilities would be noise. */
const MIN_ACTIONS = 100;

/** How large a network is; see RankingShape. */
export type NetworkSize = Pick<
  RankingShape,
  "width" | "blocks" | "attentionHeads" | "hidden" | "piecewise" | "embedding" | "dropout" | "idDropout"
>;

/** What all networks of one training have in common. */
export type SharedShape = Omit<RankingShape, "architecture" | keyof NetworkSize>;

/**
 * Indices into HEADS: the first always, other actions where the lists have enough of them and of their absence, the next
 * item where it has a head of its own.
 */
export function usableHeads(lists: RankingLists): readonly number[] {
  const rows = countedRows(
    lists,
    listsWhere(lists, () => true),
  );
  return HEADS.map((_, h) => h).filter((h) => {
    if (h === NEXT_HEAD) return nextItemsApart(lists);
    const actions = actionsIn(lists, rows, h);
    return h === 0 || (actions >= MIN_ACTIONS && rows.length - actions >= MIN_ACTIONS);
  });
}

/** What a shape takes from the feature set. */
export type Scalings = Pick<FeatureSet, "smallestDeviations" | "popularityColumns">;

export function sharedShape(
  lists: RankingLists,
  chosen: Int32Array,
  heads: readonly number[],
  featureSet: Scalings,
  vocabulary: Vocabulary,
): SharedShape {
  const byKind = [NEXT_ITEM, SLATE].map((kind) =>
    rowsOf(
      lists,
      chosen.filter((list) => lists.kinds[list] === kind),
    ),
  );
  const kinds = byKind.filter(({ length }) => length > 0).length;
  // A list of a next item has more rows than one that was shown: both kinds are to lie within the ranges.
  const rows = joined(byKind.map((some) => everyNth(some, MOST_ROWS / kinds)));
  return {
    requestFeatures: lists.requestWidth,
    candidateFeatures: lists.candidateWidth,
    requestScaling: scalingOf(
      lists.request,
      lists.requestWidth,
      chosen,
      featureSet.smallestDeviations.request,
    ),
    candidateScaling: scalingOf(
      lists.candidates,
      lists.candidateWidth,
      rows,
      featureSet.smallestDeviations.candidates,
    ),
    popularityColumns: heads.map((h) => popularityColumn(featureSet, HEADS[h]!.name)),
    heads: heads.length,
    baseLogits: heads.map((head) => {
      const counted = joined(byKind.filter((_, kind) => isCounted(lists, heads, kind, head)));
      return logOdds(actionsIn(lists, counted, head), counted.length);
    }),
    ...vocabulary,
    visits: MAX_VISITS,
    visitColumns: VISIT_COLUMNS,
  };
}

/** Where nothing counts the action alone, that the item is taken at all stands for it. */
function popularityColumn({ popularityColumns }: Scalings, head: string): number {
  return popularityColumns[head] ?? popularityColumns[HEADS[0]!.name]!;
}

export function shapeOf(
  architecture: RankingArchitecture,
  size: NetworkSize,
  shared: SharedShape,
): RankingShape {
  return { architecture, ...shared, ...size };
}

function rowsOf(lists: RankingLists, chosen: Int32Array): Int32Array {
  let n = 0;
  for (const list of chosen) n += lists.offsets[list + 1]! - lists.offsets[list]!;
  const rows = new Int32Array(n);
  let at = 0;
  for (const list of chosen) {
    for (let row = lists.offsets[list]!; row < lists.offsets[list + 1]!; row++) rows[at++] = row;
  }
  return rows;
}

/** Rows of the lists whose labels count: of slates, where there are any. */
function countedRows(lists: RankingLists, chosen: Int32Array): Int32Array {
  if (lists.kinds.every((kind) => kind === NEXT_ITEM)) return rowsOf(lists, chosen);
  return rowsOf(
    lists,
    chosen.filter((list) => lists.kinds[list] !== NEXT_ITEM),
  );
}

function actionsIn(lists: RankingLists, rows: Int32Array, head: number): number {
  let actions = 0;
  for (const row of rows) actions += lists.labels[row * HEADS.length + head]!;
  return actions;
}

/** Of an action that was done so often; finite where it was never done, or always. */
function logOdds(done: number, rows: number): number {
  return Math.log((done + 0.5) / (rows - done + 0.5));
}

/** At most `most` of them, evenly. */
function everyNth(rows: Int32Array, most: number): Int32Array {
  const every = Math.max(1, Math.ceil(rows.length / most));
  return rows.filter((_, i) => i % every === 0);
}

function joined(parts: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Means, deviations and quantiles over the rows of a matrix (any, width). */
function scalingOf(
  matrix: Float32Array,
  width: number,
  rows: Int32Array,
  smallest: Float32Array,
): FeatureScaling {
  const some = everyNth(rows, MOST_ROWS);
  const means = new Float32Array(width);
  const deviations = new Float32Array(width);
  const boundaries = new Float32Array(width * (RANGES + 1));
  const column = new Float32Array(some.length);
  for (let f = 0; f < width; f++) {
    let sum = 0;
    for (let i = 0; i < some.length; i++) {
      column[i] = matrix[some[i]! * width + f]!;
      sum += column[i]!;
    }
    const mean = sum / some.length;
    let squares = 0;
    for (let i = 0; i < some.length; i++) squares += (column[i]! - mean) ** 2;
    const deviation = Math.sqrt(squares / some.length);
    column.sort();
    means[f] = mean;
    // What varied by rounding alone says nothing.
    deviations[f] = deviation > 1e-6 ? Math.max(smallest[f]!, deviation) : 0;
    for (let q = 0; q <= RANGES; q++) {
      const at = Math.round((q / RANGES) * (some.length - 1));
      boundaries[f * (RANGES + 1) + q] = deviation > 1e-6 ? column[at]! : mean;
    }
  }
  return { means, deviations, boundaries };
}
