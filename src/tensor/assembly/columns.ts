// Columns of a block: a few rows of many columns, column after column, so that a loop over a column takes several rows
// at once. Lengths of columns are in bytes and multiples of 16. Doubles give the bits that the same formula in plain
// JavaScript gives, except for NaN.

/** ln of four normal numbers > 0, to one or two units in the last place: as in the Cephes library's logf (S. Moshier), a
 * polynomial over the mantissa between √½ and √2, and the exponent times ln 2 in two parts. */
// @ts-ignore: a decorator of AssemblyScript on a function, which TypeScript does not know
@inline
function ln4(v: v128): v128 {
  const one = f32x4.splat(1);
  const bits = i32x4.sub(v, i32x4.splat(0x3f3504f3)); // √½: so the mantissa comes out between √½ and √2
  const exponent = f32x4.convert_i32x4_s(i32x4.shr_s(bits, 23));
  const mantissa = i32x4.add(v128.and(bits, i32x4.splat(0x007fffff)), i32x4.splat(0x3f3504f3));
  const x = f32x4.sub(mantissa, one);
  const z = f32x4.mul(x, x);
  let y = f32x4.splat(7.0376836292e-2);
  y = f32x4.add(f32x4.mul(y, x), f32x4.splat(-1.151461031e-1));
  y = f32x4.add(f32x4.mul(y, x), f32x4.splat(1.1676998740e-1));
  y = f32x4.add(f32x4.mul(y, x), f32x4.splat(-1.2420140846e-1));
  y = f32x4.add(f32x4.mul(y, x), f32x4.splat(1.4249322787e-1));
  y = f32x4.add(f32x4.mul(y, x), f32x4.splat(-1.6668057665e-1));
  y = f32x4.add(f32x4.mul(y, x), f32x4.splat(2.0000714765e-1));
  y = f32x4.add(f32x4.mul(y, x), f32x4.splat(-2.4999993993e-1));
  y = f32x4.add(f32x4.mul(y, x), f32x4.splat(3.3333331174e-1));
  y = f32x4.mul(f32x4.mul(y, x), z);
  y = f32x4.add(y, f32x4.mul(exponent, f32x4.splat(-2.12194440e-4)));
  y = f32x4.sub(y, f32x4.mul(z, f32x4.splat(0.5)));
  return f32x4.add(f32x4.add(x, y), f32x4.mul(exponent, f32x4.splat(0.693359375)));
}

/**
 * Replaces numbers of columns f32, `bytes` long each, by their logarithms where they are > 0, by their opposites where
 * not, in those columns that chosen (count) u32 numbers.
 */
export function lnColumns(columns: usize, bytes: usize, chosen: usize, count: usize): void {
  const zero = f32x4.splat(0);
  for (let c: usize = 0; c < count; c++) {
    const first = columns + <usize>load<u32>(chosen + (c << 2)) * bytes;
    for (let at = first; at < first + bytes; at += 16) {
      const v = v128.load(at);
      v128.store(at, v128.bitselect(ln4(v), f32x4.sub(zero, v), f32x4.gt(v, zero)));
    }
  }
}

/**
 * rows (count, width) f32 = the first rows of columns (width) f32, `bytes` long each, four by four; then the columns are
 * zeros. The memory behind the last column has to be readable for three columns, and behind the last row writable for
 * three rows and three numbers.
 */
export function rowsOfColumns(columns: usize, bytes: usize, width: usize, count: usize, rows: usize): void {
  const row = width << 2;
  // The last columns first: what is written beyond a row's end is the begin of the next one, which comes later.
  for (let c: isize = <isize>((width - 1) & ~3); c >= 0; c -= 4) {
    for (let r: usize = 0; r < count; r += 4) {
      const at = columns + <usize>c * bytes + (r << 2);
      const v0 = v128.load(at);
      const v1 = v128.load(at + bytes);
      const v2 = v128.load(at + (bytes << 1));
      const v3 = v128.load(at + (bytes << 1) + bytes);
      const even0 = v128.shuffle<i32>(v0, v1, 0, 4, 1, 5);
      const even1 = v128.shuffle<i32>(v2, v3, 0, 4, 1, 5);
      const odd0 = v128.shuffle<i32>(v0, v1, 2, 6, 3, 7);
      const odd1 = v128.shuffle<i32>(v2, v3, 2, 6, 3, 7);
      const to = rows + r * row + (<usize>c << 2);
      v128.store(to, v128.shuffle<i64>(even0, even1, 0, 2));
      v128.store(to + row, v128.shuffle<i64>(even0, even1, 1, 3));
      v128.store(to + (row << 1), v128.shuffle<i64>(odd0, odd1, 0, 2));
      v128.store(to + (row << 1) + row, v128.shuffle<i64>(odd0, odd1, 1, 3));
    }
  }
  memory.fill(columns, 0, width * bytes);
}

/** columns (width) f64, `bytes` long each = rows (bytes / 8, width) f64; width is even. */
export function columnsOfRows(rows: usize, width: usize, columns: usize, bytes: usize): void {
  const row = width << 3;
  for (let o: usize = 0; o < bytes; o += 16) {
    for (let at: usize = 0; at < row; at += 16) {
      const first = v128.load(rows + at);
      const second = v128.load(rows + row + at);
      const to = columns + (at >> 3) * bytes + o;
      v128.store(to, v128.shuffle<i64>(first, second, 0, 2));
      v128.store(to + bytes, v128.shuffle<i64>(first, second, 1, 3));
    }
    rows += row << 1;
  }
}

/** e^x of two numbers <= 0, with the bits of fdlibm's e_exp.c (Sun Microsystems), which V8 has. */
// @ts-ignore: a decorator of AssemblyScript on a function, which TypeScript does not know
@inline
function exp2(x: v128): v128 {
  const one = f64x2.splat(1);
  // x = k ln 2 + r, |r| <= ln 2 / 2, with ln 2 in two parts; k is 0 where x is that small already.
  const far = f64x2.le(x, f64x2.splat(-0.3465735912322998));
  const nearest = f64x2.sub(f64x2.mul(x, f64x2.splat(1.44269504088896338700)), f64x2.splat(0.5));
  const whole = i32x4.trunc_sat_f64x2_s_zero(v128.and(f64x2.pmax(f64x2.splat(-1100), nearest), far));
  const k = f64x2.convert_low_i32x4_s(whole);
  const hi = f64x2.sub(x, f64x2.mul(k, f64x2.splat(6.93147180369123816490e-1)));
  const lo = f64x2.mul(k, f64x2.splat(1.90821492927058770002e-10));
  const r = f64x2.sub(hi, lo);
  const t = f64x2.mul(r, r);
  let p = f64x2.splat(4.13813679705723846039e-8);
  p = f64x2.add(f64x2.mul(p, t), f64x2.splat(-1.65339022054652515390e-6));
  p = f64x2.add(f64x2.mul(p, t), f64x2.splat(6.61375632143793436117e-5));
  p = f64x2.add(f64x2.mul(p, t), f64x2.splat(-2.77777777770155933842e-3));
  p = f64x2.add(f64x2.mul(p, t), f64x2.splat(1.66666666666666019037e-1));
  const c = f64x2.sub(r, f64x2.mul(t, p));
  const q = f64x2.div(f64x2.mul(r, c), f64x2.sub(f64x2.splat(2), c));
  const y = f64x2.sub(one, f64x2.sub(f64x2.sub(lo, q), hi));
  // 2^k in two steps, since the result may be too small for an exponent of its own.
  const power = i64x2.shl(i64x2.add(i64x2.extend_low_i32x4_s(whole), i64x2.splat(1023 + 1000)), 52);
  const scaled = f64x2.mul(f64x2.mul(y, power), f64x2.splat(9.33263618503218878990e-302)); // 2^-1000
  const tiny = f64x2.gt(x, f64x2.splat(-3.725290298461914e-9)); // -2^-28
  const some = v128.bitselect(f64x2.add(one, x), scaled, tiny);
  return v128.andnot(some, f64x2.lt(x, f64x2.splat(-7.45133219101941108420e2)));
}

/** out[j] = counts[j] e^(exponent since), for `count` columns f64 one behind the other; exponent <= 0 <= since. */
export function fadeColumns(
  counts: usize,
  count: usize,
  since: usize,
  exponent: f64,
  bytes: usize,
  out: usize,
): void {
  const end = count * bytes;
  for (let o: usize = 0; o < bytes; o += 16) {
    const faded = exp2(f64x2.mul(f64x2.splat(exponent), v128.load(since + o)));
    for (let at = o; at < end; at += bytes) v128.store(out + at, f64x2.mul(v128.load(counts + at), faded));
  }
}

/** out = the larger of a and b, f64. */
export function maxColumn(a: usize, b: usize, bytes: usize, out: usize): void {
  for (let o: usize = 0; o < bytes; o += 16) {
    v128.store(out + o, f64x2.pmax(v128.load(a + o), v128.load(b + o)));
  }
}

/** out f32 = a / b, f64. */
export function ratioColumn(a: usize, b: usize, bytes: usize, out: usize): void {
  for (let o: usize = 0; o < bytes; o += 16) {
    const ratio = f64x2.div(v128.load(a + o), v128.load(b + o));
    v128.store64_lane(out + (o >> 1), f32x4.demote_f64x2_zero(ratio), 0);
  }
}

/** out f64 = (min(hits, trials) + strength prior) / (trials + strength), within `least` of 0 and 1. */
export function rateColumn(
  hits: usize,
  trials: usize,
  prior: usize,
  strength: f64,
  least: f64,
  bytes: usize,
  out: usize,
): void {
  const weight = f64x2.splat(strength);
  const lowest = f64x2.splat(least);
  const highest = f64x2.splat(1 - least);
  for (let o: usize = 0; o < bytes; o += 16) {
    const tried = v128.load(trials + o);
    const hit = f64x2.pmin(v128.load(hits + o), tried);
    const imagined = f64x2.mul(weight, v128.load(prior + o));
    const rate = f64x2.div(f64x2.add(hit, imagined), f64x2.add(tried, weight));
    v128.store(out + o, f64x2.pmax(lowest, f64x2.pmin(highest, rate)));
  }
}

/** out f64 = (hits + strength prior) / (max(0, trials - hits) + strength (1 - prior)), within 1 / most and most. */
export function oddsColumn(
  hits: usize,
  trials: usize,
  prior: usize,
  strength: f64,
  most: f64,
  bytes: usize,
  out: usize,
): void {
  const weight = f64x2.splat(strength);
  const one = f64x2.splat(1);
  const zero = f64x2.splat(0);
  const highest = f64x2.splat(most);
  const lowest = f64x2.splat(1 / most);
  for (let o: usize = 0; o < bytes; o += 16) {
    const hit = v128.load(hits + o);
    const believed = v128.load(prior + o);
    const misses = f64x2.pmax(zero, f64x2.sub(v128.load(trials + o), hit));
    const against = f64x2.add(misses, f64x2.mul(weight, f64x2.sub(one, believed)));
    const odds = f64x2.div(f64x2.add(hit, f64x2.mul(weight, believed)), against);
    v128.store(out + o, f64x2.pmax(lowest, f64x2.pmin(highest, odds)));
  }
}

/** out f64 = rate / (1 - rate). */
export function oddsOfColumn(rate: usize, bytes: usize, out: usize): void {
  const one = f64x2.splat(1);
  for (let o: usize = 0; o < bytes; o += 16) {
    const p = v128.load(rate + o);
    v128.store(out + o, f64x2.div(p, f64x2.sub(one, p)));
  }
}
