/**
 * Exact search for the items whose vectors have the largest dot products with a user's, in WebAssembly SIMD. Items with
 * the same vector share it (distinct-rows.ts). Of few vectors every one is scored; of many, every one is looked at in 8
 * bits first, and those are scored that can be among the best (coarse-rows.ts).
 *
 * Measured against an ONNX graph (MatMul over the transposed factors, Where, TopK; one thread, 64 factors, top 500):
 * 0.04 against 0.03 ms for 3,400 items, 0.11 against 0.14 for 12,000, 0.90 against 0.73 for 100,000. The kernel is taken
 * because it answers within the call, without a turn of the event loop and without a second copy of the factors.
 */
import { UpnextError } from "../core/index.ts";
import { bestOf } from "./best-of.ts";
import { CoarseRows, WIDEST } from "./coarse-rows.ts";
import { DistinctRows } from "./distinct-rows.ts";
import { type DotRows, dotRowsAt } from "./dot-rows.ts";
import { Kernels } from "./kernels.ts";

export interface ItemScorerOptions {
  /** (N, k), k a multiple of 4; copied once. */
  readonly factors: Float32Array;
  readonly N: number;
  readonly k: number;
  /** Rows that there may be in all, for `set`; N where absent. */
  readonly capacity?: number;
}

export interface Top {
  /** (m) allowed rows, best first, equal scores by the lower row; m <= n, less where fewer rows are allowed. */
  readonly rows: Int32Array;
  /** (m) their dot products. */
  readonly scores: Float32Array;
}

export interface ItemScorer extends DotRows {
  /**
   * The `n` best rows below N for user (k) among those with allowed[row] != 0; `allowed` may be longer than N, since
   * catalogs grow. A row whose score is NaN is never returned.
   */
  top(user: Float32Array, allowed: Uint8Array, n: number): Top;
  /**
   * The same, and log Σ exp(score) over all allowed rows: exp(score - logSum) is a row's share. -Infinity of none. Of
   * many items, those that cannot be among the best enter the sum as the first look saw them.
   */
  topOfSoftmax(user: Float32Array, allowed: Uint8Array, n: number): Top & { readonly logSum: number };
  /** Replaces row `row` < capacity. Rows between N and it that were never set are zero. */
  set(row: number, vector: Float32Array): void;
  /** The vector of a row that was set, to be read before the next call. */
  of(row: number): Float32Array;
  /** Frees the factors. May be called again. */
  close(): void;
}

/** From so many vectors on, and for the best SELECTIVE of them or fewer, a first look in 8 bits costs less (measured). */
export const MANY = 8192;
export const SELECTIVE = 1 / 8;
/** So many are looked for at least: then the sum over all rows is the same for any number of best ones below. */
const FEWEST = MANY * SELECTIVE;

export function itemScorer({ factors, N, k, capacity = N }: ItemScorerOptions): ItemScorer {
  if (!(k > 0 && k % 4 === 0 && factors.length === N * k && capacity >= N)) {
    throw new UpnextError(
      "internal",
      `itemScorer: expected N × k factors with k a positive multiple of 4 and room for them, came ${factors.length} for N = ${N}, k = ${k}, capacity ${capacity}`,
    );
  }
  let open: Open | undefined = openScorer(factors, N, k, capacity);
  const opened = (): Open => {
    if (!open) throw new UpnextError("closed", "itemScorer: the scorer was closed");
    return open;
  };
  return {
    top(user, allowed, n) {
      return opened().top(user, allowed, n);
    },
    topOfSoftmax(user, allowed, n) {
      const best = opened().top(user, allowed, Math.max(1, n));
      return { ...head(best, n), logSum: opened().logSum(best) };
    },
    set(row, vector) {
      opened().set(row, vector);
    },
    of: (row) => opened().of(row),
    dot(rows, vector, out) {
      opened().dot(rows, vector, out);
    },
    close() {
      open = undefined;
    },
  };
}

interface Open {
  top(user: Float32Array, allowed: Uint8Array, n: number): Top;
  /** Of the call before, whose result this is. */
  logSum(best: Top): number;
  dot(rows: Int32Array, vector: Float32Array, out: Float32Array): void;
  of(row: number): Float32Array;
  set(row: number, vector: Float32Array): void;
}

function head({ rows, scores }: Top, n: number): Top {
  return rows.length <= n ? { rows, scores } : { rows: rows.subarray(0, n), scores: scores.subarray(0, n) };
}

function openScorer(factors: Float32Array, N: number, k: number, capacity: number): Open {
  const kernels = new Kernels();
  const distinct = new DistinctRows(kernels, capacity, k);
  const { matrix } = distinct;
  const coarse = capacity >= MANY && k <= WIDEST ? new CoarseRows(kernels, capacity, k) : undefined;
  const placed = (place: number) => void coarse?.put(Int32Array.of(place), matrix, place);
  for (let row = 0; row < N; row++) distinct.set(row, factors.subarray(row * k, (row + 1) * k), placed);
  const dots = dotRowsAt(kernels, matrix, capacity, k);
  const userAt = kernels.reserve(k * 4);
  const allowedAt = kernels.reserve(capacity);
  /** (capacity) by place */
  const scoresAt = coarse?.scores ?? kernels.reserve(capacity * 4);
  /** (capacity) of rows that were found */
  const foundAt = kernels.reserve(capacity * 4);
  const foundScoresAt = kernels.reserve(capacity * 4);
  const rowScoresAt = kernels.reserve(capacity * 4);

  /** The best of the places that a first look leaves over; undefined where it does not pay. */
  function closer(user: Float32Array, wanted: number): Top | undefined {
    const { places, flags, first, next } = distinct;
    if (places < MANY || wanted > SELECTIVE * places) return undefined;
    if (coarse === undefined || !coarse.aim(user)) return undefined;
    const all = { from: 0, to: places };
    coarse.look(all);
    const above = coarse.best([all], flags, Math.max(wanted, FEWEST));
    if (above === undefined) return undefined;
    const { rows: list, scores: exact, count } = above;
    kernels.call.dotRows(matrix, k * 4, list, count, userAt, exact);
    const found = kernels.call.rowsOfPlaces(
      ...([list, exact, count, scoresAt, first, next, allowedAt, foundAt, foundScoresAt] as const),
    );
    return bestOf(kernels.ints(foundAt, found), kernels.floats(foundScoresAt, found), found, wanted);
  }

  return {
    top(user, allowed, n) {
      const { rows, places, placeOf } = distinct;
      if (user.length !== k || allowed.length < rows || !(n >= 0)) {
        throw new UpnextError(
          "internal",
          `itemScorer: expected a user of ${k} values, ${rows} or more allowed flags and n from 0 on, came ${user.length}, ${allowed.length} and ${n}`,
        );
      }
      const wanted = Math.min(n, rows);
      if (wanted === 0) return { rows: new Int32Array(0), scores: new Float32Array(0) };
      kernels.floats(userAt, k).set(user);
      kernels.bytes(allowedAt, rows).set(allowed.length === rows ? allowed : allowed.subarray(0, rows));
      distinct.allow(allowedAt);
      const best = closer(user, wanted);
      if (best !== undefined) return best;
      kernels.call.scoreRows(matrix, k * 4, places, userAt, scoresAt);
      kernels.call.scoresOfRows(scoresAt, placeOf, rows, rowScoresAt);
      const found = kernels.call.selectTop(rowScoresAt, allowedAt, rows, wanted, foundScoresAt, foundAt);
      return {
        rows: kernels.ints(foundAt, found).slice(),
        scores: kernels.floats(foundScoresAt, found).slice(),
      };
    },
    logSum({ scores }) {
      const best = scores[0];
      if (best === undefined) return -Infinity;
      return best + Math.log(kernels.call.sumExp(scoresAt, distinct.live, distinct.places, best));
    },
    dot(rows, vector, out) {
      const placeOf = kernels.ints(distinct.placeOf, distinct.rows);
      dots.dot(
        rows.map((row) => placeOf[row] ?? -1),
        vector,
        out,
      );
    },
    of(row) {
      if (!(row >= 0 && row < distinct.rows)) {
        throw new UpnextError(
          "internal",
          `itemScorer: expected a row below ${distinct.rows}, came row ${row}`,
        );
      }
      return distinct.of(row);
    },
    set(row, vector) {
      if (!(row >= 0 && row < capacity && vector.length === k)) {
        throw new UpnextError(
          "internal",
          `itemScorer: expected a row below ${capacity} and ${k} values, came row ${row} and ${vector.length}`,
        );
      }
      distinct.set(row, vector, placed);
    },
  };
}
