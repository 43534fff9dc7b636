// Dot products and sums of f32 vectors in SIMD. Vectors are byte addresses; a length is in bytes and a multiple of 16.

/** The sum of the four lanes. */
// @ts-ignore: a decorator of AssemblyScript on a function, which TypeScript does not know
@inline
export function lanes(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
  );
}

/** a · b. Four accumulators hide the latency of the addition. */
export function dot(a: usize, b: usize, bytes: usize): f32 {
  let s0 = f32x4.splat(0);
  let s1 = f32x4.splat(0);
  let s2 = f32x4.splat(0);
  let s3 = f32x4.splat(0);
  let o: usize = 0;
  const whole = bytes & ~63;
  for (; o < whole; o += 64) {
    s0 = f32x4.add(s0, f32x4.mul(v128.load(a + o), v128.load(b + o)));
    s1 = f32x4.add(s1, f32x4.mul(v128.load(a + o, 16), v128.load(b + o, 16)));
    s2 = f32x4.add(s2, f32x4.mul(v128.load(a + o, 32), v128.load(b + o, 32)));
    s3 = f32x4.add(s3, f32x4.mul(v128.load(a + o, 48), v128.load(b + o, 48)));
  }
  for (; o < bytes; o += 16) s0 = f32x4.add(s0, f32x4.mul(v128.load(a + o), v128.load(b + o)));
  return lanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
}

/** y += a x */
export function axpy(a: f32, x: usize, y: usize, bytes: usize): void {
  const s = f32x4.splat(a);
  for (let o: usize = 0; o < bytes; o += 16) {
    v128.store(y + o, f32x4.add(v128.load(y + o), f32x4.mul(s, v128.load(x + o))));
  }
}

/** y = x + a y */
export function xpay(a: f32, x: usize, y: usize, bytes: usize): void {
  const s = f32x4.splat(a);
  for (let o: usize = 0; o < bytes; o += 16) {
    v128.store(y + o, f32x4.add(v128.load(x + o), f32x4.mul(s, v128.load(y + o))));
  }
}

/** Bytes of rows that are asked for at once: 128 cache lines (measured, 512 bytes a row). */
const ASKED: usize = 8192;

/**
 * out[j] = matrix[rows[j]] · vector, for j < count; a row of the matrix has `bytes` bytes. The rows lie anywhere: some
 * are read line by line first, and nothing waits for what is read, so that memory brings many lines at a time.
 */
export function dotRows(
  matrix: usize,
  bytes: usize,
  rows: usize,
  count: usize,
  vector: usize,
  out: usize,
): void {
  const block = max<usize>(1, ASKED / bytes);
  for (let from: usize = 0; from < count; from += block) {
    const to = min(from + block, count);
    let seen: u32 = 0;
    for (let j = from; j < to; j++) {
      const row = matrix + <usize>load<u32>(rows + (j << 2)) * bytes;
      for (let o: usize = 0; o < bytes; o += 64) seen |= load<u32>(row + o);
    }
    // Overwritten below: what is read has to be of use.
    store<u32>(out + (from << 2), seen);
    for (let j = from; j < to; j++) {
      const row = <usize>load<u32>(rows + (j << 2));
      store<f32>(out + (j << 2), dot(matrix + row * bytes, vector, bytes));
    }
  }
}

/** The row of a matrix (count > 0 rows of `bytes` bytes) with the largest matrix[r] · vector + offsets[r], the first of equals. */
export function highestRow(matrix: usize, bytes: usize, count: usize, offsets: usize, vector: usize): usize {
  let best: usize = 0;
  let highest = dot(matrix, vector, bytes) + load<f32>(offsets);
  for (let r: usize = 1; r < count; r++) {
    const value = dot(matrix + r * bytes, vector, bytes) + load<f32>(offsets + (r << 2));
    if (value <= highest) continue;
    highest = value;
    best = r;
  }
  return best;
}
