/**
 * Bytes that grow: numbers little-endian, integers as LEB128 varints, text as UTF-8 behind its length in bytes.
 *
 * Texts that belong together are written as all their lengths and then all their bytes: where every character is one
 * byte, one call writes them and one reads them.
 */
import { UpnextError } from "../core/index.ts";

/** Bytes of the longest varint: 2^53 - 1 takes eight. */
export const VARINT_BYTES = 8;

export class ByteWriter {
  bytes: Buffer;
  private view: DataView;
  /** Where the next byte goes. Setting it back takes bytes out again. */
  at = 0;
  /** The first of the texts written last is `bytes[textStart, firstEnd)`. */
  textStart = 0;
  firstEnd = 0;

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
    this.view = viewOf(this.bytes);
  }

  /** Makes room. All that follows writes without looking. */
  ensure(more: number): void {
    if (this.at + more <= this.bytes.length) return;
    const wider = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.at + more));
    this.bytes.copy(wider, 0, 0, this.at);
    this.bytes = wider;
    this.view = viewOf(wider);
  }

  byte(value: number): void {
    this.bytes[this.at++] = value;
  }

  /** An integer, 0 <= value < 2^53. */
  varint(value: number): void {
    let left = value;
    for (; left > 0x7fff_ffff; left = Math.floor(left / 0x80)) this.bytes[this.at++] = (left % 0x80) | 0x80;
    for (; left >= 0x80; left >>>= 7) this.bytes[this.at++] = (left & 0x7f) | 0x80;
    this.bytes[this.at++] = left;
  }

  float32(value: number): void {
    this.view.setFloat32(this.at, value, true);
    this.at += 4;
  }

  float64(value: number): void {
    this.view.setFloat64(this.at, value, true);
    this.at += 8;
  }

  /** Fills in a number of four bytes at `position`, which was left free. */
  uint32At(position: number, value: number): void {
    this.view.setUint32(position, value, true);
  }

  /** One text behind its length; makes its own room. Throws `invalid_event` where it is not well-formed. */
  text(text: string): void {
    const length = Buffer.byteLength(text);
    if (length !== text.length) assertWellFormed(text);
    this.ensure(VARINT_BYTES + length);
    this.varint(length);
    this.at += this.bytes.write(text, this.at, "utf8");
  }

  /**
   * The lengths of all texts, then their bytes; makes its own room. Returns whether bytes are characters (ASCII).
   * Throws `invalid_event` where a text is not well-formed.
   */
  texts(texts: readonly string[]): boolean {
    let all = "";
    for (let i = 0; i < texts.length; i++) all += texts[i]!;
    this.ensure(VARINT_BYTES * texts.length + all.length * 3);
    const start = this.at;
    for (let i = 0; i < texts.length; i++) this.varint(texts[i]!.length);
    this.textStart = this.at;
    const written = this.bytes.write(all, this.at, "utf8");
    if (written === all.length) {
      this.firstEnd = this.textStart + (texts.length === 0 ? 0 : texts[0]!.length);
      this.at += written;
      return true;
    }
    this.at = start;
    for (const text of texts) {
      assertWellFormed(text);
      this.varint(Buffer.byteLength(text));
    }
    this.textStart = this.at;
    for (const [index, text] of texts.entries()) {
      this.at += this.bytes.write(text, this.at, "utf8");
      if (index === 0) this.firstEnd = this.at;
    }
    return false;
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Half a surrogate pair would come back as another character, and so as another id. */
function assertWellFormed(text: string): void {
  if (/\p{Cs}/u.test(text)) {
    const cure = "Send well-formed text.";
    throw new UpnextError(
      "invalid_event",
      `event: expected Unicode text, got half a surrogate pair. ${cure}`,
    );
  }
}
