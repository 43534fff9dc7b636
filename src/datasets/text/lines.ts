/** The lines of a text file, pushed into a sink one by one. */
import { textBlocks } from "./text-blocks.ts";

export interface LineSink {
  /** `text` without its newline (LF or CRLF); `line` counts from 1. Blank lines are not given. */
  line(text: string, line: number): void;
  /** A line longer than `LONGEST_LINE`. */
  overlong(line: number): void;
}

/** Yields the number of bytes read each time that it has pushed the lines of a block. */
export async function* eachLine(path: string, sink: LineSink): AsyncGenerator<number> {
  let line = 0;
  for await (const { text, overlong, done } of textBlocks(path)) {
    if (overlong) sink.overlong(++line);
    for (let at = 0; at < text.length; ) {
      const newline = text.indexOf("\n", at);
      const end = newline > at && text.charCodeAt(newline - 1) === 13 ? newline - 1 : newline;
      line++;
      if (end > at) sink.line(text.slice(at, end), line);
      at = newline + 1;
    }
    yield done;
  }
}

export const OVERLONG = "the line is longer than 1 MiB";
