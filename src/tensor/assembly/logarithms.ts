// Natural logarithms of many numbers at once, as in the Cephes library's logf (S. Moshier): a polynomial over the
// mantissa between √½ and √2, and the exponent times ln 2 in two parts.

/** ln of four normal numbers > 0, to one or two units in the last place. */
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
 * Replaces numbers of a matrix (rows, bytes / 4) f32 by their logarithms where they are > 0, by their opposites where
 * not, in the columns that `pieces` choose, row after row. A piece (8 i32) is four columns side by side: where in the
 * row they begin, in bytes, and from its fifth number on -1 for each that is chosen, 0 for the others. Pieces do not
 * overlap; the memory behind the last row has to be readable for 12 bytes.
 */
export function lnColumns(matrix: usize, rows: usize, bytes: usize, pieces: usize, count: usize): void {
  const zero = f32x4.splat(0);
  const end = pieces + (count << 5);
  for (let r: usize = 0; r < rows; r++, matrix += bytes) {
    for (let piece = pieces; piece < end; piece += 32) {
      const at = matrix + <usize>load<u32>(piece);
      const v = v128.load(at);
      const out = v128.bitselect(ln4(v), f32x4.sub(zero, v), f32x4.gt(v, zero));
      v128.store(at, v128.bitselect(out, v, v128.load(piece, 16)));
    }
  }
}
