/**
 * Random numbers that are a function of where they are asked for, not of how many were drawn before: the drift of a
 * taste must be the same whether one asks for day 3 or for day 30 first, and needs no memory. The mixing is murmur3's
 * finaliser, applied once per coordinate.
 */

/** Uniform in [0, 1), a pure function of its four integers. */
export function noise(salt: number, x: number, y: number, z: number): number {
  let h = mix(salt ^ Math.imul(x, 0x9e3779b1));
  h = mix(h ^ Math.imul(y, 0x85ebca77));
  h = mix(h ^ Math.imul(z, 0xc2b2ae3d));
  return (h >>> 0) / 4294967296;
}

function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
