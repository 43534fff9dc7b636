// Scores of all rows, and the exact best n of them.

import { dot, lanes } from "./vectors";

/** out[r] = matrix[r] · vector for r < rows. The same bits as `dotRows` gives, wherever a row stands. */
export function scoreRows(matrix: usize, bytes: usize, rows: usize, vector: usize, out: usize): void {
  for (let r: usize = 0; r < rows; r++) store<f32>(out + (r << 2), dot(matrix + r * bytes, vector, bytes));
}

/**
 * e^x of four numbers, to a relative 5e-5 (2^f by its Taylor series about 0, |f| <= 1/2); below -87, and of NaN, e^-87,
 * above 80 e^80. Adding 1.5 * 2^23 rounds to a whole number and leaves it in the last bits, from where a shift makes it
 * an exponent.
 */
// @ts-ignore: a decorator of AssemblyScript on a function, which TypeScript does not know
@inline
function exp4(x: v128): v128 {
  const inside = f32x4.pmin(f32x4.splat(80), f32x4.pmax(f32x4.splat(-87), x));
  const t = f32x4.mul(inside, f32x4.splat(1.4426950408889634));
  const z = f32x4.add(t, f32x4.splat(12582912));
  const f = f32x4.mul(f32x4.sub(t, f32x4.sub(z, f32x4.splat(12582912))), f32x4.splat(0.6931471805599453));
  let p = f32x4.splat(1.0 / 24);
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(1.0 / 6));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(0.5));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(1));
  return i32x4.add(p, i32x4.shl(z, 23));
}

/** What is added to a number of 64 bits and taken away again rounds it to a multiple of 2^-36. */
const ROUNDING: f64 = 98304;

/** Two numbers of 64 bits, each a multiple of 2^-36: so sums of them are exact, in whatever order, below 2^17. */
// @ts-ignore: a decorator of AssemblyScript on a function, which TypeScript does not know
@inline
function rounded(v: v128): v128 {
  const unit = f64x2.splat(ROUNDING);
  return f64x2.sub(f64x2.add(v, unit), unit);
}

/** The upper two lanes of four floats, in the lower ones. */
// @ts-ignore: a decorator of AssemblyScript on a function, which TypeScript does not know
@inline
function upper(v: v128): v128 {
  return v128.shuffle<i32>(v, v, 2, 3, 2, 3);
}

/** The sums, in two lanes, of the numbers of e times those of n. */
// @ts-ignore: a decorator of AssemblyScript on a function, which TypeScript does not know
@inline
function weighed(e: v128, n: v128): v128 {
  return f64x2.add(
    f64x2.mul(rounded(f64x2.promote_low_f32x4(e)), f64x2.promote_low_f32x4(n)),
    f64x2.mul(rounded(f64x2.promote_low_f32x4(upper(e))), f64x2.promote_low_f32x4(upper(n))),
  );
}

/**
 * Σ times[p] exp(scores[p] - top) for p < places, of exponentials rounded to multiples of 2^-36 and `times` that are whole:
 * the same bits in whatever order, and in whatever parts, as long as the parts are below 2^17.
 */
export function sumExp(scores: usize, times: usize, places: usize, top: f32): f64 {
  const shift = f32x4.splat(top);
  let sum = f64x2.splat(0);
  let p: usize = 0;
  for (; p + 4 <= places; p += 4) {
    const at = p << 2;
    sum = f64x2.add(sum, weighed(exp4(f32x4.sub(v128.load(scores + at), shift)), v128.load(times + at)));
  }
  for (; p < places; p++) {
    const at = p << 2;
    const e = exp4(f32x4.sub(f32x4.splat(load<f32>(scores + at)), shift));
    sum = f64x2.add(sum, weighed(f32x4.replace_lane(f32x4.splat(0), 0, f32x4.extract_lane(e, 0)), f32x4.splat(load<f32>(times + at))));
  }
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/**
 * What a sum of sumExp lacks where the rows (n) up to (lastScore, lastRow), that one included, entered it with `first`
 * scores and not with `exact` ones. No score is NaN.
 */
export function sumExpOfBest(
  rows: usize,
  exact: usize,
  first: usize,
  n: usize,
  lastScore: f32,
  lastRow: u32,
  top: f32,
): f64 {
  const shift = f32x4.splat(top);
  const bar = f32x4.splat(lastScore);
  const highest = i32x4.splat(<i32>lastRow);
  const one = f32x4.splat(1);
  let sum = f64x2.splat(0);
  for (let i: usize = 0; i < n; i += 4) {
    const at = i << 2;
    const score = v128.load(exact + at);
    let among = v128.or(
      f32x4.gt(score, bar),
      v128.and(f32x4.eq(score, bar), i32x4.le_s(v128.load(rows + at), highest)),
    );
    // Behind the end stands what an earlier call has left.
    if (n - i < 4) among = v128.and(among, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(<i32>(n - i))));
    const e = v128.and(among, exp4(f32x4.sub(score, shift)));
    const f = v128.and(among, exp4(f32x4.sub(v128.load(first + at), shift)));
    sum = f64x2.add(sum, f64x2.sub(weighed(e, one), weighed(f, one)));
  }
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** The largest of the scores (places) with times[p] > 0; -Infinity of none. */
export function highestOf(scores: usize, times: usize, places: usize): f32 {
  const least = f32x4.splat(-Infinity);
  const none = f32x4.splat(0);
  let best = least;
  let p: usize = 0;
  for (; p + 4 <= places; p += 4) {
    const at = p << 2;
    const counts = f32x4.gt(v128.load(times + at), none);
    best = f32x4.pmax(best, v128.bitselect(v128.load(scores + at), least, counts));
  }
  let highest: f32 = max<f32>(
    max<f32>(f32x4.extract_lane(best, 0), f32x4.extract_lane(best, 1)),
    max<f32>(f32x4.extract_lane(best, 2), f32x4.extract_lane(best, 3)),
  );
  for (; p < places; p++) {
    const at = p << 2;
    if (load<f32>(times + at) > 0) highest = max<f32>(highest, load<f32>(scores + at));
  }
  return highest;
}

/** Whether (score a, row a) comes after (score b, row b) in the result: lower, or equal with the higher row. */
// @ts-ignore: a decorator of AssemblyScript on a function, which TypeScript does not know
@inline
function after(scoreA: f32, rowA: u32, scoreB: f32, rowB: u32): bool {
  return scoreA < scoreB || (scoreA == scoreB && rowA > rowB);
}

/** Moves the entry at the root of a heap of `size` down to its place; at the root stands the last of the result. */
function sink(topScores: usize, topRows: usize, size: usize, score: f32, row: u32): void {
  let at: usize = 0;
  for (;;) {
    let child: usize = (at << 1) + 1;
    if (child >= size) break;
    let childScore = load<f32>(topScores + (child << 2));
    let childRow = load<u32>(topRows + (child << 2));
    if (child + 1 < size) {
      const otherScore = load<f32>(topScores + (child << 2), 4);
      const otherRow = load<u32>(topRows + (child << 2), 4);
      if (after(otherScore, otherRow, childScore, childRow)) {
        child++;
        childScore = otherScore;
        childRow = otherRow;
      }
    }
    if (!after(childScore, childRow, score, row)) break;
    store<f32>(topScores + (at << 2), childScore);
    store<u32>(topRows + (at << 2), childRow);
    at = child;
  }
  store<f32>(topScores + (at << 2), score);
  store<u32>(topRows + (at << 2), row);
}

/** Moves the entry at `from` up to its place. */
function rise(topScores: usize, topRows: usize, from: usize, score: f32, row: u32): void {
  let at = from;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const parentScore = load<f32>(topScores + (parent << 2));
    const parentRow = load<u32>(topRows + (parent << 2));
    if (!after(score, row, parentScore, parentRow)) break;
    store<f32>(topScores + (at << 2), parentScore);
    store<u32>(topRows + (at << 2), parentRow);
    at = parent;
  }
  store<f32>(topScores + (at << 2), score);
  store<u32>(topRows + (at << 2), row);
}

/**
 * The best `n` (> 0) of scores (rows) f32 among the rows with allowed[r] != 0: topScores (n) descending and topRows (n)
 * u32, equal scores by lower row first. NaN is never among them. Returns how many there are.
 */
export function selectTop(
  scores: usize,
  allowed: usize,
  rows: usize,
  n: usize,
  topScores: usize,
  topRows: usize,
): usize {
  let size: usize = 0;
  let r: usize = 0;
  for (; r < rows && size < n; r++) {
    const score = load<f32>(scores + (r << 2));
    if (score != score || load<u8>(allowed + r) == 0) continue;
    rise(topScores, topRows, size, score, <u32>r);
    size++;
  }
  // Rows come in ascending order, so from here on an equal score comes too late. Most rows are below the last of the
  // best: eight of them are passed over with one branch.
  while (r < rows) {
    const last = load<f32>(topScores);
    const bar = f32x4.splat(last);
    const at = scores + (r << 2);
    if (
      r + 8 <= rows &&
      !v128.any_true(v128.or(f32x4.gt(v128.load(at), bar), f32x4.gt(v128.load(at, 16), bar)))
    ) {
      r += 8;
      continue;
    }
    const stop = min(r + 8, rows);
    for (; r < stop; r++) {
      const score = load<f32>(scores + (r << 2));
      if (score > load<f32>(topScores) && load<u8>(allowed + r) != 0) {
        sink(topScores, topRows, size, score, <u32>r);
      }
    }
  }
  // The last of the rest goes to the end of it, again and again.
  for (let end = size; end > 1; ) {
    end--;
    const score = load<f32>(topScores + (end << 2));
    const row = load<u32>(topRows + (end << 2));
    const rootScore = load<f32>(topScores);
    const rootRow = load<u32>(topRows);
    sink(topScores, topRows, end, score, row);
    store<f32>(topScores + (end << 2), rootScore);
    store<u32>(topRows + (end << 2), rootRow);
  }
  return size;
}
