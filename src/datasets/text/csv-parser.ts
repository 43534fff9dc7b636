/**
 * CSV after RFC 4180: quoted fields, doubled quotes, newlines inside quotes, CRLF. Our own, since none of the
 * project's dependencies parses CSV as a stream outside a database, and because materialising only the wanted columns
 * is what makes it fast. Lenient in one point: a quote inside an unquoted field is a character (5" screen).
 *
 * After a quoting error it goes on with the line after the one on which the record began, so that a stray quote costs
 * one row and not the rest of the file.
 */
import { UpnextError } from "../../core/index.ts";
import { OVERLONG } from "./lines.ts";
import { LONGEST_LINE } from "./text-blocks.ts";

export interface CsvSink {
  /**
   * `fields[slot]` is set for each wanted column below `count`, the number of fields of the record; the array is used
   * again for the next record. `line` is where the record begins.
   */
  record(fields: readonly string[], count: number, line: number): void;
  bad(line: number, reason: string): void;
}

const LF = 10;
const CR = 13;
const QUOTE = 34;

export class CsvParser {
  private readonly delimiter: number;
  private readonly slots: Int32Array;
  private readonly sink: CsvSink;
  private readonly fields: string[];
  /** Beginning of a record whose closing quote has not come yet; begins on line `line`. */
  private carry = "";
  private line = 1;

  /** `slots[column]` is where the column's field goes, -1 where it is not wanted. */
  constructor(delimiter: string, slots: Int32Array, sink: CsvSink) {
    this.delimiter = delimiter.charCodeAt(0);
    this.slots = slots;
    this.sink = sink;
    this.fields = new Array<string>(slots.length).fill("");
  }

  /** Takes a block of whole lines. */
  push(block: string): void {
    let text = this.carry === "" ? block : this.carry + block;
    this.carry = "";
    for (;;) {
      const open = text.slice(this.scan(text));
      if (open.length <= LONGEST_LINE) {
        this.carry = open;
        return;
      }
      text = this.giveUp(open, "a quote is opened and not closed within 1 MiB");
    }
  }

  /** Takes a line that was too long to be read; a record that reaches into it is lost with it. */
  pushOverlong(): void {
    this.end();
    this.sink.bad(this.line++, OVERLONG);
  }

  /** The file is at its end: a record that is still open is bad, the lines after its first are records again. */
  end(): void {
    while (this.carry !== "") {
      const text = this.giveUp(this.carry, "a quote is opened and never closed");
      this.carry = "";
      const rest = this.scan(text);
      this.carry = text.slice(rest);
    }
  }

  /** Reports the record at the beginning of `text` and returns what follows its first line. */
  private giveUp(text: string, reason: string): string {
    this.sink.bad(this.line++, reason);
    return text.slice(text.indexOf("\n") + 1);
  }

  /** Pushes the whole records of `text`, which ends with a newline, and returns where the unfinished one begins. */
  private scan(text: string): number {
    const { delimiter, slots, fields } = this;
    const columns = slots.length;
    // The loop below stops at newlines alone: without one at the end it would never stop.
    if (text !== "" && text.charCodeAt(text.length - 1) !== LF) {
      throw new UpnextError(
        "internal",
        "csv: expected a block of whole lines, got one that ends within a line",
      );
    }
    let at = 0;
    while (at < text.length) {
      const start = at;
      let line = this.line;
      let column = 0;
      for (;;) {
        const slot = column < columns ? slots[column]! : -1;
        if (text.charCodeAt(at) === QUOTE) {
          const close = closingQuote(text, at + 1);
          if (close < 0) return start;
          if (slot >= 0) fields[slot] = unquoted(text, at + 1, close);
          line += newlines(text, at + 1, close);
          at = close + 1;
          if (text.charCodeAt(at) === CR && text.charCodeAt(at + 1) === LF) at++;
          const after = text.charCodeAt(at);
          if (after !== delimiter && after !== LF) {
            at = -1;
            break;
          }
        } else {
          const from = at;
          let code = text.charCodeAt(at);
          while (code !== delimiter && code !== LF) code = text.charCodeAt(++at);
          if (slot >= 0) {
            const to = code === LF && at > from && text.charCodeAt(at - 1) === CR ? at - 1 : at;
            fields[slot] = text.slice(from, to);
          }
        }
        column++;
        if (text.charCodeAt(at++) === LF) break;
      }
      if (at < 0) {
        this.sink.bad(this.line++, "a closing quote is followed by neither a delimiter nor the line's end");
        at = text.indexOf("\n", start) + 1;
        continue;
      }
      if (column > 1 || !blank(text, start, at)) this.sink.record(fields, column, this.line);
      this.line = line + 1;
    }
    return at;
  }
}

function closingQuote(text: string, from: number): number {
  let at = text.indexOf('"', from);
  while (at >= 0 && text.charCodeAt(at + 1) === QUOTE) at = text.indexOf('"', at + 2);
  return at;
}

function unquoted(text: string, from: number, to: number): string {
  const field = text.slice(from, to);
  return field.includes('"') ? field.replaceAll('""', '"') : field;
}

function newlines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf("\n", from); at >= 0 && at < to; at = text.indexOf("\n", at + 1)) count++;
  return count;
}

function blank(text: string, start: number, next: number): boolean {
  const length = next - start - 1;
  return length === 0 || (length === 1 && text.charCodeAt(start) === CR);
}
