// The k best of scores that lie in an array: a histogram over the upper bits says where the k best begin, and what is
// above is sorted by radix. O(n + k), and no branch depends on a score.

/** Bits of a float32's key that the first histogram looks at (sign, exponent, 3 of the mantissa), and the 10 below. */
const HIGH: u32 = 20;
const MIDDLE: u32 = 10;
const HIGH_BINS: usize = 4096;
const MIDDLE_BINS: usize = 1024;
/** Digits of a pair, of 8 bits each. */
const DIGITS: usize = 8;
const BASE: usize = 256;

/** The bits of a float32 so that, as whole numbers, they are ordered as the numbers are; and back. */
// @ts-ignore: a decorator of AssemblyScript on a function, which TypeScript does not know
@inline
function keyOf(bits: u32): u32 {
  return bits ^ (<u32>(<i32>bits >> 31) | 0x80000000);
}
// @ts-ignore: a decorator of AssemblyScript on a function, which TypeScript does not know
@inline
function bitsOf(key: u32): u32 {
  return key ^ (~(<i32>key >> 31) | 0x80000000);
}

/** A key that at least `wanted` <= n of the scores reach, and not many more. counters (HIGH_BINS) u32 of scratch. */
function floorOf(scores: usize, n: usize, wanted: u32, counters: usize): u32 {
  memory.fill(counters, 0, HIGH_BINS << 2);
  for (let i: usize = 0; i < n; i++) {
    const at = counters + ((<usize>keyOf(load<u32>(scores + (i << 2))) >> HIGH) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  let bin = HIGH_BINS - 1;
  let above: u32 = 0;
  for (;; bin--) {
    const more = above + load<u32>(counters + (bin << 2));
    if (more >= wanted) break;
    above = more;
  }
  memory.fill(counters, 0, MIDDLE_BINS << 2);
  for (let i: usize = 0; i < n; i++) {
    const key = keyOf(load<u32>(scores + (i << 2)));
    const at = counters + (((key >> MIDDLE) & <u32>(MIDDLE_BINS - 1)) << 2);
    store<u32>(at, load<u32>(at) + u32(<usize>(key >> HIGH) == bin));
  }
  let part = MIDDLE_BINS - 1;
  for (;; part--) {
    const more = above + load<u32>(counters + (part << 2));
    if (more >= wanted) break;
    above = more;
  }
  return (<u32>bin << HIGH) | (<u32>part << MIDDLE);
}

/** A number that at least `wanted` <= n of the scores reach, and not many more; NaN where it would be -Infinity. */
export function nthBest(scores: usize, n: usize, wanted: usize, counters: usize): f32 {
  return reinterpret<f32>(bitsOf(floorOf(scores, n, <u32>wanted, counters)));
}

/**
 * The min(n, k) best of scores (n) f32, no NaN and no -0, with rows (n) u32: writes them over the heads of `rows` and
 * `scores`, best first, equal scores by lower row. pairs, others (n) u64 and counters (HIGH_BINS) u32 are scratch.
 */
export function selectBest(
  rows: usize,
  scores: usize,
  n: usize,
  k: usize,
  pairs: usize,
  others: usize,
  counters: usize,
): void {
  if (n == 0 || k == 0) return;
  const wanted = min(n, k);
  const floor = wanted < n ? floorOf(scores, n, <u32>wanted, counters) : 0;
  // Pairs of a falling key and a row: in rising order they are in the order that is wanted.
  let m: usize = 0;
  for (let i: usize = 0; i < n; i++) {
    const key = keyOf(load<u32>(scores + (i << 2)));
    store<u64>(pairs + (m << 3), (<u64>~key << 32) | <u64>load<u32>(rows + (i << 2)));
    m += usize(key >= floor);
  }
  memory.fill(counters, 0, (DIGITS * BASE) << 2);
  for (let i: usize = 0; i < m; i++) {
    let pair = load<u64>(pairs + (i << 3));
    for (let digit: usize = 0; digit < DIGITS; digit++) {
      const at = counters + ((digit * BASE + <usize>(pair & 255)) << 2);
      store<u32>(at, load<u32>(at) + 1);
      pair >>= 8;
    }
  }
  let from = pairs;
  let to = others;
  for (let digit: usize = 0; digit < DIGITS; digit++) {
    const places = counters + ((digit * BASE) << 2);
    const shift = <u64>(digit << 3);
    // All have the same.
    if (load<u32>(places + (<usize>((load<u64>(from) >> shift) & 255) << 2)) == <u32>m) continue;
    let place: u32 = 0;
    for (let value: usize = 0; value < BASE; value++) {
      const at = places + (value << 2);
      const count = load<u32>(at);
      store<u32>(at, place);
      place += count;
    }
    for (let i: usize = 0; i < m; i++) {
      const pair = load<u64>(from + (i << 3));
      const at = places + (<usize>((pair >> shift) & 255) << 2);
      const next = load<u32>(at);
      store<u32>(at, next + 1);
      store<u64>(to + ((<usize>next) << 3), pair);
    }
    const held = from;
    from = to;
    to = held;
  }
  for (let i: usize = 0; i < wanted; i++) {
    const pair = load<u64>(from + (i << 3));
    store<u32>(rows + (i << 2), <u32>pair);
    store<u32>(scores + (i << 2), bitsOf(~(<u32>(pair >> 32))));
  }
}
