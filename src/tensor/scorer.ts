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
import { CoarseRows, MANY, SELECTIVE, WIDEST } from "./coarse-rows.ts";
import { DistinctRows, type PlaceWatch } from "./distinct-rows.ts";
import { type DotRows, dotRowsAt } from "./dot-rows.ts";
import { FoundRows, type SoftmaxTop, type Top } from "./found-rows.ts";
import { Kernels } from "./kernels.ts";
import { ListedRows } from "./listed-rows.ts";
import { FEWEST, LEAST, type Shortlist, type VersionedFeed } from "./shortlist.ts";

export interface ItemScorerOptions {
  /** (N, k), k a multiple of 4; copied once. */
  readonly factors: Float32Array;
  readonly N: number;
  readonly k: number;
  /** Rows that there may be in all, for `set`; N where absent. */
  readonly capacity?: number;
}

export interface ItemScorer extends DotRows {
  /**
   * The `n` best rows below N for user (k) among those with allowed[row] != 0; `allowed` may be longer than N, since
   * catalogs grow. A row whose score is NaN is never returned.
   */
  top(user: Float32Array, allowed: Uint8Array, n: number): Top;
  /**
   * The same, and log Σ exp(score) over all allowed rows: exp(score - logSum) is a row's share. -Infinity of none. Of
   * many items, those that are not among the best FEWEST enter the sum as the first look saw them.
   *
   * @param list of this user: it saves the look at all rows, and changes nothing of what comes out
   */
  topOfSoftmax(user: Float32Array, allowed: Uint8Array, n: number, list?: Shortlist): SoftmaxTop;
  /**
   * Begins to remember what changes, for lists: what another thread's first look is fed from. Undefined where there is
   * never a first look. Called once.
   *
   * @param version the first one of all lists made from now on
   */
  feed(version: number): VersionedFeed | undefined;
  /** Replaces row `row` < capacity. Rows between N and it that were never set are zero. */
  set(row: number, vector: Float32Array): void;
  /** The vector of a row that was set, to be read before the next call. */
  of(row: number): Float32Array;
  /** Frees the factors. May be called again. */
  close(): void;
}

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
    topOfSoftmax(user, allowed, n, list) {
      return opened().topOfSoftmax(user, allowed, n, list);
    },
    feed: (version) => opened().feed(version),
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

type Open = Omit<ItemScorer, "close">;

function openScorer(factors: Float32Array, N: number, k: number, capacity: number): Open {
  const kernels = new Kernels();
  const { call } = kernels;
  const distinct = new DistinctRows(kernels, capacity, k);
  const { matrix } = distinct;
  const coarse = capacity >= MANY && k <= WIDEST ? new CoarseRows(kernels, capacity, k) : undefined;
  let listed: ListedRows | undefined;
  const watch: PlaceWatch = {
    placed: (place) => void coarse?.put(Int32Array.of(place), matrix, place),
    joined: (place) => listed?.note(place, 1),
    leaving: (place) => listed?.note(place, -1),
  };
  for (let row = 0; row < N; row++) distinct.set(row, factors.subarray(row * k, (row + 1) * k), watch);
  const dots = dotRowsAt(kernels, matrix, capacity, k);
  const userAt = kernels.reserve(k * 4);
  const allowedAt = kernels.reserve(capacity);
  /** (capacity) by place */
  const scoresAt = kernels.reserve(capacity * 4);
  const rowScoresAt = kernels.reserve(capacity * 4);
  const found = new FoundRows(kernels, distinct, allowedAt, capacity);

  function take(user: Float32Array, allowed: Uint8Array, n: number): void {
    const { rows } = distinct;
    if (user.length !== k || allowed.length < rows || !(n >= 0)) {
      throw new UpnextError(
        "internal",
        `itemScorer: expected a user of ${k} values, ${rows} or more allowed flags and n from 0 on, came ${user.length}, ${allowed.length} and ${n}`,
      );
    }
    kernels.floats(userAt, k).set(user);
    kernels.bytes(allowedAt, rows).set(allowed.length === rows ? allowed : allowed.subarray(0, rows));
  }

  /** Takes the first look at all places, where there are enough for it. */
  function look(user: Float32Array): CoarseRows | undefined {
    if (distinct.places < MANY || coarse === undefined || !coarse.aim(user)) return undefined;
    coarse.look({ from: 0, to: distinct.places });
    return coarse;
  }

  /** The best of the places that a first look leaves over; undefined where it does not pay. */
  function closer(looked: CoarseRows, wanted: number): Top | undefined {
    const { places, flags } = distinct;
    if (wanted > SELECTIVE * places) return undefined;
    const above = looked.best([{ from: 0, to: places }], flags, wanted);
    if (above === undefined) return undefined;
    const { rows: list, scores: exact, count } = above;
    call.dotRows(matrix, k * 4, list, count, userAt, exact);
    call.scoresOfRows(looked.scores, list, count, rowScoresAt);
    found.of(list, exact, rowScoresAt, count);
    return found.best(wanted);
  }

  function every(wanted: number): Top {
    const { rows, places, placeOf } = distinct;
    call.scoreRows(matrix, k * 4, places, userAt, scoresAt);
    call.scoresOfRows(scoresAt, placeOf, rows, rowScoresAt);
    found.count = call.selectTop(rowScoresAt, allowedAt, rows, wanted, found.scores, found.rows);
    return {
      rows: kernels.ints(found.rows, found.count).slice(),
      scores: kernels.floats(found.scores, found.count).slice(),
    };
  }

  /** As topOfSoftmax, without a list, of one row or more. */
  function topOfAll(user: Float32Array, wanted: number): SoftmaxTop {
    distinct.allow(allowedAt);
    const { live, counts, places } = distinct;
    const looked = look(user);
    const highest =
      looked === undefined ? Infinity : Math.ceil(call.highestOf(looked.scores, counts, places));
    if (looked === undefined || !Number.isFinite(highest)) {
      const best = every(wanted);
      const top = best.scores[0];
      if (top === undefined) return { ...best, logSum: -Infinity };
      return { ...best, logSum: top + Math.log(call.sumExp(scoresAt, live, places, top)) };
    }
    const near = closer(looked, Math.max(wanted, FEWEST));
    const best = near ?? every(Math.max(wanted, FEWEST));
    const first = best.scores[0];
    if (first === undefined) return { ...best, logSum: -Infinity };
    if (near === undefined) found.lookedAt(looked.scores, rowScoresAt);
    let top = highest;
    let sum = call.sumExp(looked.scores, live, places, top);
    if (sum < LEAST) {
      top = first;
      sum = call.sumExp(looked.scores, live, places, top);
    }
    return { ...head(best, wanted), logSum: found.logSum(best, sum, top) };
  }

  return {
    dot(rows, vector, out) {
      const placeOf = kernels.ints(distinct.placeOf, distinct.rows);
      dots.dot(
        rows.map((row) => placeOf[row] ?? -1),
        vector,
        out,
      );
    },
    top(user, allowed, n) {
      take(user, allowed, n);
      const wanted = Math.min(n, distinct.rows);
      if (wanted === 0) return NO_ROWS;
      distinct.allow(allowedAt);
      const looked = look(user);
      return (looked && closer(looked, wanted)) ?? every(wanted);
    },
    topOfSoftmax(user, allowed, n, list) {
      take(user, allowed, n);
      const wanted = Math.max(1, Math.min(n, distinct.rows));
      const best = (list && wanted <= FEWEST && listed?.top(user, list)) || topOfAll(user, wanted);
      return { ...head(best, n), logSum: best.logSum };
    },
    feed(version) {
      if (coarse === undefined) return undefined;
      listed = new ListedRows({
        ...{ kernels, distinct, coarse, found, userAt, allowedAt, k, capacity, version },
      });
      return listed;
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
      distinct.set(row, vector, watch);
    },
  };
}

const NO_ROWS: Top = { rows: new Int32Array(0), scores: new Float32Array(0) };

function head({ rows, scores }: Top, n: number): Top {
  return rows.length <= n ? { rows, scores } : { rows: rows.subarray(0, n), scores: scores.subarray(0, n) };
}
