/** How a command fails: one line that says what and where, a pointer to the docs, and an exit code. */
import { CommanderError } from "commander";
import { UpnextError } from "../core/index.ts";

/** 0 done, 1 failed, 2 called wrongly, 3 done, but the release gate refused the bundle. */
const FAILED = 1;
export const CALLED_WRONGLY = 2;
export const REFUSED = 3;

/** The command line itself is wrong, in a way that commander does not see. */
export class UsageError extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "UsageError";
  }
}

/** Writes what there is to say about `error` and returns the exit code. */
export function report(error: unknown, write: (text: string) => void, debug: boolean): number {
  // Commander has written its message, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : CALLED_WRONGLY;
  if (error instanceof UsageError) {
    write(`error: ${error.message}\n`);
    return CALLED_WRONGLY;
  }
  if (error instanceof UpnextError) {
    write(`error ${error.code}: ${error.message}\n  see docs/errors.md#${error.code}\n`);
    if (debug && error.cause !== undefined) write(`caused by ${stackOf(error.cause)}\n`);
    return FAILED;
  }
  const message = error instanceof Error ? error.message : String(error);
  write(`error internal: ${message.split("\n")[0]}\n`);
  write(debug ? `${stackOf(error)}\n` : "  This is a bug. UPNEXT_DEBUG=1 shows where it happened.\n");
  return FAILED;
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { stack = error.message, cause } = error;
  return cause === undefined ? stack : `${stack}\ncaused by ${stackOf(cause)}`;
}

/** The same of a value that parses a part of the command line: what it refuses is a wrong call. */
export function asUsage<T>(option: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof UpnextError) throw new UsageError(`${option}: ${error.message}`, { cause: error });
    throw error;
  }
}
