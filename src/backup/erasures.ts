/** Who was forgotten, and until when: what an older backup does not know, and must be told when it is restored. */
import { join } from "node:path";
import { createCatalog } from "../catalog/index.ts";
import { systemClock, UpnextError, type UserId } from "../core/index.ts";
import { type FileLog, isValidId, openFileLog } from "../events/index.ts";
import { openSnapshots } from "../snapshots/index.ts";

/** The newest erasure of each user, EpochMs. */
export type ErasureTimes = ReadonlyMap<UserId, number>;

/** The erasures of the log in `directory`, those of what retention has dropped included. */
export async function erasuresOf(directory: string): Promise<ErasureTimes> {
  const log = await openFileLog(join(directory, "log"), { readOnly: true });
  try {
    return await erasuresIn(directory, log);
  } finally {
    await log.close();
  }
}

/** The same of a log that is open. */
export async function erasuresIn(directory: string, log: FileLog): Promise<ErasureTimes> {
  const snapshots = await openSnapshots(join(directory, "snapshots"), { clock: systemClock, log: log.id });
  const snapshot = await snapshots.newest({ from: log.first, through: log.end });
  if (snapshot === undefined && log.first > 0) {
    throw new UpnextError(
      "snapshot_corrupt",
      `${directory}: expected a snapshot of what came before event ${log.first}, where the log begins, and found none that is whole: who was forgotten before is not known.`,
    );
  }
  const catalog = (await snapshot?.catalog()) ?? createCatalog();
  for await (const batch of log.read(catalog.applied)) catalog.apply(batch);
  return catalog.erasures;
}

/** One line of JSON a user, ordered by user. */
export function erasureLines(erasures: ErasureTimes): string {
  const rows = [...erasures].sort(([a], [b]) => (a < b ? -1 : 1));
  return rows.map(([user, time]) => `${JSON.stringify({ user, time })}\n`).join("");
}

/** What `erasureLines` wrote. Throws `invalid_request`, naming the line. */
export function parseErasures(text: string, where: string): ErasureTimes {
  const erasures = new Map<UserId, number>();
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const { user, time } = parseLine(line);
    if (typeof user !== "string" || !isValidId(user) || !Number.isSafeInteger(time)) {
      throw new UpnextError(
        "invalid_request",
        `${where}:${i + 1}: expected {"user": ID, "time": milliseconds since 1970}, as upnext erasures writes it, got something else`,
      );
    }
    const known = erasures.get(user as UserId) ?? -Infinity;
    erasures.set(user as UserId, Math.max(known, time as number));
  }
  return erasures;
}

function parseLine(line: string): { readonly user?: unknown; readonly time?: unknown } {
  try {
    return Object(JSON.parse(line));
  } catch {
    return {};
  }
}
