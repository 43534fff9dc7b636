/**
 * Rows of floats as whole numbers of 8 bits, for the first look of scan.ts: v ≈ scale q with |q| <= 127.
 *
 * Row rows[p] of the matrix (N, bytes / 4) f32 goes to place p of out (capacity, width) i8, width = a multiple of 8, the
 * rest of it 0; from <= p < to. errors[p] is |v - scale q| + share |v|, rounded up, Infinity of a row that is not
 * finite; lengths[p] is |v|, rounded up. Sums are of v / scale, so that no square leaves the range of 32 bits.
 */
export function quantiseRows(
  matrix: usize,
  bytes: usize,
  rows: usize,
  from: usize,
  to: usize,
  share: f32,
  out: usize,
  width: usize,
  scales: usize,
  errors: usize,
  lengths: usize,
): void {
  for (let p: usize = from; p < to; p++) {
    const row = matrix + <usize>load<u32>(rows + (p << 2)) * bytes;
    const q = out + p * width;
    const at = p << 2;
    const largest = largestOf(row, bytes);
    const scale: f32 = largest / 127;
    if (!(scale > 0 && scale < Infinity)) {
      memory.fill(q, 0, width);
      store<f32>(scales + at, 0);
      // Of a row that is not finite nothing is certain; of one too small for a scale only that it is no larger.
      const finite = largest < Infinity;
      const most: f32 = finite ? 1.01 * largest * sqrt<f32>(<f32>(bytes >> 2)) : Infinity;
      store<f32>(errors + at, most);
      store<f32>(lengths + at, most);
      continue;
    }
    const unit = f32x4.splat(scale);
    let missed = f32x4.splat(0);
    let squares = f32x4.splat(0);
    for (let o: usize = 0; o < bytes; o += 32) {
      const a = f32x4.div(v128.load(row + o), unit);
      const b = o + 16 < bytes ? f32x4.div(v128.load(row + o + 16), unit) : f32x4.splat(0);
      const qa = f32x4.nearest(a);
      const qb = f32x4.nearest(b);
      const pairs = i16x8.narrow_i32x4_s(i32x4.trunc_sat_f32x4_s(qa), i32x4.trunc_sat_f32x4_s(qb));
      v128.store64_lane(q + (o >> 2), i8x16.narrow_i16x8_s(pairs, pairs), 0);
      const da = f32x4.sub(a, qa);
      const db = f32x4.sub(b, qb);
      missed = f32x4.add(missed, f32x4.add(f32x4.mul(da, da), f32x4.mul(db, db)));
      squares = f32x4.add(squares, f32x4.add(f32x4.mul(a, a), f32x4.mul(b, b)));
    }
    // The divisions and sums in 32 bits are wrong by less than 1e-5 of the length.
    const length: f32 = scale * sqrt<f32>(sumOf(squares)) * 1.0001;
    store<f32>(scales + at, scale);
    store<f32>(errors + at, scale * sqrt<f32>(sumOf(missed)) * 1.0001 + (share + 1e-5) * length);
    store<f32>(lengths + at, length);
  }
}

/** The largest absolute value; NaN of a row that has one. */
// @ts-ignore: a decorator of AssemblyScript on a function, which TypeScript does not know
@inline
function largestOf(row: usize, bytes: usize): f32 {
  let largest = f32x4.splat(0);
  for (let o: usize = 0; o < bytes; o += 16) largest = f32x4.max(largest, f32x4.abs(v128.load(row + o)));
  return max<f32>(
    max<f32>(f32x4.extract_lane(largest, 0), f32x4.extract_lane(largest, 1)),
    max<f32>(f32x4.extract_lane(largest, 2), f32x4.extract_lane(largest, 3)),
  );
}

// @ts-ignore: a decorator of AssemblyScript on a function, which TypeScript does not know
@inline
function sumOf(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
  );
}
