/**
 * Content ids: the same content gives the same id on every machine and in every run, so the log recognises an event
 * that it has. 96 bits of MurmurHash3 x86_128 (Austin Appleby, public domain), as 16 characters of the base64url
 * alphabet. Among 20 million events two different ones share an id with a probability of 3e-15. The hash is not
 * cryptographic: who controls the imported file can make collisions, but could as well leave the rows out. It costs
 * some 0.2 µs where SHA-256 from `node:crypto` costs more than a microsecond, half of the budget of a row.
 *
 * The function is part of the format: were it changed, importing a file again would double its events. That is why it
 * does not share the log's own hash of ids, which is keyed and may change.
 */

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
const CODES = Uint8Array.from(ALPHABET, (c) => c.charCodeAt(0));

let words = new Int32Array(256);
const float = new Float64Array(1);
const bits = new Int32Array(float.buffer);

/** Id of a list of parts. Framed, so that ["ab", "c"] and ["a", "bc"] differ; an absent part is a part. */
export function contentId(...parts: readonly (string | number | undefined)[]): string {
  let n = 0;
  for (let p = 0; p < parts.length; p++) {
    const part = parts[p];
    if (typeof part === "string") {
      n = putText(part, n);
    } else {
      reserve(n + 3);
      words[n++] = part === undefined ? 2 : 1;
      float[0] = (part ?? 0) + 0; // -0 becomes 0
      words[n++] = bits[0]!;
      words[n++] = bits[1]!;
    }
  }
  return digest(n);
}

function putText(text: string, at: number): number {
  const length = text.length;
  reserve(at + 1 + ((length + 1) >> 1));
  let n = at;
  words[n++] = (length << 2) | 3;
  let i = 0;
  for (; i + 1 < length; i += 2) words[n++] = text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16);
  if (i < length) words[n++] = text.charCodeAt(i);
  return n;
}

/** Makes room for `count` words and the padding of the last block. */
function reserve(count: number): void {
  if (count + 4 <= words.length) return;
  const larger = new Int32Array(2 * (count + 4));
  larger.set(words);
  words = larger;
}

const C1 = 0x239b961b;
const C2 = 0xab0e9789 | 0;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93 | 0;

/** The first 96 of the 128 bits over words[0 .. n], padded with zero words to whole blocks of four. */
function digest(n: number): string {
  let h1 = 0;
  let h2 = 0;
  let h3 = 0;
  let h4 = 0;
  const padded = (n + 3) & ~3;
  for (let i = n; i < padded; i++) words[i] = 0;
  for (let i = 0; i < padded; i += 4) {
    h1 ^= Math.imul(rotate(Math.imul(words[i]!, C1), 15), C2);
    h1 = (Math.imul((rotate(h1, 19) + h2) | 0, 5) + 0x561ccd1b) | 0;
    h2 ^= Math.imul(rotate(Math.imul(words[i + 1]!, C2), 16), C3);
    h2 = (Math.imul((rotate(h2, 17) + h3) | 0, 5) + 0x0bcaa747) | 0;
    h3 ^= Math.imul(rotate(Math.imul(words[i + 2]!, C3), 17), C4);
    h3 = (Math.imul((rotate(h3, 15) + h4) | 0, 5) + 0x96cd1c35) | 0;
    h4 ^= Math.imul(rotate(Math.imul(words[i + 3]!, C4), 18), C1);
    h4 = (Math.imul((rotate(h4, 13) + h1) | 0, 5) + 0x32ac3b17) | 0;
  }
  h1 ^= n;
  h2 ^= n;
  h3 ^= n;
  h4 ^= n;
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = (h2 + h1) | 0;
  h3 = (h3 + h1) | 0;
  h4 = (h4 + h1) | 0;
  h1 = avalanche(h1);
  h2 = avalanche(h2);
  h3 = avalanche(h3);
  h4 = avalanche(h4);
  h1 = (h1 + h2 + h3 + h4) | 0;
  return encode(h1, (h2 + h1) | 0, (h3 + h1) | 0);
}

function rotate(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by));
}

function avalanche(x: number): number {
  let h = x;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Five characters from 30 bits of each word; the last character takes the two bits that each has left. */
function encode(a: number, b: number, c: number): string {
  return String.fromCharCode(
    CODES[a >>> 26]!,
    CODES[(a >>> 20) & 63]!,
    CODES[(a >>> 14) & 63]!,
    CODES[(a >>> 8) & 63]!,
    CODES[(a >>> 2) & 63]!,
    CODES[b >>> 26]!,
    CODES[(b >>> 20) & 63]!,
    CODES[(b >>> 14) & 63]!,
    CODES[(b >>> 8) & 63]!,
    CODES[(b >>> 2) & 63]!,
    CODES[c >>> 26]!,
    CODES[(c >>> 20) & 63]!,
    CODES[(c >>> 14) & 63]!,
    CODES[(c >>> 8) & 63]!,
    CODES[(c >>> 2) & 63]!,
    CODES[((a & 3) << 4) | ((b & 3) << 2) | (c & 3)]!,
  );
}
