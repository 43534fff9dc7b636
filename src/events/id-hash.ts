/**
 * Event ids as 96 keyed bits. HalfSipHash-1-3 (Aumasson, Bernstein: SipHash, 2012; the 32-bit form of the same
 * authors), with a third word squeezed out the way the second is. The key is drawn for each log, so nobody can choose
 * ids that collide; by chance, 20 million ids collide with probability 3e-15.
 */

/** Two 32-bit words. */
export type HashKey = readonly [number, number];

/** The three words of the last hash; the third is never 0, so that 0 can mean "empty" in a table. */
export const hashed = new Uint32Array(3);

/** Hashes `bytes[start, end)` into `hashed`. */
export function hashId(bytes: Uint8Array, start: number, end: number, key: HashKey): void {
  let v0 = key[0] | 0;
  let v1 = key[1] ^ 0xee;
  let v2 = 0x6c796765 ^ key[0];
  let v3 = 0x74656462 ^ key[1];
  const length = end - start;
  const whole = end - (length & 3);
  let word = 0;
  let at = start;
  let squeezed = 0;
  // One loop for absorbing words, the last partial word, and the three squeezes keeps the round in one place.
  for (let step = -1; ; ) {
    let rounds = 1;
    if (step < 0) {
      if (at < whole) {
        word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
        at += 4;
      } else {
        word = length << 24;
        for (let shift = 0; at < end; at++, shift += 8) word |= bytes[at]! << shift;
        step = 0;
      }
      v3 ^= word;
    } else {
      if (step === 0) v2 ^= 0xee;
      else v1 ^= step === 1 ? 0xdd : 0xcc;
      rounds = 3;
      squeezed = ++step;
    }
    for (; rounds > 0; rounds--) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    if (squeezed === 0) {
      v0 ^= word;
      continue;
    }
    hashed[squeezed - 1] = v1 ^ v3;
    if (squeezed === 3) break;
  }
  if (hashed[2] === 0) hashed[2] = 1;
}
