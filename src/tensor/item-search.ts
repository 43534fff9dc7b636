/**
 * Search for the largest dot products among rows that stay as they are, without a look at each of them: rows lie in
 * groups, and a group that has nothing to give is passed over.
 *
 * - Exact: groups of rows of about the same length, the longest first. By Cauchy and Schwarz no row gives more than its
 *   length times the user's, so the look ends where that is below what the best have for certain. Rows and scores are
 *   those of scoring everything, to the bit.
 * - By an index: groups of rows that are near each other (clusters.ts). Those whose mean, and how far rows are from it,
 *   promises most are looked at until a share of all rows has been. What is found has its exact score; some of the best
 *   are missed.
 */
import { setImmediate } from "node:timers/promises";
import { UpnextError } from "../core/index.ts";
import { bestOf } from "./best-of.ts";
import type { RowGroups } from "./clusters.ts";
import { type Above, CoarseRows, MANY, SELECTIVE, type Span, WIDEST } from "./coarse-rows.ts";
import { type DotRows, dotRowsAt } from "./dot-rows.ts";
import type { Top } from "./found-rows.ts";
import { Kernels } from "./kernels.ts";

export interface ItemSearchOptions {
  /** (N, k), k a multiple of 4; copied. */
  readonly factors: Float32Array;
  readonly k: number;
  /** Without it the search is exact. */
  readonly index?: ItemIndex | undefined;
}

export interface ItemIndex {
  readonly groups: RowGroups;
  /** Of all rows, how many are looked at: 0 to 1. */
  readonly share: number;
}

export interface ItemSearch extends DotRows {
  /** As ItemScorer.top. */
  top(user: Float32Array, allowed: Uint8Array, n: number): Top;
  /** Rows and means of groups that the search before has looked at. */
  readonly looked: number;
}

/** Rows that are copied or quantised in about a millisecond (guess). */
const PIECE = 8192;
/** Rows of a group of one length: few enough to end in time, enough to be worth a call (guess). */
const GROUP = 1024;
/** So many times what is wanted is looked at before anything is certain (guess). */
const FIRST = 4;
/** And an index looks at so many times what is wanted at least (guess). */
const ENOUGH = 2;
/** How much of the usual distance of a row from its group's mean counts: measured on als, 100,000 items (0 to 0.3). */
const SPREAD = 0.15;

/** Takes its rows in pieces, with a turn of the event loop after each: a server answers while a bundle is loaded. */
export async function itemSearch({ factors, k, index }: ItemSearchOptions): Promise<ItemSearch> {
  const N = factors.length / k;
  if (!(k > 0 && k % 4 === 0 && Number.isInteger(N))) {
    throw new UpnextError(
      "internal",
      `itemSearch: expected rows of a positive multiple of 4 values, came k = ${k} for ${factors.length} values`,
    );
  }
  const kernels = new Kernels();
  const matrix = kernels.reserve(factors.length * 4);
  await inPieces(N, (from, to) => {
    kernels.floats(matrix + from * k * 4, (to - from) * k).set(factors.subarray(from * k, to * k));
  });
  const userAt = kernels.reserve(k * 4);
  const allowedAt = kernels.reserve(N);
  const dots = dotRowsAt(kernels, matrix, N, k);
  const chosen = N >= MANY && k <= WIDEST ? await lookersOf() : undefined;
  let scoresAt = 0;
  let topAt = 0;
  let looked = 0;

  async function lookersOf() {
    const coarse = new CoarseRows(kernels, N, k);
    const putAll = async (order: Int32Array) => {
      const lengths = new Float32Array(N);
      await inPieces(N, (from, to) => {
        lengths.set(coarse.put(order.subarray(from, to), matrix, from), from);
      });
      return lengths;
    };
    const groups = index?.groups ?? byLength(await putAll(rowsUpTo(N)));
    const lengths = await putAll(groups.order);
    const { starts } = groups;
    return {
      coarse,
      spans: index ? promising(kernels, factors, k, index, userAt) : undefined,
      starts,
      longest: longestOf(lengths, starts),
    };
  }

  function nearBest(user: Float32Array, wanted: number): Above | undefined {
    if (chosen === undefined || wanted > SELECTIVE * N || !chosen.coarse.aim(user)) return undefined;
    const { coarse, spans, starts, longest } = chosen;
    if (spans !== undefined) {
      const promised = spans(coarse.length, ENOUGH * wanted);
      looked = starts.length - 1;
      for (const span of promised) {
        coarse.look(span);
        looked += span.to - span.from;
      }
      const above = coarse.best(promised, allowedAt, wanted);
      if (above !== undefined) return above;
      const all = coarse.reaching(-Infinity, promised, allowedAt);
      return all.count >= wanted ? all : undefined;
    }
    let from = 0;
    for (let group = groupAt(starts, Math.min(N, FIRST * wanted)); ; ) {
      const to = starts[group]!;
      coarse.look({ from, to });
      looked = to;
      from = to;
      const above = coarse.best([{ from: 0, to }], allowedAt, wanted);
      const before = group;
      if (above === undefined) {
        if (to === N) return undefined;
        group = groupAt(starts, Math.min(N, 2 * to));
      } else {
        while (group < longest.length && longest[group]! * coarse.length >= above.floor) group++;
        if (group === before) return above;
      }
    }
  }

  return {
    ...dots,
    get looked() {
      return looked;
    },
    top(user, allowed, n) {
      if (user.length !== k || allowed.length < N || !(n >= 0)) {
        throw new UpnextError(
          "internal",
          `itemSearch: expected a user of ${k} values, ${N} or more allowed flags and n from 0 on, came ${user.length}, ${allowed.length} and ${n}`,
        );
      }
      const wanted = Math.min(n, N);
      if (wanted === 0) return { rows: new Int32Array(0), scores: new Float32Array(0) };
      kernels.floats(userAt, k).set(user);
      kernels.bytes(allowedAt, N).set(allowed.length === N ? allowed : allowed.subarray(0, N));
      const above = nearBest(user, wanted);
      if (above !== undefined) {
        const { rows, scores, count } = above;
        kernels.call.dotRows(matrix, k * 4, rows, count, userAt, scores);
        return bestOf(...withoutNaN(kernels.ints(rows, count), kernels.floats(scores, count)), wanted);
      }
      if (scoresAt === 0) {
        scoresAt = kernels.reserve(N * 4);
        topAt = kernels.reserve(N * 8);
      }
      looked = N;
      kernels.call.scoreRows(matrix, k * 4, N, userAt, scoresAt);
      const found = kernels.call.selectTop(scoresAt, allowedAt, N, wanted, topAt, topAt + N * 4);
      return {
        rows: kernels.ints(topAt + N * 4, found).slice(),
        scores: kernels.floats(topAt, found).slice(),
      };
    },
  };
}

/** Moves what has a number to the front. */
function withoutNaN(rows: Int32Array, scores: Float32Array): [Int32Array, Float32Array, number] {
  let known = 0;
  for (let i = 0; i < rows.length; i++) {
    if (Number.isNaN(scores[i])) continue;
    rows[known] = rows[i]!;
    scores[known++] = scores[i]!;
  }
  return [rows, scores, known];
}

/** Some rows after the other. */
async function inPieces(rows: number, take: (from: number, to: number) => void): Promise<void> {
  for (let from = 0; from < rows; from += PIECE) {
    take(from, Math.min(rows, from + PIECE));
    await setImmediate();
  }
}

/** The first group that begins at `place` or behind. */
function groupAt(starts: Int32Array, place: number): number {
  let group = 0;
  while (starts[group]! < place) group++;
  return group;
}

/** @param lengths (N) of the rows */
function byLength(lengths: Float32Array): RowGroups {
  const order = bestOf(rowsUpTo(lengths.length), lengths, lengths.length, lengths.length).rows;
  const groups = Math.ceil(order.length / GROUP);
  const starts = Int32Array.from({ length: groups + 1 }, (_, g) => Math.min(order.length, g * GROUP));
  return { order, starts };
}

function rowsUpTo(n: number): Int32Array {
  return new Int32Array(n).map((_, row) => row);
}

/** (groups) the length of each group's longest row, of the lengths (N) by place. */
function longestOf(lengths: Float32Array, starts: Int32Array): Float32Array {
  return new Float32Array(starts.length - 1).map((_, group) => {
    let longest = 0;
    for (let place = starts[group]!; place < starts[group + 1]!; place++) {
      longest = Math.max(longest, lengths[place]!);
    }
    return longest;
  });
}

/** The spans of the groups that promise a user most, with a share of all rows and `least` rows at least. */
function promising(
  kernels: Kernels,
  factors: Float32Array,
  k: number,
  { groups: { order, starts }, share }: ItemIndex,
  userAt: number,
): (length: number, least: number) => readonly Span[] {
  const groups = starts.length - 1;
  const means = new Float32Array(groups * k);
  const spreads = new Float32Array(groups);
  const sum = new Float64Array(k);
  for (let group = 0; group < groups; group++) {
    sum.fill(0);
    let squares = 0;
    const rows = starts[group + 1]! - starts[group]!;
    for (let at = starts[group]!; at < starts[group + 1]!; at++) {
      for (let d = 0; d < k; d++) {
        const value = factors[order[at]! * k + d]!;
        sum[d] = sum[d]! + value;
        squares += value ** 2;
      }
    }
    let ofMean = 0;
    for (let d = 0; d < k; d++) {
      means[group * k + d] = sum[d]! / Math.max(1, rows);
      ofMean += means[group * k + d]! ** 2;
    }
    spreads[group] = SPREAD * Math.sqrt(Math.max(0, squares / Math.max(1, rows) - ofMean));
  }
  const meansAt = kernels.put(means);
  const promisesAt = kernels.reserve(groups * 4);
  const all = Int32Array.from(spreads, (_, group) => group);
  return (length, least) => {
    const budget = Math.max(least, share * order.length);
    kernels.call.scoreRows(meansAt, k * 4, groups, userAt, promisesAt);
    const promises = kernels.floats(promisesAt, groups);
    // Without -0, as bestOf wants it.
    for (let group = 0; group < groups; group++)
      promises[group] = promises[group]! + spreads[group]! * length + 0;
    const spans: Span[] = [];
    let rows = 0;
    for (const group of bestOf(all, promises, groups, groups).rows) {
      if (rows >= budget) break;
      spans.push({ from: starts[group]!, to: starts[group + 1]! });
      rows += starts[group + 1]! - starts[group]!;
    }
    return spans;
  };
}
