// A first look at all rows in 8 bits, and which of them a closer look could find among the best.
//
// A row v is kept as whole numbers q of 8 bits, v ≈ scale q; a vector u as whole numbers of 14. Then u · v differs from
// what the whole numbers say by |u| e at most, with e = |v - scale q| + (what the rounding of u and of sums in 32 bits
// can add) |v| (Cauchy-Schwarz). So a row can be among the best only if what is said of it, plus that, reaches what is
// certain of the others.

/** The sums, in four lanes, of the products of 32 bytes at `row` with four times eight i16. */
// @ts-ignore: a decorator of AssemblyScript on a function, which TypeScript does not know
@inline
function products(row: usize, a: v128, b: v128, c: v128, d: v128): v128 {
  return i32x4.add(
    i32x4.add(i32x4.dot_i16x8_s(a, v128.load8x8_s(row)), i32x4.dot_i16x8_s(b, v128.load8x8_s(row, 8))),
    i32x4.add(i32x4.dot_i16x8_s(c, v128.load8x8_s(row, 16)), i32x4.dot_i16x8_s(d, v128.load8x8_s(row, 24))),
  );
}

/**
 * out[r] = scales[r] * unit * (q[r] · u) for r < rows; rows of `width` bytes (a multiple of 8), u (width) i16. Products
 * and sums are exact: 14 + 7 bits and at most 2^10 of them.
 */
export function scanRows(
  matrix: usize,
  width: usize,
  rows: usize,
  vector: usize,
  scales: usize,
  unit: f32,
  out: usize,
): void {
  const units = f32x4.splat(unit);
  const whole = width & ~31;
  let r: usize = 0;
  for (; r + 4 <= rows; r += 4) {
    const m0 = matrix + r * width;
    const m1 = m0 + width;
    const m2 = m1 + width;
    const m3 = m2 + width;
    let s0 = i32x4.splat(0);
    let s1 = i32x4.splat(0);
    let s2 = i32x4.splat(0);
    let s3 = i32x4.splat(0);
    let o: usize = 0;
    for (; o < whole; o += 32) {
      const at = vector + (o << 1);
      const a = v128.load(at);
      const b = v128.load(at, 16);
      const c = v128.load(at, 32);
      const d = v128.load(at, 48);
      s0 = i32x4.add(s0, products(m0 + o, a, b, c, d));
      s1 = i32x4.add(s1, products(m1 + o, a, b, c, d));
      s2 = i32x4.add(s2, products(m2 + o, a, b, c, d));
      s3 = i32x4.add(s3, products(m3 + o, a, b, c, d));
    }
    for (; o < width; o += 8) {
      const v = v128.load(vector + (o << 1));
      s0 = i32x4.add(s0, i32x4.dot_i16x8_s(v, v128.load8x8_s(m0 + o)));
      s1 = i32x4.add(s1, i32x4.dot_i16x8_s(v, v128.load8x8_s(m1 + o)));
      s2 = i32x4.add(s2, i32x4.dot_i16x8_s(v, v128.load8x8_s(m2 + o)));
      s3 = i32x4.add(s3, i32x4.dot_i16x8_s(v, v128.load8x8_s(m3 + o)));
    }
    const low = i32x4.add(v128.shuffle<i32>(s0, s1, 0, 1, 4, 5), v128.shuffle<i32>(s0, s1, 2, 3, 6, 7));
    const high = i32x4.add(v128.shuffle<i32>(s2, s3, 0, 1, 4, 5), v128.shuffle<i32>(s2, s3, 2, 3, 6, 7));
    const sums = i32x4.add(v128.shuffle<i32>(low, high, 0, 2, 4, 6), v128.shuffle<i32>(low, high, 1, 3, 5, 7));
    const at = r << 2;
    const scale = f32x4.mul(units, v128.load(scales + at));
    v128.store(out + at, f32x4.mul(scale, f32x4.convert_i32x4_s(sums)));
  }
  for (; r < rows; r++) {
    const row = matrix + r * width;
    let s = i32x4.splat(0);
    for (let o: usize = 0; o < width; o += 8) {
      s = i32x4.add(s, i32x4.dot_i16x8_s(v128.load(vector + (o << 1)), v128.load8x8_s(row + o)));
    }
    const sum =
      i32x4.extract_lane(s, 0) + i32x4.extract_lane(s, 1) + (i32x4.extract_lane(s, 2) + i32x4.extract_lane(s, 3));
    const at = r << 2;
    store<f32>(out + at, unit * load<f32>(scales + at) * <f32>sum);
  }
}

/** out[i] = what scanRows says of the row at list[i] (count), to the bit. */
export function scanPlaces(
  matrix: usize,
  width: usize,
  list: usize,
  count: usize,
  vector: usize,
  scales: usize,
  unit: f32,
  out: usize,
): void {
  for (let i: usize = 0; i < count; i++) {
    const place = <usize>load<u32>(list + (i << 2));
    const row = matrix + place * width;
    let s = i32x4.splat(0);
    for (let o: usize = 0; o < width; o += 8) {
      s = i32x4.add(s, i32x4.dot_i16x8_s(v128.load(vector + (o << 1)), v128.load8x8_s(row + o)));
    }
    const sum =
      i32x4.extract_lane(s, 0) + i32x4.extract_lane(s, 1) + (i32x4.extract_lane(s, 2) + i32x4.extract_lane(s, 3));
    store<f32>(out + (i << 2), unit * load<f32>(scales + (place << 2)) * <f32>sum);
  }
}

/**
 * Of every `step`-th place from .. to what its row has at least, scores[p] - length * errors[p], one beside the other in
 * `out`, of those with allowed[rows[p]] != 0. Returns how many.
 */
export function sampleFloors(
  scores: usize,
  errors: usize,
  length: f32,
  rows: usize,
  allowed: usize,
  from: usize,
  to: usize,
  step: usize,
  out: usize,
): usize {
  let n: usize = 0;
  for (let p: usize = from; p < to; p += step) {
    const at = p << 2;
    if (load<u8>(allowed + <usize>load<u32>(rows + at)) == 0) continue;
    store<f32>(out + (n << 2), load<f32>(scores + at) - length * load<f32>(errors + at));
    n++;
  }
  return n;
}

/**
 * The rows at the places from .. to with allowed[row] != 0 that have `floor` at most, scores[p] + length * errors[p] >=
 * floor, into `out` in the order of their places, and what they have at least and at most into `lows` and `highs`.
 * Returns how many they are, and adds to the number at `certain` (u32) how many of them have it at least.
 */
export function rowsAbove(
  scores: usize,
  errors: usize,
  length: f32,
  rows: usize,
  allowed: usize,
  from: usize,
  to: usize,
  floor: f32,
  certain: usize,
  out: usize,
  lows: usize,
  highs: usize,
): usize {
  const lengths = f32x4.splat(length);
  const floors = f32x4.splat(floor);
  let n: usize = 0;
  let sure: u32 = 0;
  let p: usize = from;
  while (p < to) {
    const at = p << 2;
    // One bit of each of eight places that reaches the floor.
    let reaching: i32;
    if (p + 8 <= to) {
      const a = f32x4.add(v128.load(scores + at), f32x4.mul(lengths, v128.load(errors + at)));
      const b = f32x4.add(v128.load(scores + at, 16), f32x4.mul(lengths, v128.load(errors + at, 16)));
      reaching = i32x4.bitmask(f32x4.ge(a, floors)) | (i32x4.bitmask(f32x4.ge(b, floors)) << 4);
    } else {
      reaching = (1 << <i32>(to - p)) - 1;
    }
    for (; reaching != 0; reaching &= reaching - 1) {
      const place = at + (<usize>ctz<i32>(reaching) << 2);
      const score = load<f32>(scores + place);
      const error = length * load<f32>(errors + place);
      const row = load<u32>(rows + place);
      if (!(score + error >= floor) || load<u8>(allowed + <usize>row) == 0) continue;
      store<u32>(out + (n << 2), row);
      store<f32>(lows + (n << 2), score - error);
      store<f32>(highs + (n << 2), score + error);
      n++;
      sure += u32(score - error >= floor);
    }
    p += 8;
  }
  store<u32>(certain, load<u32>(certain) + sure);
  return n;
}

/** Moves those of the rows (count) to the front that have `floor` at most, highs[i] >= floor. Returns how many they are. */
export function keepAbove(rows: usize, highs: usize, count: usize, floor: f32): usize {
  let n: usize = 0;
  for (let i: usize = 0; i < count; i++) {
    store<u32>(rows + (n << 2), load<u32>(rows + (i << 2)));
    n += usize(load<f32>(highs + (i << 2)) >= floor);
  }
  return n;
}
