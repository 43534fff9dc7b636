/** Bars on a terminal, plain lines elsewhere, nothing with --quiet. */
import { type Clock, silent } from "../core/index.ts";
import { progressBars } from "./progress-bars.ts";
import { progressLines } from "./progress-lines.ts";
import type { TerminalProgress } from "./terminal-progress.ts";

export function chooseProgress(stream: NodeJS.WriteStream, clock: Clock, quiet: boolean): TerminalProgress {
  if (quiet) return { ...silent, end() {}, stop() {} };
  const { TERM } = process.env;
  if (stream.isTTY === true && TERM !== "dumb") return progressBars(stream, clock);
  return progressLines((line) => stream.write(`${line}\n`), clock);
}
