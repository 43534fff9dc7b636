/**
 * Text in blocks of whole lines. A block is decoded at once (one native call instead of one a field), and cutting at
 * newlines keeps characters whole. A line longer than 1 MiB is dropped as it is read and only reported.
 *
 * Text is UTF-8; a line that is not is taken for Latin-1, which is what the `.dat` files of MovieLens are.
 */
import { isAscii, isUtf8 } from "node:buffer";
import { UpnextError } from "../../core/index.ts";
import { readBytes } from "./bytes.ts";

/** The longest line that is read, in bytes without its newline. */
export const LONGEST_LINE = 1024 * 1024;

export interface TextBlock {
  /** Whole lines, each ended by "\n", the file's last one too. Empty where `overlong`. */
  readonly text: string;
  /** This stands for one line that was longer than `LONGEST_LINE`. */
  readonly overlong: boolean;
  /** Bytes of the file on the disk that have been read. */
  readonly done: number;
}

const LF = 10;

export async function* textBlocks(path: string): AsyncGenerator<TextBlock> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let skipping = false;
  let first = true;
  let done = 0;
  for await (const chunk of readBytes(path)) {
    done = chunk.done;
    let data = chunk.data;
    if (first) data = withoutMark(data, path);
    first = false;
    const newline = data.indexOf(LF);
    if (skipping || heldBytes + (newline < 0 ? data.length : newline) > LONGEST_LINE) {
      held = [];
      heldBytes = 0;
      skipping = newline < 0;
      if (skipping) continue;
      yield { text: "", overlong: true, done };
      data = data.subarray(newline + 1);
    }
    const end = data.lastIndexOf(LF) + 1;
    if (end > 0) {
      const whole = data.subarray(0, end);
      const bytes = heldBytes > 0 ? Buffer.concat([...held, whole]) : whole;
      held = [];
      heldBytes = 0;
      yield { text: decode(bytes), overlong: false, done };
    }
    if (end < data.length) {
      held.push(data.subarray(end));
      heldBytes += data.length - end;
    }
  }
  if (skipping) yield { text: "", overlong: true, done };
  if (heldBytes > 0) yield { text: `${decode(Buffer.concat(held))}\n`, overlong: false, done };
}

/** Drops a UTF-8 byte order mark and refuses UTF-16. */
export function withoutMark(data: Buffer, path: string): Buffer {
  if (data[0] === 0xef && data[1] === 0xbb && data[2] === 0xbf) return data.subarray(3);
  if ((data[0] === 0xff && data[1] === 0xfe) || (data[0] === 0xfe && data[1] === 0xff)) {
    throw new UpnextError(
      "unknown_format",
      `${path}: the text is UTF-16; expected UTF-8. Convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW`,
    );
  }
  return data;
}

export function decode(bytes: Buffer): string {
  if (isAscii(bytes)) return bytes.toString("latin1");
  if (isUtf8(bytes)) return bytes.toString("utf8");
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const newline = bytes.indexOf(LF, at);
    const end = newline < 0 ? bytes.length : newline + 1;
    const line = bytes.subarray(at, end);
    text += isUtf8(line) ? line.toString("utf8") : line.toString("latin1");
    at = end;
  }
  return text;
}

/**
 * A copy of a piece of a block that does not keep the block alive: V8 makes slices of 13 and more characters as views
 * of their parent, and one id of 36 characters would hold 256 KiB.
 */
export function own(text: string): string {
  return text.length < 13 ? text : Buffer.from(text, "utf8").toString("utf8");
}
