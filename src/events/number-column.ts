/**
 * One number of each slot, where it has one, in the smallest of a few exact forms: every value comes back with all
 * its bits, an absent one as absent.
 *
 * form u8; with SOME, one bit a row saying which have a value; with DECIMAL, the number of digits u8; then the values,
 * with SAME only the first of them
 */
import type { ByteReader } from "./byte-reader.ts";
import { type ByteWriter, VARINT_BYTES } from "./byte-writer.ts";

const NONE = 0;
/** The value of each row is its number. */
const INDEX = 1;
/** Integers >= 0 as varints. */
const INTEGER = 2;
const FLOAT32 = 3;
const FLOAT64 = 4;
/** Integers >= 0 as varints, to be divided by a power of ten: numbers that someone has rounded. */
const DECIMAL = 5;
const FORM = 0x0f;
/** All values are one. */
const SAME = 0x40;
/** Some rows have no value. */
const SOME = 0x80;

/** Powers of ten that are exact, and with which a quotient is what JSON's digits would have given. */
const POWERS = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10];
/** Above this a decimal saves less than it takes to divide. */
const DECIMAL_MAX = 2 ** 35;

/** Made once and used for many columns. */
export class NumberColumn {
  /** (rows) */
  values = new Float64Array(64);
  /** (rows) 1 where the row has a value. */
  private present = new Uint8Array(64);
  private rows = 0;
  /** Rows that have a value. */
  private held = 0;
  /** Digits behind the point of a DECIMAL column. */
  private digits = 0;

  /** Empties the column for so many rows. */
  reset(rows: number): void {
    if (rows > this.values.length) {
      this.values = new Float64Array(rows * 2);
      this.present = new Uint8Array(rows * 2);
    }
    this.rows = rows;
    this.held = 0;
  }

  /** Rows are set in order, each once. */
  set(row: number, value: number | undefined): void {
    const has = value !== undefined;
    this.present[row] = has ? 1 : 0;
    this.values[row] = has ? value : 0;
    if (has) this.held++;
  }

  /** Whether every row has a value. */
  get isFull(): boolean {
    return this.held === this.rows;
  }

  /** Whether the row has a value; then it is `values[row]`. */
  has(row: number): boolean {
    return this.present[row] === 1;
  }

  write(out: ByteWriter): void {
    const { rows, held } = this;
    out.ensure(2 + (rows >> 3) + 1 + held * VARINT_BYTES);
    const form = this.form();
    out.byte(form);
    if (form & SOME) this.writePresent(out);
    const kind = form & FORM;
    if (kind === DECIMAL) out.byte(this.digits);
    const scale = POWERS[this.digits]!;
    let left = kind === INDEX ? 0 : form & SAME ? 1 : held;
    for (let row = 0; left > 0; row++) {
      if (this.present[row] === 0) continue;
      left--;
      const value = this.values[row]!;
      if (kind === INTEGER) out.varint(value);
      else if (kind === DECIMAL) out.varint(Math.round(value * scale));
      else if (kind === FLOAT32) out.float32(value);
      else out.float64(value);
    }
  }

  /** Reads a column of `rows`. */
  read(from: ByteReader, rows: number): void {
    this.reset(rows);
    const { values, present } = this;
    const form = from.byte();
    const some = (form & SOME) !== 0;
    if (form === NONE) {
      present.fill(0, 0, rows);
      return;
    }
    if (some) this.readPresent(from);
    else present.fill(1, 0, rows);
    if (!some) this.held = rows;
    const kind = form & FORM;
    if (kind === INDEX) {
      for (let row = 0; row < rows; row++) values[row] = row;
      return;
    }
    const scale = kind === DECIMAL ? POWERS[from.byte()] : 1;
    if (scale === undefined) throw new RangeError("a decimal of too many digits");
    const last = form & SAME ? Math.min(present.indexOf(1) + 1, rows) : rows;
    // A loop for each form: numbers that pass through a common function are boxed on the way.
    if (kind === INTEGER || kind === DECIMAL) {
      for (let row = 0; row < last; row++) if (present[row] === 1) values[row] = from.varint() / scale;
    } else if (kind === FLOAT32) {
      for (let row = 0; row < last; row++) if (present[row] === 1) values[row] = from.float32();
    } else if (kind === FLOAT64) {
      for (let row = 0; row < last; row++) if (present[row] === 1) values[row] = from.float64();
    } else {
      throw new RangeError(`unknown form of a column ${form}`);
    }
    if (form & SAME) values.fill(values[last - 1]!, last, rows);
  }

  private form(): number {
    const { rows, held, values, present } = this;
    if (held === 0) return NONE;
    let first = 0;
    while (present[first] === 0) first++;
    let index = true;
    let same = true;
    let integer = true;
    let float32 = true;
    // Object.is everywhere: the sign of a zero is part of a number.
    for (let row = first; row < rows; row++) {
      if (present[row] === 0) continue;
      const value = values[row]!;
      index &&= Object.is(value, row);
      same &&= Object.is(value, values[first]);
      integer &&= Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0);
      float32 &&= Object.is(Math.fround(value), value);
    }
    const some = held < rows ? SOME : 0;
    if (index) return INDEX | some;
    const kind = integer ? INTEGER : float32 ? FLOAT32 : this.findDigits() ? DECIMAL : FLOAT64;
    return kind | (same ? SAME : 0) | some;
  }

  /** Sets `digits` to the fewest that give back every value; false where none do. Most columns fail at the first value. */
  private findDigits(): boolean {
    let digits = 0;
    for (let row = 0; row < this.rows; row++) {
      if (this.present[row] === 0) continue;
      const value = this.values[row]!;
      while (!isDecimal(value, POWERS[digits]!)) if (++digits === POWERS.length) return false;
    }
    // More digits than a value needs may be too many for it.
    for (let row = 0; row < this.rows; row++) {
      if (this.present[row] === 1 && !isDecimal(this.values[row]!, POWERS[digits]!)) return false;
    }
    this.digits = digits;
    return true;
  }

  private writePresent(out: ByteWriter): void {
    for (let from = 0; from < this.rows; from += 8) {
      let bits = 0;
      for (let row = from; row < Math.min(from + 8, this.rows); row++)
        bits |= this.present[row]! << (row & 7);
      out.byte(bits);
    }
  }

  private readPresent(from: ByteReader): void {
    let bits = 0;
    for (let row = 0; row < this.rows; row++) {
      if ((row & 7) === 0) bits = from.byte();
      const has = (bits >> (row & 7)) & 1;
      this.present[row] = has;
      this.held += has;
    }
  }
}

/** Whether `value` comes back as it is; a negative zero would not. */
function isDecimal(value: number, scale: number): boolean {
  const scaled = Math.round(value * scale);
  return value >= 0 && scaled <= DECIMAL_MAX && Object.is(Math.abs(scaled) / scale, value);
}
