// Implicit ALS by conjugate gradient: G. Takács, I. Pilászy, D. Tikk, "Applications of the conjugate gradient method
// for implicit feedback collaborative filtering", RecSys 2011; the objective is that of Y. Hu, Y. Koren, C. Volinsky,
// "Collaborative filtering for implicit feedback datasets", ICDM 2008.
//
// One side of the model is solved at a time. Row u of X solves
//   (YᵀY + λ_u I + Σ_i a_i y_i y_iᵀ) x = Σ_i (1 + a_i) y_i
// over its entries i, where a_i = c_i - 1 is the confidence beyond that of an unobserved pair.

import { axpy, dot, xpay } from "./vectors";

/**
 * out += Σ_i w_i y_i over the entries from .. to, with w_i = target (1 + a_i) + sign a_i (y_i · p).
 *
 * Four entries at a time, so that p and out are read once for four rows of Y.
 */
function addEntries(
  target: f32,
  sign: f32,
  p: usize,
  out: usize,
  y: usize,
  items: usize,
  extra: usize,
  from: usize,
  to: usize,
  bytes: usize,
): void {
  let e = from;
  for (; e + 4 <= to; e += 4) {
    const at = e << 2;
    const y0 = y + <usize>load<u32>(items + at) * bytes;
    const y1 = y + <usize>load<u32>(items + at, 4) * bytes;
    const y2 = y + <usize>load<u32>(items + at, 8) * bytes;
    const y3 = y + <usize>load<u32>(items + at, 12) * bytes;
    let s0 = f32x4.splat(0);
    let s1 = f32x4.splat(0);
    let s2 = f32x4.splat(0);
    let s3 = f32x4.splat(0);
    for (let o: usize = 0; o < bytes; o += 16) {
      const v = v128.load(p + o);
      s0 = f32x4.add(s0, f32x4.mul(v, v128.load(y0 + o)));
      s1 = f32x4.add(s1, f32x4.mul(v, v128.load(y1 + o)));
      s2 = f32x4.add(s2, f32x4.mul(v, v128.load(y2 + o)));
      s3 = f32x4.add(s3, f32x4.mul(v, v128.load(y3 + o)));
    }
    // The four sums, one in each lane.
    const low = f32x4.add(v128.shuffle<f32>(s0, s1, 0, 1, 4, 5), v128.shuffle<f32>(s0, s1, 2, 3, 6, 7));
    const high = f32x4.add(v128.shuffle<f32>(s2, s3, 0, 1, 4, 5), v128.shuffle<f32>(s2, s3, 2, 3, 6, 7));
    const sums = f32x4.add(v128.shuffle<f32>(low, high, 0, 2, 4, 6), v128.shuffle<f32>(low, high, 1, 3, 5, 7));
    const a = v128.load(extra + at);
    const w = f32x4.add(
      f32x4.mul(f32x4.splat(target), f32x4.add(f32x4.splat(1), a)),
      f32x4.mul(f32x4.splat(sign), f32x4.mul(a, sums)),
    );
    const w0 = f32x4.splat(f32x4.extract_lane(w, 0));
    const w1 = f32x4.splat(f32x4.extract_lane(w, 1));
    const w2 = f32x4.splat(f32x4.extract_lane(w, 2));
    const w3 = f32x4.splat(f32x4.extract_lane(w, 3));
    for (let o: usize = 0; o < bytes; o += 16) {
      const front = f32x4.add(f32x4.mul(w0, v128.load(y0 + o)), f32x4.mul(w1, v128.load(y1 + o)));
      const back = f32x4.add(f32x4.mul(w2, v128.load(y2 + o)), f32x4.mul(w3, v128.load(y3 + o)));
      v128.store(out + o, f32x4.add(v128.load(out + o), f32x4.add(front, back)));
    }
  }
  for (; e < to; e++) {
    const row = y + <usize>load<u32>(items + (e << 2)) * bytes;
    const a = load<f32>(extra + (e << 2));
    axpy(target * (<f32>1 + a) + sign * a * dot(row, p, bytes), row, out, bytes);
  }
}

/** out = sign (G + λ I) p for a symmetric G of (k, k), k a multiple of 4. */
function applyGram(sign: f32, lambda: f32, gram: usize, p: usize, out: usize, bytes: usize): void {
  const l = f32x4.splat(sign * lambda);
  for (let o: usize = 0; o < bytes; o += 16) v128.store(out + o, f32x4.mul(l, v128.load(p + o)));
  for (let i: usize = 0; i < bytes; i += 16) {
    const g = gram + (i >> 2) * bytes;
    const p0 = f32x4.splat(sign * load<f32>(p + i));
    const p1 = f32x4.splat(sign * load<f32>(p + i, 4));
    const p2 = f32x4.splat(sign * load<f32>(p + i, 8));
    const p3 = f32x4.splat(sign * load<f32>(p + i, 12));
    for (let o: usize = 0; o < bytes; o += 16) {
      const front = f32x4.add(
        f32x4.mul(p0, v128.load(g + o)),
        f32x4.mul(p1, v128.load(g + bytes + o)),
      );
      const back = f32x4.add(
        f32x4.mul(p2, v128.load(g + (bytes << 1) + o)),
        f32x4.mul(p3, v128.load(g + bytes * 3 + o)),
      );
      v128.store(out + o, f32x4.add(v128.load(out + o), f32x4.add(front, back)));
    }
  }
}

/**
 * Rows start .. end of X by `steps` steps of conjugate gradient from where X stands. Rows without entries become 0.
 *
 * offsets (rows + 1) i32, items (E) i32, extra (E) f32 = a_i, lambda (rows) f32, y (·, k) f32, x (rows, k) f32,
 * gram (k, k) f32, scratch (3 k) f32; bytes = 4 k.
 */
export function alsHalf(
  start: usize,
  end: usize,
  bytes: usize,
  steps: i32,
  offsets: usize,
  items: usize,
  extra: usize,
  lambda: usize,
  y: usize,
  x: usize,
  gram: usize,
  scratch: usize,
): void {
  const r = scratch;
  const p = scratch + bytes;
  const q = scratch + (bytes << 1);
  for (let u = start; u < end; u++) {
    const from = <usize>load<u32>(offsets + (u << 2));
    const to = <usize>load<u32>(offsets + (u << 2), 4);
    const xu = x + u * bytes;
    if (from == to) {
      memory.fill(xu, 0, bytes);
      continue;
    }
    const regularization = load<f32>(lambda + (u << 2));
    applyGram(-1, regularization, gram, xu, r, bytes);
    addEntries(1, -1, xu, r, y, items, extra, from, to, bytes);
    memory.copy(p, r, bytes);
    let norm = dot(r, r, bytes);
    for (let step = 0; step < steps; step++) {
      if (norm < 1e-20) break;
      applyGram(1, regularization, gram, p, q, bytes);
      addEntries(0, 1, p, q, y, items, extra, from, to, bytes);
      const length = norm / dot(p, q, bytes);
      axpy(length, p, xu, bytes);
      axpy(-length, q, r, bytes);
      const next = dot(r, r, bytes);
      xpay(next / norm, r, p, bytes);
      norm = next;
    }
  }
}

/**
 * out (k, k) += YᵀY over rows from .. to of y (·, k); out is symmetric before and after. Rows are taken in blocks that
 * stay in the L1 cache, and summed a block at a time, which also keeps the error of the f32 sums small.
 */
export function gram(y: usize, from: usize, to: usize, bytes: usize, out: usize): void {
  const block: usize = 64;
  for (let b = from; b < to; b += block) {
    const first = y + b * bytes;
    const last = y + min(b + block, to) * bytes;
    // Tiles of four by four on and above the diagonal, their sums in registers.
    for (let i: usize = 0; i < bytes; i += 16) {
      for (let j = i; j < bytes; j += 16) {
        let s0 = f32x4.splat(0);
        let s1 = f32x4.splat(0);
        let s2 = f32x4.splat(0);
        let s3 = f32x4.splat(0);
        for (let row = first; row < last; row += bytes) {
          const v = v128.load(row + j);
          s0 = f32x4.add(s0, f32x4.mul(v128.load32_splat(row + i), v));
          s1 = f32x4.add(s1, f32x4.mul(v128.load32_splat(row + i, 4), v));
          s2 = f32x4.add(s2, f32x4.mul(v128.load32_splat(row + i, 8), v));
          s3 = f32x4.add(s3, f32x4.mul(v128.load32_splat(row + i, 12), v));
        }
        const at = out + (i >> 2) * bytes + j;
        v128.store(at, f32x4.add(v128.load(at), s0));
        v128.store(at + bytes, f32x4.add(v128.load(at + bytes), s1));
        v128.store(at + (bytes << 1), f32x4.add(v128.load(at + (bytes << 1)), s2));
        v128.store(at + bytes * 3, f32x4.add(v128.load(at + bytes * 3), s3));
      }
    }
  }
  for (let i: usize = 0; i < bytes; i += 4) {
    for (let j: usize = 0; j < i; j += 4) {
      store<f32>(out + (i >> 2) * bytes + j, load<f32>(out + (j >> 2) * bytes + i));
    }
  }
}

/**
 * Exact solution for one user: x = (G + Σ a_i y_i y_iᵀ)⁻¹ Σ (1 + a_i) y_i by Cholesky in f64.
 *
 * base (k, k) f32 = YᵀY + λ I, items (n) i32, extra (n) f32, rows (n, k) f32 scratch, sum (k, k) f32 scratch,
 * factor (k, k) f64 scratch, right (k) f64 scratch, x (k) f32 result. Returns 0 if the matrix is not positive definite.
 */
export function foldIn(
  count: usize,
  k: usize,
  items: usize,
  extra: usize,
  y: usize,
  base: usize,
  rows: usize,
  sum: usize,
  factor: usize,
  right: usize,
  x: usize,
): i32 {
  const bytes = k << 2;
  memory.copy(sum, base, k * bytes);
  memory.fill(x, 0, bytes);
  for (let e: usize = 0; e < count; e++) {
    const row = y + <usize>load<u32>(items + (e << 2)) * bytes;
    const a = load<f32>(extra + (e << 2));
    axpy(<f32>1 + a, row, x, bytes);
    const root = f32x4.splat(Mathf.sqrt(a));
    const to = rows + e * bytes;
    for (let o: usize = 0; o < bytes; o += 16) v128.store(to + o, f32x4.mul(root, v128.load(row + o)));
  }
  gram(rows, 0, count, bytes, sum);
  // L Lᵀ = sum, row by row; row i of L only needs the rows above.
  const wide = k << 3;
  for (let i: usize = 0; i < k; i++) {
    const li = factor + i * wide;
    for (let j: usize = 0; j <= i; j++) {
      const lj = factor + j * wide;
      let pair = f64x2.splat(0);
      let o: usize = 0;
      const even = (j & ~1) << 3;
      for (; o < even; o += 16) pair = f64x2.add(pair, f64x2.mul(v128.load(li + o), v128.load(lj + o)));
      let rest = f64x2.extract_lane(pair, 0) + f64x2.extract_lane(pair, 1);
      if (j & 1) rest += load<f64>(li + o) * load<f64>(lj + o);
      rest = <f64>load<f32>(sum + i * bytes + (j << 2)) - rest;
      if (i == j) {
        if (!(rest > 0)) return 0;
        store<f64>(li + (j << 3), Math.sqrt(rest));
      } else {
        store<f64>(li + (j << 3), rest / load<f64>(lj + (j << 3)));
      }
    }
  }
  for (let i: usize = 0; i < k; i++) {
    let s = <f64>load<f32>(x + (i << 2));
    for (let j: usize = 0; j < i; j++) s -= load<f64>(factor + i * wide + (j << 3)) * load<f64>(right + (j << 3));
    store<f64>(right + (i << 3), s / load<f64>(factor + i * wide + (i << 3)));
  }
  for (let n: usize = 0; n < k; n++) {
    const i = k - 1 - n;
    const s = load<f64>(right + (i << 3)) / load<f64>(factor + i * wide + (i << 3));
    store<f32>(x + (i << 2), <f32>s);
    for (let j: usize = 0; j < i; j++) {
      const at = right + (j << 3);
      store<f64>(at, load<f64>(at) - s * load<f64>(factor + i * wide + (j << 3)));
    }
  }
  return 1;
}
