/** The counterpart of ByteWriter: reads numbers and texts on from a place. Nonsense throws a RangeError. */

export class ByteReader {
  bytes: Buffer = Buffer.alloc(0);
  private view: DataView = viewOf(this.bytes);
  /** The next byte. */
  at = 0;
  private lengths = new Uint32Array(64);

  open(bytes: Buffer, at: number): void {
    if (this.bytes !== bytes) {
      this.bytes = bytes;
      this.view = viewOf(bytes);
    }
    this.at = at;
  }

  byte(): number {
    return this.bytes[this.at++]!;
  }

  varint(): number {
    let byte = this.bytes[this.at++]!;
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let scale = 0x80; byte >= 0x80; scale *= 0x80) {
      if (scale > 2 ** 49) throw new RangeError("integer of more than eight bytes");
      byte = this.bytes[this.at++]!;
      value += (byte & 0x7f) * scale;
    }
    return value;
  }

  /** A varint that counts things of at least one byte each, all of them before `end`. */
  count(end: number): number {
    const count = this.varint();
    if (count > end - this.at) throw new RangeError(`${count} parts do not fit into ${end - this.at} bytes`);
    return count;
  }

  uint32(): number {
    this.at += 4;
    return this.view.getUint32(this.at - 4, true);
  }

  float32(): number {
    this.at += 4;
    return this.view.getFloat32(this.at - 4, true);
  }

  float64(): number {
    this.at += 8;
    return this.view.getFloat64(this.at - 8, true);
  }

  /** What `ByteWriter.text` wrote. */
  text(end: number): string {
    const length = this.count(end);
    this.at += length;
    return this.bytes.toString("utf8", this.at - length, this.at);
  }

  /** What `ByteWriter.texts` wrote; `ascii` is what it returned. */
  texts(count: number, ascii: boolean, end: number): string[] {
    if (count > this.lengths.length) this.lengths = new Uint32Array(count * 2);
    const { lengths, bytes } = this;
    let total = 0;
    for (let i = 0; i < count; i++) {
      const length = this.varint();
      lengths[i] = length;
      total += length;
    }
    const start = this.at;
    this.at = start + total;
    if (this.at > end) throw new RangeError("texts go past the end of their record");
    const texts = new Array<string>(count);
    if (ascii) {
      const all = bytes.toString("latin1", start, start + total);
      for (let i = 0, from = 0; i < count; i++) {
        const to = from + lengths[i]!;
        texts[i] = all.slice(from, to);
        from = to;
      }
      return texts;
    }
    for (let i = 0, from = start; i < count; i++) {
      const to = from + lengths[i]!;
      texts[i] = bytes.toString("utf8", from, to);
      from = to;
    }
    return texts;
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
