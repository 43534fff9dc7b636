/**
 * Many texts as a few byte arrays, of which one text is read at a time.
 *
 * A piece has one byte a character where that holds all of its texts (Latin-1), else two (UTF-16), so any text comes
 * back as it was. Numbers are little-endian:
 *
 *     count u32 | bytes a character u32 | characters of each text u32 × count | the texts
 */

/** A piece is closed once it has so many texts or characters: some milliseconds of work. */
const PIECE_TEXTS = 4096;
const PIECE_CHARACTERS = 512 * 1024;
const HEADER = 8;

/** The texts 0 .. count - 1 as pieces, each made when it is taken. */
export function* textPieces(count: number, text: (index: number) => string): Generator<Buffer> {
  for (let from = 0; from < count; ) {
    const texts: string[] = [];
    let characters = 0;
    while (from < count && texts.length < PIECE_TEXTS && characters < PIECE_CHARACTERS) {
      const next = text(from++);
      characters += next.length;
      texts.push(next);
    }
    yield pieceOf(texts);
  }
}

function pieceOf(texts: readonly string[]): Buffer {
  const all = texts.join("");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: every character of one byte is meant
  const width = /^[\x00-\xff]*$/.test(all) ? 1 : 2;
  const start = HEADER + 4 * texts.length;
  const piece = Buffer.allocUnsafe(start + width * all.length);
  piece.writeUInt32LE(texts.length, 0);
  piece.writeUInt32LE(width, 4);
  for (const [i, { length }] of texts.entries()) piece.writeUInt32LE(length, HEADER + 4 * i);
  piece.write(all, start, width === 1 ? "latin1" : "utf16le");
  return piece;
}

/** All texts of a piece. Throws RangeError where the bytes are none. */
export function textsOf(piece: Buffer): string[] {
  const { count, width, start } = headerOf(piece);
  const all = piece.toString(width === 1 ? "latin1" : "utf16le", start);
  const texts = new Array<string>(count);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const end = at + piece.readUInt32LE(HEADER + 4 * i);
    texts[i] = all.slice(at, end);
    at = end;
  }
  return texts;
}

/** Reads single texts out of pieces; keeps the pieces. */
export class PackedTexts {
  /** Number of texts. */
  count = 0;
  private readonly pieces: Buffer[] = [];
  /** (pieces) index of the first text of each. */
  private readonly firsts: number[] = [];
  /** (count) where each text begins in its piece, in bytes, and one more for the end of the last. */
  private starts = new Uint32Array(1024);

  /** Adds the texts of `piece` behind those that are there. Throws RangeError where the bytes are no piece. */
  add(piece: Buffer): void {
    const { count, width, start } = headerOf(piece);
    // Beside the start of each text of each piece, the end of its last.
    const room = this.count + count + this.pieces.length + 1;
    if (room > this.starts.length) {
      const wider = new Uint32Array(Math.max(room, 2 * this.starts.length));
      wider.set(this.starts);
      this.starts = wider;
    }
    let at = start;
    let slot = this.count + this.pieces.length;
    for (let i = 0; i < count; i++) {
      this.starts[slot++] = at;
      at += width * piece.readUInt32LE(HEADER + 4 * i);
    }
    this.starts[slot] = at;
    this.pieces.push(piece);
    this.firsts.push(this.count);
    this.count += count;
  }

  /** Whether there is such a text, and it is not empty. */
  has(index: number): boolean {
    if (index >= this.count) return false;
    const slot = index + this.pieceWith(index);
    return this.starts[slot + 1]! > this.starts[slot]!;
  }

  /** Text `index` < count. */
  at(index: number): string {
    const p = this.pieceWith(index);
    const piece = this.pieces[p]!;
    const encoding = piece.readUInt32LE(4) === 1 ? "latin1" : "utf16le";
    return piece.toString(encoding, this.starts[index + p]!, this.starts[index + p + 1]!);
  }

  /** The last piece that begins at or before text `index`. */
  private pieceWith(index: number): number {
    let low = 0;
    let high = this.firsts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.firsts[middle]! <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function headerOf(piece: Buffer): { readonly count: number; readonly width: number; readonly start: number } {
  const count = piece.length < HEADER ? Number.NaN : piece.readUInt32LE(0);
  const start = HEADER + 4 * count;
  if (!(start <= piece.length)) throw new RangeError(`${count} texts do not fit into ${piece.length} bytes`);
  const width = piece.readUInt32LE(4);
  if (width !== 1 && width !== 2) throw new RangeError(`expected one or two bytes a character, got ${width}`);
  let characters = 0;
  for (let i = 0; i < count; i++) characters += piece.readUInt32LE(HEADER + 4 * i);
  if (start + width * characters !== piece.length) {
    throw new RangeError(`texts of ${characters} characters do not end with their ${piece.length} bytes`);
  }
  return { count, width, start };
}
