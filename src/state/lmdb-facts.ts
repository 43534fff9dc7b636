/** What the LMDB file says of itself, and what is said of it where it cannot be used. */
import type { RootDatabase } from "lmdb";
import { UpnextError } from "../core/index.ts";
import { problemOfFacts } from "./kept-facts.ts";
import { FORMAT_KEY, LOG_KEY } from "./lmdb-keys.ts";
import type { StateLimits } from "./user-state.ts";

export type Database = RootDatabase<Buffer, Buffer>;

/** Version of the layout of the whole file; a state has its own. */
const FORMAT = "upnext-state/1";

/**
 * Throws `store_unavailable` where the file is of another version, program or log, or was filled with lower limits.
 * Lower limits than before are taken and remembered, and so is the first log. A touch is never dropped from the file for
 * its age, so any age may be wanted.
 */
export function checkFacts(
  db: Database,
  path: string,
  { touches, vetoes }: StateLimits,
  log: string | undefined,
): void {
  const bytes = db.getBinary(FORMAT_KEY);
  const known = db.getBinary(LOG_KEY);
  if (bytes === undefined && db.getKeysCount({ start: Buffer.from([0]), limit: 1 }) > 0) {
    throw unreadable(path, "it is the LMDB file of another program");
  }
  if (bytes !== undefined) {
    const [format = "none", keptTouches, keptVetoes] = Buffer.from(bytes).toString().split(" ");
    const kept = {
      format,
      touches: Number(keptTouches),
      vetoes: Number(keptVetoes),
      log: known && Buffer.from(known).toString(),
    };
    const problem = problemOfFacts(kept, { format: FORMAT, touches, vetoes, log });
    if (problem !== undefined) throw unreadable(path, problem);
  }
  const wanted = Buffer.from(`${FORMAT} ${touches} ${vetoes}`);
  if (bytes === undefined || !wanted.equals(bytes)) db.putSync(FORMAT_KEY, wanted);
  if (known === undefined && log !== undefined) db.putSync(LOG_KEY, Buffer.from(log));
}

/** The store cannot be used as it is. All of it is a fold of the log, so the cure is always the same. */
export function unreadable(path: string, what: string, cause?: unknown): UpnextError {
  const reason = cause === undefined ? what : `${what} (${messageOf(cause)})`;
  return new UpnextError(
    "store_unavailable",
    `LMDB state store in ${path}: ${reason}; delete the folder, and the state is rebuilt from the log at the next start`,
    { cause },
  );
}

/** lmdb-js tells why a commit failed by a second promise that rejects, which nobody else listens to. */
export async function commitError(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !("commitError" in error)) return error;
  try {
    await error.commitError;
    return error;
  } catch (cause) {
    return cause;
  }
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
