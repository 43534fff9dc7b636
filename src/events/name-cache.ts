/**
 * Names that come again and again in a log (models, rungs, sources), each made into a string once. Saves most of the
 * time, and of the memory where events are kept.
 *
 * A table of fixed size without chains: a name takes the place of another with the same hash.
 */
import type { ByteReader } from "./byte-reader.ts";

/** Guess: far more names than a log has. A power of two. */
const PLACES = 1024;

export class NameCache {
  private readonly texts = new Array<string | undefined>(PLACES).fill(undefined);
  private readonly encoded = new Array<Uint8Array | undefined>(PLACES).fill(undefined);

  /** Reads what `ByteWriter.text` wrote. */
  read(from: ByteReader, end: number): string {
    const { bytes } = from;
    const length = from.count(end);
    const start = from.at;
    from.at = start + length;
    let hash = length;
    for (let at = start; at < from.at; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
    const place = (hash ^ (hash >>> 10)) & (PLACES - 1);
    if (isAt(bytes, start, length, this.encoded[place])) return this.texts[place]!;
    const text = bytes.toString("utf8", start, from.at);
    this.texts[place] = text;
    this.encoded[place] = new Uint8Array(bytes.subarray(start, from.at));
    return text;
  }
}

function isAt(bytes: Uint8Array, start: number, length: number, known: Uint8Array | undefined): boolean {
  if (known === undefined || known.length !== length) return false;
  for (let i = 0; i < length; i++) if (known[i] !== bytes[start + i]) return false;
  return true;
}
